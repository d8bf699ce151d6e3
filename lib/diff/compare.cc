#include "diff/compare.h"

#include "diff/harmless.h"

#include <algorithm>
#include <future>
#include <map>
#include <set>

namespace klp::diff {

bool is_nameless_entry(const Unit& unit, const Piece& piece) {
    return unit.role(piece.section) == Role::registry &&
           (piece.symbol == 0 || piece.identity != Identity::kept || is_numbered(unit.name(piece)) ||
            unit.name(piece).starts_with("__initcall_"));
}

namespace {

using EntriesByRegistry = std::map<std::string_view, std::vector<Hash>>;

// A kernel for link-time optimisation has a section for each initcall, whose name has the line in it:
// ".initcall6.init..kmod_timer__866_322_init" (linux/init.h, __initcall_section()).
std::string_view registry_of(std::string_view section) {
    const size_t own = section.find("..");
    return section.starts_with(".initcall") && own != std::string_view::npos ? section.substr(0, own) : section;
}

// The functions of lists that the kernel reads when it starts (_kprobe_blacklist).
void add_listed(const Unit& unit, EntriesByRegistry& entries) {
    for (const elf::Section& section : unit.object().sections()) {
        const arch::SpecialSection* kind = arch::find_special(section.name);
        if (!kind || !kind->lists_functions)
            continue;
        for (const elf::Relocation& relocation : unit.object().relocations(section.index)) {
            const Reference listed = unit.reference(section.index, relocation);
            if (listed.to != Reference::To::piece || unit.piece(listed.id).kind != PieceKind::function)
                continue;
            Hasher name;
            name.add(source_name(unit.name(unit.piece(listed.id))));
            entries[kind->name].push_back(name.result());
        }
    }
}

EntriesByRegistry nameless_entries(const Unit& unit, MeaningHasher& hasher) {
    EntriesByRegistry entries;
    for (uint32_t index = 0; index < unit.pieces().size(); ++index)
        if (const Piece& piece = unit.piece(index); is_nameless_entry(unit, piece))
            entries[registry_of(unit.object().section(piece.section).name)].push_back(hasher.content(index));
    add_listed(unit, entries);
    for (auto& [name, hashes] : entries)
        std::ranges::sort(hashes);
    return entries;
}

std::vector<std::string> changed_registries(const EntriesByRegistry& before, const EntriesByRegistry& after) {
    std::set<std::string> names;
    for (const auto* side : {&before, &after})
        for (const auto& [name, hashes] : *side) {
            auto old = before.find(name);
            auto now = after.find(name);
            if (old == before.end() || now == after.end() || old->second != now->second)
                names.emplace(name);
        }
    return {names.begin(), names.end()};
}

} // namespace

Comparison compare(const Unit& original, const Unit& patched, const Correlation& correlation) {
    MeaningHasher before(original, pair_names_of_original(correlation), 0);
    MeaningHasher after(patched, pair_names_of_patched(correlation), 1);
    // The two sides know nothing of each other: each has its own thread.
    auto hash_all = [](const Unit& unit, MeaningHasher& hasher) {
        for (uint32_t index = 0; index < unit.pieces().size(); ++index)
            hasher.content(index);
    };
    auto other = std::async(std::launch::async, [&] { hash_all(original, before); });
    hash_all(patched, after);
    other.get();
    LineSide original_side(original, before);
    LineSide patched_side(patched, after);
    Comparison result;
    result.changed_registries =
        changed_registries(nameless_entries(original, before), nameless_entries(patched, after));
    result.changed_functions.assign(patched.pieces().size(), false);
    result.changed_data.assign(patched.pieces().size(), false);
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        uint32_t partner = correlation.to_original[index];
        if (piece.kind == PieceKind::function && partner == none && piece.parent != none)
            result.changed_functions[piece.parent] = true; // a new unlikely part
        if (partner == none || (piece.kind == PieceKind::function && is_made_constructor(patched.name(piece))))
            continue;
        const bool is_function = piece.kind == PieceKind::function;
        if (before.content(partner) == after.content(index) &&
            (!is_function || before.special(partner) == after.special(index)))
            continue;
        if (!is_function) {
            result.changed_data[index] = true;
            continue;
        }
        const auto harmless = harmless_differences(original_side, partner, patched_side, index);
        if (!harmless)
            result.changed_functions[patched.root_of(index)] = true;
        else
            for (const std::string& what : *harmless)
                result.harmless.push_back({index, what});
    }
    // An unlikely part that is gone.
    for (uint32_t index = 0; index < original.pieces().size(); ++index) {
        uint32_t parent = original.piece(index).parent;
        if (parent != none && correlation.to_patched[index] == none && correlation.to_patched[parent] != none)
            result.changed_functions[correlation.to_patched[parent]] = true;
    }
    // New functions are not changed ones; parts share the verdict of the whole.
    for (uint32_t index = 0; index < patched.pieces().size(); ++index)
        if (patched.root_of(index) == index && correlation.to_original[index] == none)
            result.changed_functions[index] = false;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index)
        if (patched.piece(index).parent != none)
            result.changed_functions[index] = result.changed_functions[patched.piece(index).parent];
    return result;
}

} // namespace klp::diff
