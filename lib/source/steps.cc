#include "source/steps.h"

#include "source/primitives.h"

#include <algorithm>
#include <array>
#include <optional>

namespace klp::source {

namespace {

using Does = Step::Does;

template <size_t Size>
bool has_part(std::string_view name, const std::array<std::string_view, Size>& parts) {
    for (size_t at = 0; at <= name.size();) {
        const size_t end = std::min(name.find('_', at), name.size());
        if (std::ranges::find(parts, name.substr(at, end - at)) != parts.end())
            return true;
        at = end + 1;
    }
    return false;
}

bool begins_statement(Words words, size_t at) {
    constexpr std::array before{std::string_view(";"), std::string_view("{"), std::string_view("}"),
                                std::string_view(")"), std::string_view(":"), std::string_view("else"),
                                std::string_view("do")};
    return at > 0 && std::ranges::find(before, words[at - 1]) != before.end();
}

// What makes a member ready that others may wait for, hold or be queued by. A number may be set again at any time, and
// list_del_init() takes an entry out of a list that it was in.
bool readies(std::string_view callee) {
    if (callee.ends_with("_del_init") || callee.find("reinit") != callee.npos)
        return false;
    return callee.starts_with("INIT_") || callee.starts_with("init_") || callee.ends_with("_init") ||
           callee.ends_with("_setup");
}

// By the name of the container, and what is done: list_del_rcu, hlist_del_init, rb_erase, xa_erase, ida_free.
bool removes(std::string_view callee) {
    constexpr std::array containers{
        std::string_view("list"),  std::string_view("hlist"),      std::string_view("hash"), std::string_view("rb"),
        std::string_view("xa"),    std::string_view("idr"),        std::string_view("ida"),  std::string_view("plist"),
        std::string_view("klist"), std::string_view("rhashtable"), std::string_view("radix")};
    constexpr std::array verbs{std::string_view("del"), std::string_view("erase"), std::string_view("remove"),
                               std::string_view("delete"), std::string_view("free")};
    while (callee.starts_with('_'))
        callee.remove_prefix(1);
    const std::string_view container = callee.substr(0, callee.find('_'));
    return std::ranges::find(containers, container) != containers.end() && has_part(callee, verbs);
}

std::string container_of(std::string_view callee) {
    while (callee.starts_with('_'))
        callee.remove_prefix(1);
    return std::string(callee.substr(0, callee.find('_')));
}

// kfree, kvfree_rcu, vfree, kfree_sensitive: whatever made it, that is said elsewhere (allocator-changed).
bool is_of_memory(std::string_view callee) {
    while (callee.starts_with('_'))
        callee.remove_prefix(1);
    return (callee.starts_with("kfree") || callee.starts_with("kvfree") || callee.starts_with("vfree") ||
            callee.starts_with("kmem_cache_free")) &&
           callee.find("skb") == callee.npos;
}

bool gives_back(std::string_view callee) {
    constexpr std::array verbs{std::string_view("free"), std::string_view("destroy")};
    return is_of_memory(callee) || has_part(callee, verbs);
}

// A function that, by its name, hands out what is the caller's from then on.
bool hands_out(std::string_view callee) {
    constexpr std::array parts{std::string_view("alloc"),  std::string_view("dup"),   std::string_view("get"),
                               std::string_view("lookup"), std::string_view("find"),  std::string_view("create"),
                               std::string_view("new"),    std::string_view("open"),  std::string_view("clone"),
                               std::string_view("copy"),   std::string_view("grab"),  std::string_view("read"),
                               std::string_view("tryget"), std::string_view("build"), std::string_view("make")};
    return callee.find("alloc") != callee.npos || callee.find("dup") != callee.npos ||
           callee.find("asprintf") != callee.npos || has_part(callee, parts);
}

class Reader {
public:
    Reader(Words words, const std::string& rest) : words_(words), rest_(rest) {
        for (size_t at = 1; at + 2 < words.size(); ++at)
            if (words[at] == "=" && is_identifier(words[at - 1]) &&
                !(at > 1 && (words[at - 2] == "->" || words[at - 2] == ".")))
                note_value(words[at - 1], expression_at(words, at + 1));
    }

    std::vector<Step> run() {
        for (size_t at = 0; at + 2 < words_.size(); ++at) {
            pointers_.read(words_, at);
            if (words_[at + 1] != "(" || !is_identifier(words_[at]))
                continue;
            if (const auto arguments = arguments_of(words_, at + 1); arguments && !arguments->empty())
                read_call(at, *arguments);
        }
        return std::move(steps_);
    }

private:
    // What a variable is anywhere in the function: its own, or read from a member.
    void note_value(std::string_view variable, Words value) {
        const auto call = std::ranges::find(value, "(");
        const size_t bracket = static_cast<size_t>(call - value.begin());
        if (call != value.end() && bracket > 0 && is_identifier(value[bracket - 1]) && hands_out(value[bracket - 1]))
            own_.insert(variable);
        else if (const std::string object = pointer_of(value); object.starts_with("->"))
            aliases_[std::string(variable)].insert(last_of(object));
    }
    static std::string last_of(std::string_view object) {
        return std::string(object.substr(object.find_last_of(".>") + 1));
    }

    void read_call(size_t at, const std::vector<Words>& arguments) {
        const std::string_view callee = words_[at];
        if (readies(callee))
            return add(Does::readies, callee, "ready", arguments.front());
        if (removes(callee))
            return add(Does::removes, callee, container_of(callee), arguments.front());
        if (gives_back(callee)) {
            const bool is_last = callee.starts_with("kmem_cache_free") || callee.starts_with("devm_");
            if (begins_statement(words_, at))
                add(Does::gives_back, callee, is_of_memory(callee) ? "memory" : std::string(callee),
                    is_last ? arguments.back() : arguments.front());
            return;
        }
        read_reference(at, arguments);
    }
    void read_reference(size_t at, const std::vector<Words>& arguments) {
        const std::string_view callee = words_[at];
        const bool is_try = callee.find("try") != callee.npos || callee.ends_with("not_zero");
        const bool is_test = callee.find("_and_test") != callee.npos;
        if (!begins_statement(words_, at) && !is_try && !is_test)
            return;
        // A number that is not called a reference counts something else.
        constexpr std::array verbs{std::string_view("get"),     std::string_view("put"),  std::string_view("hold"),
                                   std::string_view("release"), std::string_view("grab"), std::string_view("drop")};
        if (!has_part(callee, verbs) && !callee.starts_with("refcount_") && !is_test && !callee.ends_with("put"))
            return;
        const std::vector<PrimitiveUse> uses = primitive_uses(joined(call_at(words_, at)) + " ;");
        if (uses.empty() || (uses[0].does != PrimitiveUse::Does::gets && uses[0].does != PrimitiveUse::Does::puts))
            return;
        const std::string family = uses[0].what.substr(0, uses[0].what.find(' '));
        add(uses[0].does == PrimitiveUse::Does::gets ? Does::takes : Does::gives_back, callee, family,
            arguments.front());
    }
    void add(Does does, std::string_view callee, std::string family, Words argument) {
        Step step{does, callee, std::move(family), pointer_of(argument), {}, {}, {}, {}, false, false};
        const bool is_member = step.object.starts_with("->");
        // The variable that the path begins with, and no path by way of another structure.
        const auto first = std::ranges::find_if(argument, [&](std::string_view word) {
            return is_identifier(word) && word != "struct" && (is_member || word == step.object);
        });
        if (step.object.empty() || first == argument.end())
            return;
        const bool is_address = std::ranges::find(argument, "&") != argument.end();
        step.base = base_of(argument);
        step.is_of_file = !is_member && count_word(rest_, step.object) > 0 && pointers_.type_of(step.object).empty();
        if (does == Does::readies && (!is_member || !is_address))
            return;
        if (does == Does::removes && !is_member && !step.is_of_file)
            return;
        const bool is_direct = std::ranges::count(argument, std::string_view("->")) == 1;
        (is_member ? (is_direct ? step.base_type : step.type) : step.type) =
            is_member && !is_direct ? std::string() : pointers_.type_of(step.base);
        step.names.insert(does == Does::readies ? step.object : last_of(step.object));
        if (const auto alias = aliases_.find(step.object); !is_member && alias != aliases_.end())
            step.names.insert(alias->second.begin(), alias->second.end());
        step.is_own = own_.contains(step.base);
        steps_.push_back(std::move(step));
    }
    static std::string base_of(Words argument) {
        for (size_t at = 0; at < argument.size(); ++at)
            if (is_identifier(argument[at]) && argument[at] != "struct" &&
                (at + 1 == argument.size() || (argument[at + 1] != "(" && argument[at + 1] != "*")))
                return std::string(argument[at]);
        return {};
    }

    Words words_;
    const std::string& rest_;
    Pointers pointers_;
    std::set<std::string_view> own_;
    std::map<std::string, std::set<std::string>, std::less<>> aliases_;
    std::vector<Step> steps_;
};

bool differ(const std::string& one, const std::string& other) {
    return !one.empty() && !other.empty() && one != other;
}

} // namespace

std::vector<Step> steps_of(Words words, const std::string& rest) {
    return Reader(words, rest).run();
}

bool is_same_step(const Step& one, const Step& other) {
    if (one.does != other.does || one.family != other.family || differ(one.base_type, other.base_type) ||
        differ(one.type, other.type) || one.is_of_file != other.is_of_file)
        return false;
    const bool has_name =
        std::ranges::any_of(one.names, [&](const std::string& name) { return other.names.contains(name); });
    const bool has_types = !(one.base_type + one.type).empty() || !(other.base_type + other.type).empty();
    return (has_name && (has_types || one.is_of_file)) || (!one.type.empty() && one.type == other.type);
}

} // namespace klp::source
