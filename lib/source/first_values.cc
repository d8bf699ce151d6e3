// First values that a function gives to what it makes, and others go by.
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace klp::source {

namespace {

using Kind = ObjectChange::Kind;

// `c->wqh.lock` of a `struct ctx *c`.
struct TypedMember {
    std::string type; // "ctx"
    std::string path; // "->wqh.lock"
    auto operator<=>(const TypedMember&) const = default;
};

// The member that the words from `at` on lead to; no path if they begin with no pointer to a structure.
TypedMember member_at(Words words, size_t at, const Pointers& pointers) {
    if (at + 2 >= words.size() || words[at + 1] != "->" || (at > 0 && (words[at - 1] == "->" || words[at - 1] == ".")))
        return {};
    TypedMember member{pointers.type_of(words[at]), "->" + std::string(words[at + 2])};
    for (size_t next = at + 3; next + 1 < words.size() && (words[next] == "." || words[next] == "->"); next += 2)
        member.path += '.' + std::string(words[next + 1]);
    return member.type.empty() ? TypedMember{} : member;
}

// list_del_init() takes an entry out of a list that it was in.
bool is_first_value(std::string_view callee) {
    if (callee.ends_with("_del_init"))
        return false;
    return callee.starts_with("INIT_") || callee.ends_with("_init") || callee.starts_with("init_") ||
           callee == "timer_setup" || callee == "refcount_set" || callee == "atomic_set";
}

// The member whose address is given: `& ctx -> wqh`, `( unsigned long * ) & ctx -> flags`.
TypedMember member_given(Words argument, const Pointers& pointers) {
    const auto address = std::ranges::find(argument, "&");
    return address == argument.end()
               ? TypedMember{}
               : member_at(argument, static_cast<size_t>(address - argument.begin()) + 1, pointers);
}

// What a function does to members for the first time.
struct FirstValues {
    std::set<TypedMember> called;              // by a call that is for nothing else, of whatever object
    std::map<TypedMember, std::string> stored; // of what it makes, and the value

    bool has(const TypedMember& member) const { return called.contains(member) || stored.contains(member); }
};

class ValueReader {
public:
    // `own`: how many of the words are the function's, before those of its helpers.
    ValueReader(std::string_view function, Words words, size_t own = SIZE_MAX)
        : words_(words), own_(own), made_(made_variables(function, words)) {}

    FirstValues run() {
        for (size_t at = 0; at + 4 < words_.size(); ++at) {
            pointers_.read(words_, at);
            is_helper_ = at >= own_;
            if (words_[at + 1] == "(")
                read_call(at);
            const std::string& type = pointers_.type_of(words_[at]);
            if (words_[at + 1] == "->" && words_[at + 3] == "=" && is_made(words_[at], type))
                store(member_at(words_, at, pointers_), expression_at(words_, at + 4));
            if (words_[at] == "*" && words_[at + 2] == "=" && words_[at + 3] == "(" && is_made(words_[at + 1], {}))
                read_whole(pointers_.type_of(words_[at + 1]), expression_at(words_, at + 3));
        }
        values_.called.erase(TypedMember{});
        values_.stored.erase(TypedMember{});
        return std::move(values_);
    }

private:
    // In a helper the object has another name, and the same type.
    bool is_made(std::string_view variable, const std::string& type) const {
        return made_.contains(variable) ||
               (!type.empty() && is_helper_ &&
                std::ranges::any_of(made_, [&](const auto& one) { return one.second == type; }));
    }
    void store(const TypedMember& member, Words value) { values_.stored.emplace(member, joined(value)); }
    void read_call(size_t at) {
        const bool is_store = words_[at] == "WRITE_ONCE" || words_[at] == "smp_store_release";
        const bool is_bit = words_[at].ends_with("set_bit");
        const bool is_first = is_first_value(words_[at]);
        if (!is_store && !is_bit && !is_first)
            return;
        const auto arguments = arguments_of(words_, at + 1);
        if (!arguments || arguments->empty())
            return;
        if (is_first)
            values_.called.insert(member_given(arguments->front(), pointers_));
        else if (is_store && arguments->size() == 2 &&
                 is_made(arguments->front()[0], pointers_.type_of(arguments->front()[0])))
            store(member_at(arguments->front(), 0, pointers_), (*arguments)[1]);
        else if (is_bit && arguments->size() == 2) {
            const auto pointer = std::ranges::find((*arguments)[1], "->");
            if (pointer != (*arguments)[1].begin() && pointer != (*arguments)[1].end() &&
                is_made(*(pointer - 1), pointers_.type_of(*(pointer - 1))))
                store(member_given((*arguments)[1], pointers_), arguments->front());
        }
    }
    // `* ctx = ( struct ctx ) { . state = 1 , . name = n }`
    void read_whole(const std::string& type, Words value) {
        for (size_t at = 0; at + 3 < value.size(); ++at)
            if (value[at] == "." && value[at + 2] == "=" && (value[at - 1] == "{" || value[at - 1] == ","))
                store({type, "->" + std::string(value[at + 1])}, expression_at(value, at + 3));
    }

    Words words_;
    size_t own_;
    MadeVariables made_;
    Pointers pointers_;
    bool is_helper_ = false;
    FirstValues values_;
};

size_t uses_of(const TypedMember& member, Words words) {
    size_t count = 0;
    Pointers pointers;
    for (size_t at = 0; at < words.size(); ++at) {
        pointers.read(words, at);
        const TypedMember used = member_at(words, at, pointers);
        count += used.type == member.type && (used.path == member.path || used.path.starts_with(member.path + '.'));
    }
    return count;
}

using ValuesOfFunctions = std::map<std::string, FirstValues, std::less<>>;

ValuesOfFunctions read_all(const FunctionWords& functions) {
    ValuesOfFunctions all;
    for (const auto& [function, words] : functions)
        all.emplace(function, ValueReader(function, words).run());
    return all;
}

// The path ends with ` -> m` and is compared: `-> m == value`, `-> m & value`.
bool is_compared(Words words, const std::string& member, std::string_view value) {
    constexpr std::array comparisons{std::string_view("=="), std::string_view("!="), std::string_view("&"),
                                     std::string_view("<"),  std::string_view(">"),  std::string_view("<="),
                                     std::string_view(">=")};
    for (size_t at = 0; at + 3 < words.size(); ++at)
        if (words[at] == "->" && words[at + 1] == member && words[at + 3] == value &&
            std::ranges::find(comparisons, words[at + 2]) != comparisons.end())
            return true;
    return false;
}

class Comparison {
public:
    explicit Comparison(const ObjectTexts& texts) : texts_(texts) {}

    std::vector<ObjectChange> run() {
        for (const std::string& function : texts_.changed)
            after_.emplace(function, with_own_helpers(texts_.after, texts_.before, function));
        for (const std::string& function : texts_.changed)
            if (FirstValues is = ValueReader(function, after_.at(function), texts_.after.at(function).size()).run();
                !is.called.empty() || !is.stored.empty())
                values_.emplace(function, std::move(is));
        if (values_.empty())
            return {};
        before_ = read_all(texts_.before);
        for (const auto& [function, is] : values_) {
            for (const TypedMember& member : is.called)
                look_at(function, member, {});
            for (const auto& [member, value] : is.stored) {
                look_at(function, member, value);
                compare_value(function, member, value);
            }
        }
        return std::move(found_);
    }

private:
    // A member that is new is a matter of the type.
    bool is_new(const TypedMember& member) const {
        constexpr size_t arrow = 2;
        const std::string name = member.path.substr(arrow, member.path.find('.') - arrow); // "wqh" of "->wqh.lock"
        const std::string definition = definition_of(texts_.text_before.rest, member.type);
        const std::string last = member.path.substr(member.path.find_last_of(".>") + 1);
        return (!definition.empty() && count_word(definition, name) == 0) || !has_word(texts_.text_before, last);
    }
    bool had(const TypedMember& member) const {
        return std::ranges::any_of(before_, [&](const auto& one) { return one.second.has(member); });
    }
    void look_at(const std::string& function, const TypedMember& member, const std::string& value) {
        // One that has moved is no news here (moved_steps.h).
        if (is_new(member) || had(member))
            return;
        if (const std::string user = user_of(member, function); !user.empty())
            found_.push_back({Kind::first_value, function, user, member.path, {}, value});
    }
    // Another function of the patch that does more with a member than before.
    std::string user_of(const TypedMember& member, const std::string& maker) const {
        for (const std::string& function : texts_.changed)
            if (function != maker && uses_of(member, after_.at(function)) > uses_of(member, texts_.before.at(function)))
                return function;
        return {};
    }
    // Another value than before, with which another function now compares.
    void compare_value(const std::string& maker, const TypedMember& member, const std::string& value) {
        const auto& stored = before_.at(maker).stored;
        const auto was = stored.find(member);
        if (was == stored.end() || was->second == value)
            return;
        const std::vector<std::string_view> old = words_of(was->second), now = words_of(value);
        const std::string name = member.path.substr(member.path.find_last_of(".>") + 1);
        for (std::string_view part : now) {
            const bool is_value = is_identifier(part) || std::isdigit(static_cast<unsigned char>(part.front()));
            if (!is_value || std::ranges::find(old, part) != old.end())
                continue;
            for (const std::string& function : texts_.changed)
                if (function != maker && is_compared(after_.at(function), name, part) &&
                    !is_compared(texts_.before.at(function), name, part)) {
                    found_.push_back({Kind::value, maker, function, member.path, was->second, value});
                    return;
                }
        }
    }

    const ObjectTexts& texts_;
    std::map<std::string, std::vector<std::string_view>, std::less<>> after_;
    ValuesOfFunctions before_, values_;
    std::vector<ObjectChange> found_;
};

} // namespace

std::vector<ObjectChange> compare_first(const ObjectTexts& texts) {
    return Comparison(texts).run();
}

} // namespace klp::source
