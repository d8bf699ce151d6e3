// The functions of a patch as words, before and after: what the parts of object_changes.h read.
#pragma once

#include "source/function_texts.h"
#include "source/object_changes.h"
#include "source/words.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace klp::source {

using FunctionWords = std::map<std::string, std::vector<std::string_view>, std::less<>>;

struct ObjectTexts {
    FunctionWords before, after;   // of all functions
    std::set<std::string> changed; // those on both sides with another text
    const FunctionTexts& text_before;
    const FunctionTexts& text_after;
};
// Refers to both, which outlive it.
ObjectTexts object_texts(const FunctionTexts& before, const FunctionTexts& after);

// The pointers to structures that a function declares, parameters included, as its text goes on:
// `struct a *p`, and `node_t *p` where a declaration can stand.
class Pointers {
public:
    // Reads the word at `at`; to be called for each place in rising order.
    void read(Words words, size_t at);
    // The type that a variable points to here; empty for others, and where it points to bytes or numbers.
    const std::string& type_of(std::string_view variable) const;

private:
    std::map<std::string, std::string, std::less<>> types_;
};

// `p = kzalloc(size, flags)`, also to a member.
struct MadeObject {
    std::string variable;       // "ctx", or "->buf" of a member
    std::string type;           // that the variable points to, or empty
    std::string_view allocator; // "kzalloc"
    std::vector<Words> arguments;
};
std::vector<MadeObject> made_objects(Words words);
// The call that makes it, as people write it: "kzalloc(sizeof(*ctx), GFP_KERNEL)".
std::string spelled(const MadeObject& object);
// Whether it may outlive the function that makes it, whose words these are, as far as the text shows: a member leads to
// it, it has a type, or it is stored; and the function does not give it back where it goes on.
bool may_outlive(const MadeObject& object, Words words);

// By name: the variables that lead to what a function makes, with the types that they point to, or empty. Those that
// another view of it goes to (po = pkt_sk(sk)) are among them, and the private data that is handed to a function which
// by its name is called once for each object (fq_init).
using MadeVariables = std::map<std::string, std::string, std::less<>>;
MadeVariables made_variables(std::string_view function, Words words);

// The words of a function, and behind them those of functions that only this side has and it calls.
std::vector<std::string_view> with_own_helpers(const FunctionWords& here, const FunctionWords& there,
                                               const std::string& function);

// Whether the definition of a function has the word before its body: "static", "__init".
bool is_declared(Words function, std::string_view word);

// " { int a ; }" of ` struct tag { int a ; }` in the texts outside of functions: nothing where they do not define it.
std::string definition_of(const std::string& rest, const std::string& tag);

// Whether any of the texts has the word.
bool has_word(const FunctionTexts& texts, const std::string& word);

std::vector<ObjectChange> compare_made(const ObjectTexts& texts);     // size, count
std::vector<ObjectChange> compare_first(const ObjectTexts& texts);    // first_value, value
std::vector<ObjectChange> compare_flags(const ObjectTexts& texts);    // flag
std::vector<ObjectChange> compare_returned(const ObjectTexts& texts); // allocator, new_allocator, managed, now_managed
std::vector<ObjectChange> compare_acquired(const ObjectTexts& texts); // allocator
std::vector<ObjectChange> compare_owned(const ObjectTexts& texts);    // owner
std::vector<ObjectChange> compare_pointers(const ObjectTexts& texts); // pointer, cookie
std::vector<ObjectChange> compare_hashes(const ObjectTexts& texts);   // hash
std::vector<ObjectChange> compare_hash_functions(const ObjectTexts& texts); // hash
std::vector<ObjectChange> compare_orders(const ObjectTexts& texts);         // order
std::vector<ObjectChange> compare_keys(const ObjectTexts& texts);           // key
std::vector<ObjectChange> compare_clocks(const ObjectTexts& texts);         // clock
std::vector<ObjectChange> compare_meanings(const ObjectTexts& texts);       // meaning

} // namespace klp::source
