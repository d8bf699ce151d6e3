#include "source/macro_table.h"

#include <algorithm>

namespace klp::source {

namespace {

using Kind = ReadToken::Kind;

// Past the brackets that open at `at`; `at` itself where none do.
size_t past_brackets(std::span<const ReadToken> tokens, size_t at) {
    if (at >= tokens.size() || tokens[at].kind != Kind::open_parenthesis)
        return at;
    int depth = 0;
    for (; at < tokens.size(); ++at) {
        depth += tokens[at].kind == Kind::open_parenthesis ? 1 : tokens[at].kind == Kind::close_parenthesis ? -1 : 0;
        if (depth == 0)
            return at + 1;
    }
    return at;
}

bool is_specifying_keyword(Kind kind) {
    return kind == Kind::keyword_static || kind == Kind::keyword_extern || kind == Kind::keyword_inline;
}

} // namespace

uint64_t content_of(const MacroDefinition& macro, const UnexpandedUnit& unit) {
    constexpr uint64_t odd = 0x9e3779b97f4a7c15ULL;
    uint64_t content = macro.name + (macro.is_removal ? 1 : 0) + (macro.takes_arguments ? 2 : 0);
    for (const ReadToken& token : unit.body_of(macro))
        content = (content ^ token.spelling) * odd + 1;
    return content;
}

MacroTable::MacroTable(const UnexpandedUnit& unit) : unit_(unit) {
    for (const MacroDefinition& macro : unit.macros)
        if (!macro.is_removal)
            macros_[macro.name].push_back(&macro);
    for (const auto& [name, bodies] : macros_)
        for (const MacroDefinition* macro : bodies) {
            if (macro->pastes)
                pasting_.insert(name);
            for (const ReadToken& token : unit.body_of(*macro))
                if (token.spelling != name && macros_.contains(token.spelling))
                    users_[token.spelling].push_back(name);
        }
    pasting_ = users_of(std::move(pasting_));
    find_depths();
    for (const auto& [name, bodies] : macros_)
        if (WordSet open; find_specifier(name, open))
            specifiers_.insert(name);
}

void MacroTable::Depth::add(const Depth& next) {
    lowest_braces = std::min(lowest_braces, braces + next.lowest_braces);
    lowest_brackets = std::min(lowest_brackets, brackets + next.lowest_brackets);
    braces += next.braces;
    brackets += next.brackets;
}

// Of a body of the macro `name`: its own name does not stand for it there.
std::optional<MacroTable::Depth> MacroTable::depth_of(std::span<const ReadToken> tokens, uint64_t name) const {
    Depth depth;
    for (const ReadToken& token : tokens) {
        const auto hidden = token.spelling == name ? depths_.end() : depths_.find(token.spelling);
        if (hidden != depths_.end() && !hidden->second)
            return std::nullopt;
        if (hidden != depths_.end())
            depth.add(*hidden->second);
        else if (token.kind == Kind::open_brace)
            depth.add({1, 0, 0, 0});
        else if (token.kind == Kind::close_brace)
            depth.add({-1, -1, 0, 0});
        else if (token.kind == Kind::open_parenthesis)
            depth.add({0, 0, 1, 0});
        else if (token.kind == Kind::close_parenthesis)
            depth.add({0, 0, -1, -1});
    }
    return depth;
}

std::optional<MacroTable::Depth> MacroTable::depth_of(const Definitions& definitions, uint64_t name) const {
    const std::optional<Depth> first = depth_of(unit_.body_of(*definitions.front()), name);
    const bool are_alike = std::ranges::all_of(
        definitions, [&](const MacroDefinition* macro) { return depth_of(unit_.body_of(*macro), name) == first; });
    return are_alike ? first : std::nullopt;
}

// First of macros that hide some themselves, then of those that use one, until nothing changes; what goes on changing
// stays unknown.
void MacroTable::find_depths() {
    WordSet hiding;
    for (const auto& [name, definitions] : macros_)
        if (depth_of(definitions, name) != Depth())
            hiding.insert(name);
    hiding = users_of(std::move(hiding));
    constexpr int most_rounds = 16;
    bool changes = !hiding.empty();
    for (int round = 0; changes && round < most_rounds; ++round) {
        changes = false;
        for (const uint64_t name : hiding) {
            const std::optional<Depth> depth = depth_of(macros_[name], name);
            const auto [entry, is_new] = depths_.try_emplace(name, depth);
            changes |= is_new || entry->second != depth;
            entry->second = depth;
        }
    }
    if (changes)
        for (const uint64_t name : hiding)
            depths_[name] = std::nullopt;
}

bool MacroTable::hides_whole_blocks(std::span<const ReadToken> tokens) const {
    Depth hidden;
    for (const ReadToken& token : tokens)
        if (const auto depth = depths_.find(token.spelling); depth != depths_.end()) {
            if (!depth->second)
                return false;
            hidden.add(*depth->second);
        }
    return hidden == Depth();
}

// The macros, and all that use them.
WordSet MacroTable::users_of(WordSet words) const {
    std::vector<uint64_t> waiting(words.begin(), words.end());
    while (!waiting.empty()) {
        const auto users = users_.find(waiting.back());
        waiting.pop_back();
        if (users == users_.end())
            continue;
        for (const uint64_t user : users->second)
            if (words.insert(user).second)
                waiting.push_back(user);
    }
    return words;
}

// `inline` may stand for itself and more: a word that is being looked at already stands for itself.
bool MacroTable::find_specifier(uint64_t word, WordSet& open) const {
    const auto found = macros_.find(word);
    if (found == macros_.end() || !open.insert(word).second)
        return false;
    const bool is_specifier = std::ranges::all_of(
        found->second, [&](const MacroDefinition* macro) { return is_specifier_body(*macro, open); });
    open.erase(word);
    return is_specifier;
}

bool MacroTable::is_specifier_body(const MacroDefinition& macro, WordSet& open) const {
    if (macro.pastes)
        return false;
    const std::span<const ReadToken> body = unit_.body_of(macro);
    for (size_t at = 0; at < body.size();) {
        const ReadToken& token = body[at];
        if (token.kind == Kind::keyword_attribute) {
            at = past_brackets(body, at + 1);
        } else if (is_specifying_keyword(token.kind)) {
            ++at;
        } else if (find_specifier(token.spelling, open)) {
            at = past_brackets(body, at + 1);
        } else {
            return false;
        }
    }
    return true;
}

void MacroTable::append_specifier(uint64_t word, WordSet& open, std::vector<ReadToken>& result) const {
    open.insert(word);
    for (const MacroDefinition* macro : macros_.at(word)) {
        const std::span<const ReadToken> body = unit_.body_of(*macro);
        for (size_t at = 0; at < body.size();) {
            const ReadToken& token = body[at];
            const bool is_nested = is_specifier(token.spelling) && !open.contains(token.spelling);
            const size_t end = past_brackets(body, at + 1);
            if (is_nested)
                append_specifier(token.spelling, open, result);
            else
                result.insert(result.end(), body.begin() + static_cast<std::ptrdiff_t>(at),
                              body.begin() + static_cast<std::ptrdiff_t>(end));
            at = end;
        }
    }
    open.erase(word);
}

MacroTable::Specified MacroTable::with_specifiers(std::span<const ReadToken> tokens) const {
    Specified result;
    result.tokens.reserve(tokens.size());
    result.origins.reserve(tokens.size());
    for (size_t at = 0; at < tokens.size();) {
        size_t end = at + 1;
        if (!is_specifier(tokens[at].spelling)) {
            result.tokens.push_back(tokens[at]);
        } else {
            const bool takes_arguments = std::ranges::any_of(macros_.at(tokens[at].spelling),
                                                             [](const auto* macro) { return macro->takes_arguments; });
            WordSet open;
            append_specifier(tokens[at].spelling, open, result.tokens);
            end = takes_arguments ? past_brackets(tokens, at + 1) : end;
            if (end > at + 1) {
                result.tokens.push_back({Kind::keyword_attribute, 0});
                result.tokens.insert(result.tokens.end(), tokens.begin() + static_cast<std::ptrdiff_t>(at + 1),
                                     tokens.begin() + static_cast<std::ptrdiff_t>(end));
            }
        }
        result.origins.resize(result.tokens.size(), at);
        at = end;
    }
    return result;
}

llvm::DenseMap<uint64_t, std::vector<uint64_t>> MacroTable::words_by_macro(const WordSet& pieces) const {
    llvm::DenseMap<uint64_t, WordSet> speaking;
    for (const auto& [name, bodies] : macros_)
        for (const MacroDefinition* macro : bodies)
            for (const ReadToken& token : unit_.body_of(*macro))
                if (pieces.contains(token.spelling))
                    speaking[token.spelling].insert(name);
    llvm::DenseMap<uint64_t, std::vector<uint64_t>> found;
    for (auto& [piece, names] : speaking)
        for (const uint64_t name : users_of(std::move(names)))
            found[name].push_back(piece);
    return found;
}

std::vector<uint64_t> MacroTable::speaking_of(const Names& names) const {
    const auto is_macro = [this](uint64_t word) { return has(word); };
    std::vector<uint64_t> found;
    for (const auto& [name, bodies] : macros_)
        if (std::ranges::any_of(bodies, [&](const MacroDefinition* macro) {
                return speaks_of(unit_.body_of(*macro), names, is_macro);
            }))
            found.push_back(name);
    return found;
}

} // namespace klp::source
