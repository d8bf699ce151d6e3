#include "rewrite/first_states.h"

#include "rewrite/initialisers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace klp::rewrite {

namespace {

bool is_zero(const std::string& value) {
    constexpr std::array<std::string_view, 4> zeros = {"0", "NULL", "false", "0UL"};
    return value.empty() || std::ranges::find(zeros, value) != zeros.end();
}

std::string name_of(const MemberUse& use) {
    return use.member->getName().str();
}

std::string function_of(const MemberUse& use) {
    return use.function ? use.function->getName().str() : "?";
}

// Of the text behind a member's name, "[2].lock, 0", what leads further into it.
std::string path_in(const std::string& text) {
    return text.substr(0, text.find_first_of(", \t\n"));
}

// Can an initialiser name it? Not `[i]`.
bool is_designator(const std::string& path) {
    for (size_t at = path.find('['); at != std::string::npos; at = path.find('[', at + 1))
        if (at + 1 == path.size() || !std::isdigit(static_cast<unsigned char>(path[at + 1])))
            return false;
    return true;
}

// Does what makes `whole` ready do so with all that is in it?
bool is_within(const std::string& part, const std::string& whole) {
    return part.starts_with(whole) &&
           (part.size() == whole.size() || part[whole.size()] == '.' || part[whole.size()] == '[');
}

bool has_pointer(clang::QualType type) {
    type = type->getBaseElementTypeUnsafe()->getCanonicalTypeInternal();
    if (type->isPointerType())
        return true;
    const clang::RecordDecl* record = type->getAsRecordDecl();
    const clang::RecordDecl* definition = record ? record->getDefinition() : nullptr;
    return definition && std::ranges::any_of(definition->fields(), [](const clang::FieldDecl* field) {
               return has_pointer(field->getType());
           });
}

// The text of what a constructor does to one part of a member.
std::string statement_for(const UnreadyPart& part, const std::string& member) {
    const std::string call = fmt::format("{}(&new->{}{});", part.initialiser, member, part.path);
    if (!part.array)
        return call;
    return fmt::format("for (size_t at = 0; at < ARRAY_SIZE(new->{}{}); at++)\n\t\t{}", member, *part.array, call);
}

} // namespace

void FirstStates::note(const ParsedUnit& unit, const MemberUse& use, bool is_new_object) {
    note_holders(use);
    if (!use.is_read && !use.is_assigned && use.member->getType()->isRecordType() && has_pointer(use.member->getType()))
        linked_.insert(name_of(use));
    if (!use.callee.empty() && !use.is_read)
        note_call(unit, use, is_new_object);
    else if (use.is_assigned && is_new_object)
        note_assignment(use);
}

// What the code stores in a new object is what an old one should have had.
void FirstStates::note_assignment(const MemberUse& use) {
    const bool is_nothing = !use.constant.empty() && is_zero(use.constant);
    if (is_nothing)
        return;
    if (!use.is_always)
        note_value_of_some(use);
    else if (use.constant.empty() || !is_designator(use.path))
        note_unknown_value(use);
    else
        values_.try_emplace(name_of(use) + use.path, use.constant);
}

void FirstStates::note_call(const ParsedUnit& unit, const MemberUse& use, bool is_new_object) {
    const std::string member = name_of(use);
    if (const std::string_view constant = constant_for(use.callee); !constant.empty()) {
        // Where the object is not new, it only stores a value.
        if (!is_new_object || (!use.constant.empty() && is_zero(use.constant)))
            return;
        if (!use.is_always)
            note_value_of_some(use);
        else if (use.constant.empty() || !path_in(use.more_arguments).empty())
            note_unknown_value(use);
        else
            values_.try_emplace(member, fmt::format("{}({})", constant, use.constant));
        return;
    }
    if (!is_initialiser(use.callee)) {
        if (is_new_object)
            calls_.try_emplace(member, use.callee, function_of(use));
        return;
    }
    SetUp set_up = set_up_of(unit, use);
    set_up.leaves_zero = leaves_zero(use.callee);
    if (!set_up.prototypes.empty() && home_.empty())
        home_ = unit.main_file();
    set_ups_[member].try_emplace(path_in(use.more_arguments), std::move(set_up));
}

// A reference count that begins when the patch goes in has not counted who holds the object already.
void FirstStates::note_holders(const MemberUse& use) {
    const std::string type = use.member->getType().getAsString();
    if (type == "refcount_t" || type == "struct kref")
        ask(use, "rewrite.old-value",
            fmt::format("`{}` counts who holds the object. Those who hold one that is older than the patch were not "
                        "counted: the first of them that lets go would free it under the others",
                        name_of(use)),
            "count for new objects only, and let old ones end as before; whether it has a shadow variable tells one "
            "from the other");
}

// `if (flags & WRITE) p->is_write = true;` does not say what those are that exist.
void FirstStates::note_value_of_some(const MemberUse& use) {
    const std::string member = name_of(use);
    if (!use.constant.empty() && asked_.insert(member).second)
        remarks_.push_back(fmt::format(
            "{}() sets `{}` of some new objects to {}, and of others not. Which of those that are older than the "
            "patch it would have set, nobody knows: all read as zero until written to. Is that right for those "
            "that are in use when the patch comes? If not, tell them apart by what they had before, or give "
            "{}_default a value.",
            function_of(use), member, use.constant, structure_));
}

void FirstStates::note_unknown_value(const MemberUse& use) {
    const std::string text =
        fmt::format("{}() sets `{}` of a new object {}. What an object that is older than the patch "
                    "would have there, nobody knows: it reads as zero until it is written to",
                    function_of(use), name_of(use), use.constant.empty() ? "to what is no constant" : "one by one");
    if (use.is_pointer)
        questions_.push_back({"rewrite.old-value", text,
                              fmt::format("see that the code does without it where it is NULL, or give {}_default a "
                                          "value",
                                          structure_)});
    else
        remarks_.push_back(text + ".");
}

void FirstStates::finish(const std::vector<const clang::FieldDecl*>& members, Shadow& shadow) {
    shadow.values = values_;
    for (const clang::FieldDecl* member : members)
        construct(*member, shadow);
}

const SetUp* FirstStates::find_set_up(const std::string& member, const std::string& path) const {
    const auto known = set_ups_.find(member);
    if (known == set_ups_.end())
        return nullptr;
    const auto found =
        std::ranges::find_if(known->second, [&](const auto& set_up) { return is_within(path, set_up.first); });
    return found == known->second.end() ? nullptr : &found->second;
}

void FirstStates::construct(const clang::FieldDecl& member, Shadow& shadow) {
    const std::string name = member.getName().str();
    const std::map<std::string, SetUp>& shown = set_ups_[name];
    const std::vector<UnreadyPart> parts = unready_parts(member.getType());
    if (!parts.empty())
        constructed_.insert(name);
    for (const auto& [path, set_up] : shown)
        if (!set_up.other_name && path.find('[') == std::string::npos) {
            add_set_up(set_up, shadow);
            if (!set_up.leaves_zero)
                constructed_.insert(name);
        }
    for (const UnreadyPart& part : parts) {
        const SetUp* known = find_set_up(name, part.path);
        if (known && !known->other_name)
            continue;
        // One that needs what only the function knows is another state than the usual one.
        if (!known && !part.initialiser.empty()) {
            shadow.initialisers.push_back(statement_for(part, name));
            continue;
        }
        questions_.push_back(
            {"rewrite.no-initialiser",
             fmt::format("zero is no state of `{}{}` ({}), and the patch does not show how it is made ready{}", name,
                         part.path, part.type, known ? fmt::format(" without {}", *known->other_name) : ""),
             "make it ready in the constructor of the shadow variable"});
    }
    const auto call = calls_.find(name);
    if (call != calls_.end() && parts.empty() && shown.empty() && has_pointer(member.getType()))
        questions_.push_back(
            {"rewrite.no-initialiser",
             fmt::format("`{}` ({}) of a new object goes to {}() in {}(), and that of an object that is older than the "
                         "patch has not been there: it holds zeros, which may be no state of it",
                         name, member.getType().getAsString(), call->second.first, call->second.second),
             "make it ready in the constructor of the shadow variable, which must not sleep, or see that the code does "
             "with zeros"});
}

void FirstStates::add_set_up(const SetUp& set_up, Shadow& shadow) {
    shadow.initialisers.push_back(set_up.statement);
    shadow.object_names.insert(set_up.object_names.begin(), set_up.object_names.end());
    shadow.prototypes.insert(shadow.prototypes.end(), set_up.prototypes.begin(), set_up.prototypes.end());
}

// Once for a member.
void FirstStates::ask(const MemberUse& use, const char* code, std::string message, std::string hint) {
    if (asked_.insert(name_of(use)).second)
        questions_.push_back({code, std::move(message), std::move(hint)});
}

} // namespace klp::rewrite
