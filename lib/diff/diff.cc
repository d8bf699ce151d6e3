#include "diff/diff.h"

#include "arch/structure_sizes.h"
#include "diff/address_escapes.h"
#include "diff/callbacks.h"
#include "diff/callers.h"
#include "diff/compare.h"
#include "diff/correlate.h"
#include "diff/data_users.h"
#include "diff/emit.h"
#include "diff/entry_sizes.h"
#include "diff/explain.h"
#include "diff/left_out.h"
#include "diff/macros.h"
#include "diff/select.h"
#include "diff/tail_calls.h"
#include "diff/unit.h"
#include "symbols/btf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <future>
#include <unordered_set>

namespace klp::diff {

namespace {

void check_pair(const elf::Object& original, const elf::Object& patched) {
    if (original.machine() != patched.machine() || original.is_little_endian() != patched.is_little_endian())
        throw report::Refusal("diff.machines-differ", patched.name(),
                              fmt::format("it is for another machine than {}", original.name()),
                              "compile both with the same compiler and flags");
    for (const elf::Object* object : {&original, &patched})
        if (object->type() != 1 /* ET_REL */)
            throw report::Refusal("diff.not-relocatable", object->name(), "this is not a relocatable object",
                                  "give the .o file that the compiler wrote");
    // Instead of code, such an object of GCC's has what the link makes code of (lto-streamer.h); so has Clang's, as
    // bitcode, where -fembed-bitcode asked for nothing else.
    for (const elf::Object* object : {&original, &patched}) {
        const bool is_slim = std::ranges::any_of(
            object->symbols(), [](const elf::Symbol& symbol) { return symbol.name == "__gnu_lto_slim"; });
        const bool has_code = std::ranges::any_of(
            object->sections(), [](const elf::Section& section) { return section.is_code() && section.size != 0; });
        const bool has_bitcode = object->find_section(".llvmbc") || object->find_section(".llvm.lto");
        if (is_slim || (has_bitcode && !has_code))
            throw report::Refusal("diff.no-code", object->name(),
                                  fmt::format("it holds {} for link-time optimisation and no machine code",
                                              is_slim ? "GCC's intermediate code" : "LLVM bitcode"),
                                  "give the object that the link makes of it, or compile the unit without -flto");
    }
}

std::string kind_of(const Piece& piece) {
    switch (piece.kind) {
    case PieceKind::function:
        return "function";
    case PieceKind::variable:
        return "variable";
    case PieceKind::fragment:
        break;
    }
    return "table";
}

std::vector<std::string> chain(const Unit& patched, const Selection& selection, uint32_t piece) {
    std::vector<std::string> names;
    constexpr size_t enough = 32;
    for (uint32_t at = selection.pulled_by[piece]; at != none && names.size() < enough; at = selection.pulled_by[at])
        names.push_back(patched.title(at));
    return names;
}

std::vector<Item> list_items(const Unit& original, const Unit& patched, const Correlation& correlation,
                             const Selection& selection, const Selector& selector) {
    std::vector<Item> items;
    std::unordered_set<uint32_t> changed(selection.changed.begin(), selection.changed.end());
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        if (!selection.included[index])
            continue;
        const Piece& piece = patched.piece(index);
        Item item;
        item.name = patched.title(index);
        item.kind = kind_of(piece);
        item.size = piece.end - piece.entry;
        item.because = chain(patched, selection, index);
        if (const uint32_t partner = correlation.to_original[index]; partner != none)
            item.original = original.piece(partner).symbol;
        bool is_named = piece.kind != PieceKind::fragment && piece.parent == none &&
                        (piece.kind == PieceKind::function || piece.identity == Identity::kept);
        if (changed.contains(index)) {
            item.change = Change::changed;
            item.sympos = selector.resolve_defined(original.piece(correlation.to_original[index]).symbol).sympos;
        } else if (is_named && correlation.to_original[index] == none) {
            item.change = Change::added;
        }
        items.push_back(std::move(item));
    }
    return items;
}

// Items of pieces come first and in the order of the pieces.
void explain_items(const Unit& original, const Unit& patched, const Correlation& correlation,
                   const Comparison& comparison, const Selection& selection, std::vector<Item>& items) {
    Explainer explainer(original, patched, correlation, comparison);
    std::unordered_set<uint32_t> changed(selection.changed.begin(), selection.changed.end());
    size_t at = 0;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        if (!selection.included[index])
            continue;
        Item& item = items[at++];
        if (!changed.contains(index))
            continue;
        Explanation explanation = explainer.explain(index);
        item.cause = std::move(explanation.cause);
        item.original_instruction = std::move(explanation.original_instruction);
        item.patched_instruction = std::move(explanation.patched_instruction);
        item.place = std::move(explanation.place);
    }
}

} // namespace

Diff run(const elf::Object& original_object, const elf::Object& patched_object, const Options& options) {
    check_pair(original_object, patched_object);
    std::vector<report::Finding> contradicted;
    arch::EntrySizes entry_sizes = options.entry_sizes;
    for (const elf::Object* object : {&original_object, &patched_object})
        entry_sizes = without_contradicted(*object, std::move(entry_sizes), contradicted);
    auto other = std::async(std::launch::async, [&] { return Unit(original_object, entry_sizes); });
    const Unit patched(patched_object, entry_sizes);
    const Unit original = other.get();
    const Macros macros = read_macros(patched);
    const Correlation correlation = correlate(original, patched);
    Comparison comparison = compare(original, patched, correlation);
    change_users_of_data(original, patched, correlation, macros, comparison);
    reach_through_callers(original, patched, correlation, comparison);
    Selector selector(original, patched, correlation, comparison, macros, options);
    const Selection selection = selector.run();
    Diff diff;
    diff.findings = selection.findings;
    for (const Harmless& it : comparison.harmless)
        diff.harmless.push_back({patched.title(it.piece), it.what});
    diff.findings.insert(diff.findings.end(), contradicted.begin(), contradicted.end());
    diff.nothing_changed = std::ranges::find(selection.included, true) == selection.included.end();
    if (diff.nothing_changed)
        return diff;
    diff.callbacks = register_callbacks(patched, selection, selector, macros, options);
    if (std::vector<report::Finding> errors = check_callbacks(diff.callbacks, patched_object.name()); !errors.empty())
        throw report::Refusal(std::move(errors));
    Emission emission = emit(original, patched, correlation, selection, selector, macros, options);
    diff.output = std::move(emission.output);
    diff.references = std::move(emission.references);
    diff.import_namespaces = std::move(emission.import_namespaces);
    diff.findings.insert(diff.findings.end(), emission.findings.begin(), emission.findings.end());
    for (const std::vector<report::Finding>& more :
         {find_tail_calls(patched, selection), find_address_escapes(patched, selection, selector)})
        diff.findings.insert(diff.findings.end(), more.begin(), more.end());
    diff.items = list_items(original, patched, correlation, selection, selector);
    diff.items.insert(diff.items.end(), emission.literals.begin(), emission.literals.end());
    if (options.explain)
        explain_items(original, patched, correlation, comparison, selection, diff.items);
    return diff;
}

std::vector<report::Finding> changes_without_effect(const std::vector<report::Finding>& findings) {
    constexpr std::array late{std::string_view("diff.registry-changed"), std::string_view("diff.registry-added"),
                              std::string_view("diff.init-data-changed")};
    std::vector<report::Finding> errors;
    for (const report::Finding& finding : findings) {
        report::Finding error = finding;
        error.severity = report::Severity::error;
        if (std::ranges::find(late, finding.code) != late.end()) {
            error.hint = "the patch changes nothing else: do by hand, in a pre-patch callback of a function that you "
                         "change, what the start of the kernel or module would have done";
        } else if (finding.code == "sense.export-changed") {
            error.hint = "the patch changes nothing else, and what is exported no live patch can change";
        } else if (finding.code == left_out_code) {
            error.code = "diff.only-ignored-changes";
            error.hint = "nothing else changes, so there is nothing to patch; if that is what you want, there is no "
                         "need for a live patch: this kernel goes on with the old code";
        } else {
            continue;
        }
        errors.push_back(std::move(error));
    }
    return errors;
}

std::vector<std::string> new_globals(const elf::Object& original, const elf::Object& patched) {
    auto globals = [](const elf::Object& object) {
        std::unordered_set<std::string_view> names;
        for (const elf::Symbol& symbol : object.symbols())
            if (!symbol.is_local() && symbol.place == elf::Place::section && !symbol.name.empty())
                names.insert(symbol.name);
        return names;
    };
    std::unordered_set<std::string_view> before = globals(original);
    std::vector<std::string> fresh;
    for (std::string_view name : globals(patched))
        if (!before.contains(name))
            fresh.emplace_back(name);
    std::ranges::sort(fresh);
    return fresh;
}

std::map<std::string, unsigned> entry_sizes_from(const std::function<const char*(const char*)>& variable) {
    constexpr std::array names{std::pair{"ALT_STRUCT_SIZE", ".altinstructions"},
                               std::pair{"BUG_STRUCT_SIZE", "__bug_table"},
                               std::pair{"EX_STRUCT_SIZE", "__ex_table"},
                               std::pair{"JUMP_STRUCT_SIZE", "__jump_table"},
                               std::pair{"ORC_STRUCT_SIZE", ".orc_unwind"},
                               std::pair{"PARA_STRUCT_SIZE", ".parainstructions"},
                               std::pair{"STATIC_CALL_STRUCT_SIZE", ".static_call_sites"},
                               std::pair{"PRINTK_INDEX_STRUCT_SIZE", ".printk_index"}};
    std::map<std::string, unsigned> sizes;
    for (auto [name, section] : names) {
        const char* text = variable(name);
        if (!text || *text == '\0')
            continue;
        unsigned value = 0;
        const char* end = text + std::strlen(text);
        auto [rest, error] = std::from_chars(text, end, value);
        if (error != std::errc() || rest != end || value == 0 || value > 4096)
            throw report::Refusal("usage.entry-size", name, fmt::format("'{}' is not the size of a structure", text),
                                  "give a number of bytes, or leave the variable unset");
        sizes.emplace(section, value);
    }
    return sizes;
}

std::map<std::string, unsigned> entry_sizes_in(const elf::Object& vmlinux) {
    std::vector<std::pair<std::string_view, std::string_view>> wanted; // section, structure
    std::vector<std::string_view> structures;
    auto want = [&](std::string_view section, std::string_view structure) {
        if (structure.empty())
            return;
        wanted.emplace_back(section, structure);
        structures.push_back(structure);
    };
    for (const SpecialSection& kind : arch::special_sections()) {
        want(kind.name, kind.structure);
        want(kind.parallel, kind.parallel_structure);
    }
    const std::optional<symbols::Btf> btf = symbols::Btf::read(vmlinux);
    const auto dwarf = btf ? std::map<std::string, uint32_t, std::less<>>()
                           : arch::structure_sizes(vmlinux, structures, arch::table_readers());
    std::map<std::string, unsigned> sizes;
    for (auto [section, structure] : wanted) {
        std::optional<uint32_t> size = btf ? btf->structure_size(structure) : std::nullopt;
        if (auto found = dwarf.find(structure); found != dwarf.end())
            size = found->second;
        if (size && *size != 0)
            sizes.emplace(section, *size);
    }
    return sizes;
}

} // namespace klp::diff
