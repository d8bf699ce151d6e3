// Members that led to what belongs to somebody else, and now lead to what belongs to the object.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// What functions call that give something back.
bool gives_back(std::string_view callee) {
    return callee.find("free") != callee.npos || callee.starts_with("destroy_") || callee.ends_with("_destroy");
}

// The members that a function gives back what they lead to, and by which function.
std::map<std::string, std::string> taken_members(Words words) {
    std::map<std::string, std::string> taken;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        if (words[at + 1] != "(" || !is_identifier(words[at]) || !gives_back(words[at]))
            continue;
        const std::optional<std::vector<Words>> arguments = arguments_of(words, at + 1);
        for (const Words& argument : arguments.value_or(std::vector<Words>()))
            if (std::string object = pointer_of(argument); object.starts_with("->"))
                taken.emplace(std::move(object), words[at]);
    }
    return taken;
}

// How a function fills a member: with what it makes, with what it was handed or found.
struct Stores {
    std::set<std::string> own, borrowed;
};

class StoreReader {
public:
    explicit StoreReader(Words words) : words_(words) {
        for (const MadeObject& object : made_objects(words)) {
            makes_.insert(object.variable);
            if (object.variable.starts_with("->"))
                stores_.own.insert(object.variable);
        }
        for (size_t at = 1; at + 1 < words.size(); ++at)
            if (words[at + 1] == "=" && words[at - 1] != "->" && words[at - 1] != ".")
                assigned_.insert(words[at]);
    }

    Stores run() {
        constexpr std::array stores{std::string_view("rcu_assign_pointer"), std::string_view("RCU_INIT_POINTER"),
                                    std::string_view("WRITE_ONCE"), std::string_view("smp_store_release")};
        for (size_t at = 1; at + 1 < words_.size(); ++at) {
            if (words_[at] == "=" && at > 1 && (words_[at - 2] == "->" || words_[at - 2] == "."))
                add(member_before(at), expression_at(words_, at + 1));
            if (words_[at + 1] != "(" || std::ranges::find(stores, words_[at]) == stores.end())
                continue;
            if (const auto arguments = arguments_of(words_, at + 1); arguments && arguments->size() == 2)
                add(object_of((*arguments)[0]), (*arguments)[1]);
        }
        return std::move(stores_);
    }

private:
    std::string member_before(size_t at) const {
        size_t begin = at;
        while (begin > 0 && (is_identifier(words_[begin - 1]) || words_[begin - 1] == "->" || words_[begin - 1] == "."))
            --begin;
        return object_of(words_.subspan(begin, at - begin));
    }
    void add(const std::string& member, Words value) {
        if (!member.starts_with("->") || value.empty())
            return;
        if (value.size() > 1) {
            // `&x`, `p->member`: what belongs to somebody. Of a call nobody knows.
            const bool is_call = std::ranges::find(value, "(") != value.end();
            if (!is_call)
                stores_.borrowed.insert(member);
        } else if (makes_.contains(value[0])) {
            stores_.own.insert(member);
        } else if (value[0].starts_with('"') ||
                   (is_identifier(value[0]) && value[0] != "NULL" && !assigned_.contains(value[0]))) {
            stores_.borrowed.insert(member);
        }
    }

    Words words_;
    std::set<std::string, std::less<>> makes_;
    std::set<std::string_view> assigned_;
    Stores stores_;
};

bool is_taken(const FunctionWords& functions, const std::string& member) {
    return std::ranges::any_of(functions, [&](const auto& one) { return taken_members(one.second).contains(member); });
}

// Of the functions that change: one that fills the member with what it makes, where it was handed that before.
std::string other_filler(const ObjectTexts& texts, const std::string& member) {
    for (const std::string& function : texts.changed) {
        const Stores before = StoreReader(texts.before.at(function)).run();
        if (!before.borrowed.contains(member) || before.own.contains(member))
            continue;
        const Stores after = StoreReader(texts.after.at(function)).run();
        if (after.own.contains(member) && !after.borrowed.contains(member))
            return function;
    }
    return {};
}

} // namespace

//     -	box->name = name;
//     +	box->name = kstrdup(name, GFP_KERNEL);	+	kfree(box->name);	old boxes have what the caller
//     handed in
std::vector<ObjectChange> compare_owned(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        const auto before = taken_members(texts.before.at(function));
        for (const auto& [member, by] : taken_members(texts.after.at(function))) {
            if (before.contains(member) || is_taken(texts.before, member))
                continue;
            if (const std::string maker = other_filler(texts, member); !maker.empty())
                found.push_back({ObjectChange::Kind::owner, function, maker, member, {}, by});
        }
    }
    return found;
}

} // namespace klp::source
