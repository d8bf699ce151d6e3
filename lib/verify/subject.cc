#include "verify/subject.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::verify {

namespace {

// include/linux/livepatch.h, 6.1 and 6.12: the fields that a patch's author sets come first in each structure.
constexpr uint64_t func_new_at = 8;
constexpr uint64_t func_sympos_at = 16;
constexpr uint64_t object_funcs_at = 8;
constexpr uint64_t object_callbacks_at = 16; // four pointers, in the order of elf::CallbackKind
constexpr uint64_t patch_objects_at = 8;
constexpr uint64_t patch_states_at = 16;
constexpr uint64_t patch_replace_at = 24;
constexpr uint64_t state_size = 24; // unsigned long id; unsigned int version; void *data
constexpr uint64_t state_version_at = 8;
constexpr uint64_t build_function_size = 32; // elf/livepatch_abi.h
constexpr uint64_t build_object_at = 16;
constexpr uint64_t build_sympos_at = 24;
constexpr uint64_t build_callback_size = 24;
constexpr uint64_t build_callback_object_at = 8;
constexpr uint64_t build_callback_kind_at = 16;
constexpr uint64_t callback_kinds = 4;

std::optional<Location> location_of(const elf::Object& module, const elf::Relocation& relocation) {
    const elf::Symbol& symbol = module.symbol(relocation.symbol);
    const elf::Section* section = module.section_of(symbol);
    uint64_t offset = symbol.value + static_cast<uint64_t>(relocation.addend);
    if (!section || offset > section->size)
        return std::nullopt;
    return Location{section, offset};
}

std::string_view string_pointed_to(const elf::Object& module, const elf::Section& section, uint64_t offset) {
    std::optional<Location> place = pointer_at(module, section, offset);
    return place ? elf::Object::string_at(*place->section, place->offset) : std::string_view();
}

uint64_t integer_at(const elf::Object& module, const elf::Section& section, uint64_t offset, unsigned width) {
    if (offset > section.data.size() || section.data.size() - offset < width)
        return 0;
    return module.read_integer(section.data, offset, width);
}

// The end of the variable that starts at `place`: its symbol's, or the section's.
uint64_t end_of_variable(const elf::Object& module, const Location& place) {
    for (const elf::Symbol& symbol : module.symbols())
        if (symbol.place == elf::Place::section && symbol.section == place.section->index && !symbol.is_section() &&
            symbol.value == place.offset && symbol.size != 0 && symbol.size <= place.section->size - place.offset)
            return place.offset + symbol.size;
    return place.section->size;
}

// The relocations of a variable, by offset.
std::span<const elf::Relocation> relocations_within(const elf::Object& module, const Location& place) {
    std::span<const elf::Relocation> all = module.relocations(place.section->index);
    auto first = std::ranges::lower_bound(all, place.offset, {}, &elf::Relocation::offset);
    auto last = std::ranges::lower_bound(all, end_of_variable(module, place), {}, &elf::Relocation::offset);
    return {first, last};
}

// struct klp_func funcs[]: entries are found by the pair of pointers that starts each, name and replacement.
void read_functions(const elf::Object& module, const Location& place, std::string_view object, Patch& patch) {
    for (const elf::Relocation& relocation : relocations_within(module, place)) {
        std::optional<Location> replacement = pointer_at(module, *place.section, relocation.offset + func_new_at);
        std::optional<Location> name = location_of(module, relocation);
        if (!replacement || !replacement->section->is_code() || !name || name->section->is_code())
            continue;
        patch.functions.push_back({object, elf::Object::string_at(*name->section, name->offset),
                                   integer_at(module, *place.section, relocation.offset + func_sympos_at, 8),
                                   *replacement});
    }
}

// struct klp_callbacks, within a struct klp_object.
void read_callbacks(const elf::Object& module, const Location& place, std::string_view object, Patch& patch) {
    for (uint64_t kind = 0; kind < callback_kinds; ++kind)
        if (std::optional<Location> function = pointer_at(module, *place.section, place.offset + kind * 8))
            patch.callbacks.push_back({object, static_cast<elf::CallbackKind>(kind), *function});
}

// struct klp_object objs[]: `funcs` is the pointer to writable data in an entry, the name the pointer before it.
void read_objects(const elf::Object& module, const Location& place, Patch& patch) {
    for (const elf::Relocation& relocation : relocations_within(module, place)) {
        std::optional<Location> funcs = location_of(module, relocation);
        if (!funcs || !funcs->section->is_writable() || funcs->section->is_code() ||
            relocation.offset < place.offset + object_funcs_at)
            continue;
        const uint64_t start = relocation.offset - object_funcs_at;
        std::string_view name = string_pointed_to(module, *place.section, start);
        name = name.empty() ? "vmlinux" : name;
        read_functions(module, *funcs, name, patch);
        read_callbacks(module, {place.section, start + object_callbacks_at}, name, patch);
    }
}

void read_states(const elf::Object& module, const Location& place, Patch& patch) {
    for (uint64_t at = place.offset; at + state_size <= place.section->data.size(); at += state_size) {
        uint64_t id = integer_at(module, *place.section, at, 8);
        if (id == 0)
            return;
        patch.states.push_back(
            {id, static_cast<uint32_t>(integer_at(module, *place.section, at + state_version_at, 4))});
    }
}

// struct klp_patch: a variable whose first pointer is THIS_MODULE. With klp-build's init code `objs` is set at run
// time.
void read_patch_structure(const elf::Object& module, Patch& patch) {
    for (const elf::RelocationTable& table : module.relocation_tables()) {
        const elf::Section& section = module.section(table.target);
        if (!section.is_writable() || section.is_code() || section.name == ".gnu.linkonce.this_module")
            continue;
        for (const elf::Relocation& relocation : table.entries) {
            if (module.symbol(relocation.symbol).name != "__this_module" || relocation.addend != 0)
                continue;
            if (std::optional<Location> objects = pointer_at(module, section, relocation.offset + patch_objects_at)) {
                read_objects(module, *objects, patch);
                patch.is_known = patch.is_known || !patch.functions.empty() || !patch.callbacks.empty();
            }
            if (std::optional<Location> states = pointer_at(module, section, relocation.offset + patch_states_at))
                read_states(module, *states, patch);
            patch.is_replacing =
                patch.is_replacing || integer_at(module, section, relocation.offset + patch_replace_at, 1) == 1;
        }
    }
}

void read_build_callbacks(const elf::Object& module, const elf::Section& section, Patch& patch) {
    for (uint64_t at = 0; at + build_callback_size <= section.data.size(); at += build_callback_size) {
        const uint64_t kind = integer_at(module, section, at + build_callback_kind_at, 8);
        std::optional<Location> function = pointer_at(module, section, at);
        if (function && kind < callback_kinds)
            patch.callbacks.push_back({string_pointed_to(module, section, at + build_callback_object_at),
                                       static_cast<elf::CallbackKind>(kind), *function});
    }
}

void read_build_table(const elf::Object& module, const elf::Section& section, Patch& patch) {
    patch.is_known = true;
    for (uint64_t at = 0; at + build_function_size <= section.data.size(); at += build_function_size) {
        PatchedFunction function{string_pointed_to(module, section, at + build_object_at),
                                 string_pointed_to(module, section, at + 8),
                                 integer_at(module, section, at + build_sympos_at, 8),
                                 {}};
        if (std::optional<Location> replacement = pointer_at(module, section, at))
            function.replacement = *replacement;
        patch.functions.push_back(function);
    }
}

} // namespace

std::optional<Location> pointer_at(const elf::Object& module, const elf::Section& section, uint64_t offset) {
    std::span<const elf::Relocation> all = module.relocations(section.index);
    auto found = std::ranges::lower_bound(all, offset, {}, &elf::Relocation::offset);
    if (found == all.end() || found->offset != offset)
        return std::nullopt;
    return location_of(module, *found);
}

FunctionIdentity identity(const PatchedFunction& function) {
    return {function.object, function.name, std::max<uint64_t>(function.sympos, 1)};
}

std::string full_name(const PatchedFunction& function) {
    return fmt::format("{}:{}{}", function.object, function.name,
                       function.sympos > 1 ? fmt::format(",{}", function.sympos) : "");
}

Patch read_patch(const elf::Object& module) {
    Patch patch;
    if (const elf::Section* table = module.find_section(elf::build_functions_section))
        read_build_table(module, *table, patch);
    if (const elf::Section* table = module.find_section(elf::build_callbacks_section))
        read_build_callbacks(module, *table, patch);
    read_patch_structure(module, patch);
    return patch;
}

Subject::Subject(const elf::Object& object)
    : module(object), raw(read_raw(object)), modinfo(elf::read_modinfo(object)),
      versions(elf::read_modversions(object)), runtime(elf::livepatch_runtime(modinfo)),
      core_table(convert::read_core_table(object)), patch(read_patch(object)) {
    for (const elf::RelocationTable& table : module.relocation_tables()) {
        if (module.section(table.section).flags & elf::shf_rela_livepatch)
            livepatch_tables.push_back(&table);
        else if (module.section(table.target).is_allocated())
            normal_tables.push_back(&table);
    }
}

} // namespace klp::verify
