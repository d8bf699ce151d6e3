// A function's text as words, as far as calls and access paths in it go (function_texts.h: a blank between tokens).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

using Words = std::span<const std::string_view>;

// Refer to `tokens`.
std::vector<std::string_view> words_of(std::string_view tokens);

// How often a text of tokens has a word, or words with a blank between them ("f (").
size_t count_word(std::string_view tokens, std::string_view word);

bool is_identifier(std::string_view word);

// The member or variable that an expression means: "->wqh.lock" of `& ctx -> wqh . lock`, since the variable that leads
// to a member has another name elsewhere; "flags" of `flags`; nothing of a number. Reads up to a comma, or to a bracket
// that closes what was open before.
std::string object_of(Words expression);

// The same of a pointer's value, whatever it is read by: "->ops" of `rcu_access_pointer(box->ops)` and of
// `(void *)READ_ONCE(box->ops)`.
std::string pointer_of(Words expression);

// The arguments of the call whose opening bracket is `words[bracket]`; nothing where it is not closed.
std::optional<std::vector<Words>> arguments_of(Words words, size_t bracket);

// The call at `at`, from its name to the bracket that closes it; to the end where none does.
Words call_at(Words words, size_t at);

// What stands from `begin` up to a `;` or `,` that is in no bracket.
Words expression_at(Words words, size_t begin);

// With a blank between the words.
std::string joined(Words words);

// As people write it: "n * sizeof(*p->list)".
std::string written(Words words);

} // namespace klp::source
