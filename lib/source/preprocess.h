// What a compiler gets to read of a unit once its headers are read, its macros expanded and its conditions decided.
#pragma once

#include "source/include_graph.h"

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::source {

// A token as far as the bounds and the names of declarations need it told apart; its spelling as spelling_of() has it.
struct ReadToken {
    enum class Kind : uint8_t {
        identifier,
        open_brace,
        close_brace,
        open_parenthesis,
        close_parenthesis,
        open_bracket,
        semicolon,
        comma,
        equals,
        star,
        member,         // "." and "->"
        keyword_struct, // and union
        keyword_enum,
        keyword_typedef,
        keyword_static,
        keyword_extern,
        keyword_inline,
        keyword_attribute,
        keyword_asm,
        keyword_typeof, // and what else has brackets without being a declarator: _Alignas
        keyword_static_assert,
        other
    };
    Kind kind = Kind::other;
    uint64_t spelling = 0;

    bool operator==(const ReadToken&) const = default;
};

// A number for a spelling. Two spellings of one number do not happen: there are a million tokens and 2^64 numbers.
uint64_t spelling_of(std::string_view text);

struct ReadUnit {
    std::vector<ReadToken> tokens;
    // Of the files that were asked for: what a condition left out, as a number for its lines.
    uint64_t left_out = 0;
};

struct MacroDefinition {
    uint64_t name = 0;
    size_t place = 0;        // so many tokens of the unit stand before it
    bool is_removal = false; // #undef
    bool takes_arguments = false;
    bool pastes = false;                 // has ##
    size_t body_begin = 0, body_end = 0; // in UnexpandedUnit::bodies
};

// The same with conditions decided and macros left as they are, which takes less than half the time.
struct UnexpandedUnit : ReadUnit {
    std::span<const ReadToken> body_of(const MacroDefinition& macro) const {
        return std::span(bodies).subspan(macro.body_begin, macro.body_end - macro.body_begin);
    }
    std::vector<MacroDefinition> macros; // every #define and #undef, in order
    std::vector<ReadToken> bodies;
    std::unordered_map<uint64_t, std::string> words; // the texts of identifiers and numbers, in macros as well
};

// Reads a unit with Clang's preprocessor, which passes itself off as the GCC that kbuild uses (clang_arguments.h).
// `watched` are the names of files, without folder, whose parts left out are to be known: the compiler may decide
// otherwise, where a condition asks what a compiler can do. Nothing where it cannot be read. Pragmas are left out.
class UnitReader {
public:
    explicit UnitReader(std::set<std::string, std::less<>> watched) : watched_(std::move(watched)) {}
    std::optional<ReadUnit> read(const CompileCommand& command) const;
    std::optional<UnexpandedUnit> read_unexpanded(const CompileCommand& command) const;

private:
    std::set<std::string, std::less<>> watched_;
};

} // namespace klp::source
