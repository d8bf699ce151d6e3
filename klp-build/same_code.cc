#include "same_code.h"

#include "elf/object.h"
#include "sense/code.h"
#include "source/words.h"

namespace klp::build {

namespace {

using Names = std::set<std::string, std::less<>>;

Names functions_of(const elf::Object& unit) {
    Names names;
    for (const elf::Symbol& symbol : unit.symbols())
        if (symbol.is_function() && symbol.place == elf::Place::section)
            names.insert(std::string(sense::source_name(symbol.name)));
    return names;
}

Names read_same(const std::vector<kernel::ObjectPair>& pairs) {
    Names same, others;
    for (const kernel::ObjectPair& pair : pairs) {
        if (pair.original.empty())
            continue;
        const elf::Object original = elf::Object::open(pair.original, pair.unit.source);
        const elf::Object patched = elf::Object::open(pair.patched, pair.unit.source);
        const Names changed = sense::changed_functions(original, patched);
        for (const std::string& name : functions_of(original))
            (changed.contains(name) ? others : same).insert(name);
    }
    std::erase_if(same, [&](const std::string& name) { return others.contains(name); });
    return same;
}

std::string_view text_in(const source::FunctionTexts& side, const std::string& name) {
    const auto found = side.functions.find(name);
    return found == side.functions.end() ? std::string_view() : std::string_view(found->second);
}

} // namespace

bool SameCode::has_other_text(const std::string& function) const {
    return text_in(texts_.before, function) != text_in(texts_.after, function);
}

bool SameCode::is_same(const std::string& function) {
    if (!same_)
        same_ = read_same(pairs_);
    return same_->contains(function);
}

bool SameCode::has(const std::string& function) {
    if (!has_other_text(function) || !is_same(function))
        return false;
    for (const auto* side : {&texts_.before, &texts_.after})
        for (const auto& [other, text] : side->functions)
            if (other != function && !is_same(other) && has_other_text(other) &&
                source::count_word(text_in(*side, function), other) != 0)
                return false;
    return true;
}

} // namespace klp::build
