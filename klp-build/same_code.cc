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

} // namespace

bool is_same_in_code(const std::string& function, const ChangedTexts& texts, const Names& same_code) {
    const auto text_in = [](const source::FunctionTexts& side, const std::string& name) {
        const auto found = side.functions.find(name);
        return found == side.functions.end() ? std::string_view() : std::string_view(found->second);
    };
    const auto has_changed = [&](const std::string& name) {
        return text_in(texts.before, name) != text_in(texts.after, name);
    };
    if (!same_code.contains(function) || !has_changed(function))
        return false;
    for (const auto* side : {&texts.before, &texts.after})
        for (const auto& [other, text] : side->functions)
            if (other != function && !same_code.contains(other) && has_changed(other) &&
                source::count_word(text_in(*side, function), other) != 0)
                return false;
    return true;
}

Names same_code(const std::vector<kernel::ObjectPair>& pairs) {
    Names same, others;
    for (const kernel::ObjectPair& pair : pairs) {
        if (pair.original.empty())
            continue;
        const elf::Object original = elf::Object::open(pair.original, pair.unit.source);
        const elf::Object patched = elf::Object::open(pair.patched, pair.unit.source);
        const Names changed = sense::changed_functions(original, patched), after = functions_of(patched);
        for (const std::string& name : functions_of(original))
            (changed.contains(name) || !after.contains(name) ? others : same).insert(name);
    }
    std::erase_if(same, [&](const std::string& name) { return others.contains(name); });
    return same;
}

} // namespace klp::build
