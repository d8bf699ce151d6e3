// What new members hold before the patched code first writes to them: zero, a constant that all new objects get, or
// what a constructor has to make. Objects that are older than the patch have to have the same.
#pragma once

#include "rewrite/member_uses.h"
#include "rewrite/parsed_unit.h"
#include "rewrite/set_up.h"
#include "rewrite/shadow_code.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

// What only the author knows, as the parts of a finding.
struct OpenState {
    const char* code = "";
    std::string message;
    std::string hint;
};

class FirstStates {
public:
    // `structure`: the name of what holds the members (structure_name()).
    explicit FirstStates(std::string structure) : structure_(std::move(structure)) {}

    // Takes one use of a member; those of all units come before finish(). `is_new_object`: the function has just
    // allocated the object.
    void note(const ParsedUnit& unit, const MemberUse& use, bool is_new_object);

    // Gives the shadow variable its defaults and what its constructor does to these members.
    void finish(const std::vector<const clang::FieldDecl*>& members, Shadow& shadow);

    // After finish(): has the member a state that only the constructor makes? Then there are no defaults to read: even
    // who only looks at a list must find one that leads back to itself, and the same one the next time.
    bool is_constructed(const std::string& member) const { return constructed_.contains(member); }

    // Must it be memory of the object's own, whatever there is? What is constructed, and what others may link to: a
    // node of a hash table or tree, the head that an RCU callback goes by.
    bool must_exist(const std::string& member) const { return is_constructed(member) || linked_.contains(member); }

    const std::vector<OpenState>& questions() const { return questions_; }
    const std::vector<std::string>& remarks() const { return remarks_; }
    // The file of functions that the constructor refers to; empty if it needs none.
    const std::string& home() const { return home_; }

private:
    void note_assignment(const MemberUse& use);
    void note_call(const ParsedUnit& unit, const MemberUse& use, bool is_new_object);
    void note_holders(const MemberUse& use);
    void note_value_of_some(const MemberUse& use);
    void note_unknown_value(const MemberUse& use);
    void construct(const clang::FieldDecl& member, Shadow& shadow);
    const SetUp* find_set_up(const std::string& member, const std::string& path) const;
    void add_set_up(const SetUp& set_up, Shadow& shadow);
    void ask(const MemberUse& use, const char* code, std::string message, std::string hint);

    std::string structure_;
    std::map<std::string, std::string> values_;                   // by member: a constant initialiser
    std::map<std::string, std::map<std::string, SetUp>> set_ups_; // by member and path in it
    std::map<std::string, std::pair<std::string, std::string>>
        calls_; // by member: a function that nobody knows, by whom
    std::set<std::string> constructed_;
    std::set<std::string> linked_;
    std::set<std::string> asked_; // members
    std::string home_;
    std::vector<OpenState> questions_;
    std::vector<std::string> remarks_;
};

} // namespace klp::rewrite
