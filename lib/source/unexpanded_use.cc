#include "source/unexpanded_use.h"

#include "source/changed_names.h"
#include "source/declarations.h"
#include "source/macro_table.h"

#include <algorithm>

namespace klp::source {

namespace {

using Kind = ReadToken::Kind;

// More names than these are a type's that everything speaks of: expanding tells sooner.
constexpr size_t most_names = 64;

constexpr uint64_t odd = 0x9e3779b97f4a7c15ULL;

// A declaration, or what is defined or undefined between two.
struct Item {
    uint64_t content = 0;
    const Declaration* declaration = nullptr;
    const MacroDefinition* macro = nullptr;
};

// One side of the patch.
class Side {
public:
    explicit Side(const UnexpandedUnit& unit) : unit_(unit), macros_(unit) {
        specified_ = macros_.with_specifiers(unit.tokens);
        declarations_ = declarations_of(specified_.tokens);
        if (!declarations_)
            return;
        can_be_told_ = std::ranges::all_of(
            *declarations_, [&](const auto& declaration) { return macros_.hides_whole_blocks(declaration.tokens); });
        if (can_be_told_)
            list_items();
    }
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;

    bool can_be_told() const { return can_be_told_; }
    const MacroTable& macros() const { return macros_; }
    const std::vector<Item>& items() const { return items_; }
    const std::unordered_map<uint64_t, std::string>& words() const { return unit_.words; }
    std::vector<uint64_t> contents() const {
        std::vector<uint64_t> contents(items_.size());
        std::ranges::transform(items_, contents.begin(), &Item::content);
        return contents;
    }

    // A macro where a declaration has its specifiers, types and names may be anything.
    bool is_made_by_macro(const Declaration& declaration) const {
        int braces = 0, parentheses = 0;
        for (const ReadToken& token : declaration.tokens) {
            const bool is_outside = braces == 0 && parentheses == 0;
            if (is_outside &&
                (token.kind == Kind::equals || (declaration.is_function && token.kind == Kind::open_brace)))
                return false;
            braces += token.kind == Kind::open_brace ? 1 : token.kind == Kind::close_brace ? -1 : 0;
            parentheses += token.kind == Kind::open_parenthesis ? 1 : token.kind == Kind::close_parenthesis ? -1 : 0;
            if (parentheses == 0 && macros_.has(token.spelling) && !macros_.is_specifier(token.spelling))
                return true;
        }
        return false;
    }

private:
    void list_items() {
        auto macro = unit_.macros.begin();
        const auto add_up_to = [&](size_t place) {
            for (; macro != unit_.macros.end() && macro->place <= place; ++macro)
                items_.push_back({content_of(*macro, unit_), nullptr, &*macro});
        };
        for (const Declaration& declaration : *declarations_) {
            const auto first = static_cast<size_t>(declaration.tokens.data() - specified_.tokens.data());
            const size_t begin = specified_.origins[first];
            const size_t last = specified_.origins[first + declaration.tokens.size() - 1];
            add_up_to(begin);
            Item item{declaration.content, &declaration, nullptr};
            const size_t inside = items_.size();
            add_up_to(last);
            // What is defined inside of it counts at its place there.
            for (size_t i = inside; i < items_.size(); ++i)
                item.content = (item.content ^ (items_[i].macro->place - begin)) * odd;
            items_.push_back(item);
        }
        add_up_to(unit_.tokens.size());
    }

    const UnexpandedUnit& unit_;
    MacroTable macros_;
    MacroTable::Specified specified_;
    std::optional<std::vector<Declaration>> declarations_;
    std::vector<Item> items_;
    bool can_be_told_ = false;
};

// Names that ## may put together of words that stand in one declaration and in the macros that it uses.
class Pastes {
public:
    Pastes(const Side& before, const Side& after) : before_(before), side_(after) {}

    // `names` are those from now on. The words that can be part of one are looked up.
    void set(const WordSet& names) {
        names_.clear();
        for (const uint64_t name : names)
            for (const Side* side : {&before_, &side_})
                if (const auto text = side->words().find(name); text != side->words().end())
                    names_.push_back(text->second);
        pieces_.clear();
        for (const auto& [word, text] : side_.words())
            if (std::ranges::any_of(names_, [&](const std::string& name) {
                    return text.size() < name.size() && name.find(text) != name.npos;
                }))
                pieces_.insert(word);
        by_macro_ = side_.macros().words_by_macro(pieces_);
    }

    bool may_make_one(const Declaration& declaration) const {
        bool pastes = false;
        WordSet at_hand;
        for (const ReadToken& token : declaration.tokens) {
            if (pieces_.contains(token.spelling))
                at_hand.insert(token.spelling);
            if (const auto macro = by_macro_.find(token.spelling); macro != by_macro_.end())
                at_hand.insert(macro->second.begin(), macro->second.end());
            pastes |= side_.macros().may_paste(token.spelling);
        }
        return pastes && at_hand.size() > 1 &&
               std::ranges::any_of(names_, [&](const std::string& name) { return is_made_of(name, at_hand); });
    }

private:
    // Whether the name is some of the words, one after the other. `ends[n]`: its first n characters are.
    bool is_made_of(const std::string& name, const WordSet& words) const {
        std::vector<bool> ends(name.size() + 1, false);
        ends[0] = true;
        for (size_t begin = 0; begin < name.size(); ++begin)
            for (const uint64_t word : words) {
                const std::string& text = side_.words().at(word);
                if (ends[begin] && name.compare(begin, text.size(), text) == 0)
                    ends[begin + text.size()] = true;
            }
        return ends[name.size()];
    }

    const Side& before_; // has names that are gone
    const Side& side_;
    std::vector<std::string> names_;
    WordSet pieces_;
    llvm::DenseMap<uint64_t, std::vector<uint64_t>> by_macro_;
};

// Adds what the changed items of a side declare; false where that is not all that they do, or cannot be told.
bool add_changed(const Side& side, const std::vector<size_t>& changed, Names& names) {
    for (const size_t i : changed) {
        const Item& item = side.items()[i];
        if (item.macro) {
            if (side.macros().is_specifier(item.macro->name) || side.macros().hides_block_ends(item.macro->name))
                return false;
            names.add({&item.macro->name, 1});
        } else if (!item.declaration->says_nothing) {
            if (!item.declaration->is_inert || item.declaration->names.empty() ||
                side.is_made_by_macro(*item.declaration))
                return false;
            names.add(item.declaration->names);
        }
    }
    return true;
}

} // namespace

bool is_surely_unused(const UnexpandedUnit& before, const UnexpandedUnit& after) {
    const Side old_side(before), new_side(after);
    if (!old_side.can_be_told() || !new_side.can_be_told())
        return false;
    const Differences differences = compare(old_side.contents(), new_side.contents());
    Names names;
    if (!add_changed(old_side, differences.before, names) || !add_changed(new_side, differences.after, names))
        return false;
    Pastes pastes(old_side, new_side);
    const auto is_macro = [&](uint64_t word) { return new_side.macros().has(word); };
    for (bool grows = !names.all().empty(); grows;) {
        grows = names.add(new_side.macros().speaking_of(names));
        if (names.all().size() > most_names)
            return false;
        pastes.set(names.all());
        for (const size_t i : differences.same) {
            const Declaration* declaration = new_side.items()[i].declaration;
            if (!declaration || declaration->says_nothing ||
                !(speaks_of(declaration->tokens, names, is_macro) || pastes.may_make_one(*declaration)))
                continue;
            if (!declaration->is_inert || new_side.is_made_by_macro(*declaration))
                return false;
            grows |= names.add(declaration->names);
        }
    }
    return true;
}

} // namespace klp::source
