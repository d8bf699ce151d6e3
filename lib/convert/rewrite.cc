#include "convert/rewrite.h"

#include "arch/field.h"
#include "arch/machine.h"
#include "arch/special_sections.h"
#include "convert/core_table.h"
#include "convert/tracked_calls.h"
#include "elf/builder.h"
#include "elf/livepatch_abi.h"
#include "elf/modinfo.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace klp::convert {

namespace {

constexpr uint32_t none = UINT32_MAX;

// ---- What may come in ----

void check_module(const elf::Object& module) {
    if (module.type() != ET_REL || !module.find_section(".modinfo"))
        throw report::Refusal("convert.not-a-module", module.name(), "the file is not a kernel module",
                              "give the .ko file that kbuild made");
    if (!elf::livepatch_runtime(elf::read_modinfo(module)))
        throw report::Refusal("convert.not-livepatch", module.name(),
                              ".modinfo has no livepatch=Y, so the kernel would not let the module patch anything",
                              "add MODULE_INFO(livepatch, \"Y\"); to its source");
    if (module.find_section(elf::core_relocs_section))
        throw report::Refusal("convert.already-converted", module.name(),
                              fmt::format("it has livepatch relocations already ({})", elf::core_relocs_section),
                              "give the module as kbuild linked it");
    for (const elf::RelocationTable& table : module.relocation_tables())
        if (module.section(table.section).flags & elf::shf_rela_livepatch)
            throw report::Refusal(
                "convert.already-converted", module.name(),
                fmt::format("it has livepatch relocations already ({})", module.section(table.section).name),
                "give the module as kbuild linked it");
}

void check_reference(const elf::Object& module, const LivepatchReference& reference) {
    auto refuse = [&](const char* code, std::string message, const char* hint) {
        throw report::Refusal(
            {report::Finding{code, report::Severity::error, module.name(), reference.name, std::move(message), hint}});
    };
    for (const std::string& object : {reference.object, reference.owner})
        if (object.empty() || object.size() > elf::max_object_name || object.find('.') != std::string::npos)
            refuse(
                "convert.name-too-long",
                fmt::format("the object name {} cannot be written into a livepatch symbol (1 to {} characters, no dot)",
                            object, elf::max_object_name),
                "the kernel cannot resolve symbols of this module");
    if (reference.name.empty() || reference.name.size() > elf::max_symbol_name ||
        reference.name.find(',') != std::string::npos)
        refuse("convert.name-too-long",
               fmt::format("the name has {} characters or a comma; the kernel takes up to {} and no comma",
                           reference.name.size(), elf::max_symbol_name),
               "avoid the reference, for example by bringing along a copy of the function");
    if ((reference.owner == "vmlinux") != (reference.object == "vmlinux"))
        refuse("convert.foreign-reference",
               fmt::format("{}'s symbol would be resolved together with {}'s relocations, which the kernel "
                           "{}",
                           reference.object, reference.owner,
                           reference.object == "vmlinux" ? "refuses" : "does before that module is there"),
               "refer to vmlinux's symbols from .klp.rela.vmlinux.* and to a module's from .klp.rela.MODULE.*");
}

// ---- The rewriting ----

// A relocation that a livepatch core is to apply.
struct Moved {
    uint32_t reference = none; // its index
    elf::Relocation relocation;
};

class Rewriter {
public:
    Rewriter(const elf::Object& module, std::span<const LivepatchReference> references);
    Result run();

private:
    void take_relocations();
    void take_from(elf::NewRelocationTable& table);
    void check_place(const elf::NewSection& section, const LivepatchReference& reference) const;
    void write_for_kernel();
    void rename_symbols(std::vector<uint32_t>& merged_into);
    void write_for_core();
    std::set<std::pair<uint32_t, uint64_t>> late_places(elf::Runtime runtime) const;
    void check_before_core(uint32_t section, const Moved& moved) const;
    void drop_symbols();
    void drop_sections();
    void forget_in_debug_data(const std::vector<uint32_t>& dropped);

    const elf::Object& module_;
    std::span<const LivepatchReference> references_;
    elf::Builder builder_;
    std::vector<uint32_t> reference_of_; // symbol handle -> index of its reference, or none
    std::vector<arch::CodeRange> read_by_loader_;
    // (target section, vmlinux first, owner) -> its livepatch relocations: the order in which they are written
    std::map<std::tuple<uint32_t, bool, std::string>, std::vector<Moved>> moved_;
    Result result_;
};

Rewriter::Rewriter(const elf::Object& module, std::span<const LivepatchReference> references)
    : module_(module), references_(references), builder_(elf::Builder::copy_of(module)),
      reference_of_(builder_.symbols.size(), none) {
    for (uint32_t at = 0; at < references.size(); ++at)
        reference_of_.at(references[at].symbol) = at;
}

void Rewriter::check_place(const elf::NewSection& section, const LivepatchReference& reference) const {
    if (reference.owner == "vmlinux")
        return;
    const arch::SpecialSection* late = arch::find_read_while_loading(section.name);
    if (!late)
        return;
    throw report::Refusal({report::Finding{
        "convert.too-late", report::Severity::error, module_.name(), reference.name,
        fmt::format("{} refers to a symbol of module {}, but while the patch module loads, {} ({}); the "
                    "symbol is only resolved when {} is there",
                    section.name, reference.object, late->reader, late->source, reference.owner),
        "keep the reference out of the patched code: for a static key or static call of a module, read the "
        "key's state at run time instead (static_key_enabled(), an ordinary indirect call)"}});
}

void Rewriter::take_from(elf::NewRelocationTable& table) {
    const elf::NewSection& section = builder_.sections[table.target];
    bool is_loaded = section.flags & SHF_ALLOC;
    bool is_listing = section.name == elf::build_symbols_section || section.name.starts_with(elf::annotation_prefix);
    auto moves = [&](const elf::Relocation& relocation) {
        const uint32_t index = reference_of_[relocation.symbol];
        if (index == none)
            return false;
        if (!is_loaded || is_listing) // debug data and our own listings: no kernel reads them
            return true;
        const LivepatchReference& reference = references_[index];
        check_place(section, reference);
        moved_[{table.target, reference.owner != "vmlinux", reference.owner}].push_back({index, relocation});
        ++result_.livepatch_relocations;
        return true;
    };
    std::erase_if(table.entries, moves);
}

void Rewriter::take_relocations() {
    for (elf::NewRelocationTable& table : builder_.relocations)
        take_from(table);
    std::erase_if(builder_.relocations, [](const elf::NewRelocationTable& table) { return table.entries.empty(); });
}

// ---- The form of the kernel's core ----

// Two owners may refer to one symbol of the kernel; it becomes one livepatch symbol.
void Rewriter::rename_symbols(std::vector<uint32_t>& merged_into) {
    std::unordered_map<std::string, uint32_t> first_of;
    for (const LivepatchReference& reference : references_) {
        elf::NewSymbol& symbol = builder_.symbols[reference.symbol];
        symbol.name =
            fmt::format("{}{}.{},{}", elf::klp_symbol_prefix, reference.object, reference.name, reference.sympos);
        symbol.place = elf::Place::livepatch;
        symbol.binding = STB_GLOBAL;
        symbol.type = STT_NOTYPE;
        symbol.value = 0;
        symbol.size = 0;
        merged_into[reference.symbol] = first_of.try_emplace(symbol.name, reference.symbol).first->second;
    }
}

void Rewriter::write_for_kernel() {
    std::vector<uint32_t> merged_into(builder_.symbols.size()); // symbol handle -> the handle that stands for it
    rename_symbols(merged_into);
    for (const auto& [key, all] : moved_) {
        const auto& [target, is_module, owner] = key;
        elf::NewRelocationTable table{
            fmt::format("{}{}.{}", elf::klp_section_prefix, owner, builder_.sections[target].name),
            target,
            SHF_ALLOC | elf::shf_rela_livepatch,
            {}};
        for (const Moved& moved : all) {
            table.entries.push_back(moved.relocation);
            table.entries.back().symbol = merged_into[moved.relocation.symbol];
        }
        builder_.relocations.push_back(std::move(table));
    }
}

// ---- The form of klp-build's own core ----

// The kernel's core writes vmlinux's symbols with the module's own relocations, ours after the loader has looked at the
// module.
void Rewriter::check_before_core(uint32_t section, const Moved& moved) const {
    const LivepatchReference& reference = references_[moved.reference];
    auto refuse = [&](const std::string& why) {
        throw report::Refusal({report::Finding{
            "convert.before-core", report::Severity::error, module_.name(), reference.name,
            fmt::format(
                "{} refers to this symbol of {}, which is not exported: {} before the runtime core can write it",
                builder_.sections[section].name, reference.object, why),
            "keep the reference out of such code, or use a kernel with CONFIG_LIVEPATCH"}});
    };
    if (const arch::SpecialSection* early = arch::find_read_before_core(builder_.sections[section].name))
        refuse(fmt::format("{} ({})", early->reader, early->source));
    for (const arch::CodeRange& range : read_by_loader_)
        if (builder_.sections[section].name == module_.section(range.section).name &&
            moved.relocation.offset >= range.offset && moved.relocation.offset - range.offset < range.size)
            refuse("the instruction is one that alternatives replace, and that is");
}

// What is written when the loader has looked at the module: the kernel's core writes vmlinux's symbols before that.
std::set<std::pair<uint32_t, uint64_t>> Rewriter::late_places(elf::Runtime runtime) const {
    std::set<std::pair<uint32_t, uint64_t>> places;
    for (const auto& [key, all] : moved_)
        if (const auto& [target, is_module, owner] = key; is_module || runtime == elf::Runtime::core)
            for (const Moved& moved : all)
                places.emplace(target, moved.relocation.offset);
    return places;
}

void Rewriter::write_for_core() {
    read_by_loader_ = arch::code_read_by_loader(module_);
    std::vector<CoreEntry> entries;
    std::set<std::tuple<std::string_view, std::string_view, unsigned>> symbols;
    for (const auto& [key, all] : moved_)
        for (const Moved& moved : all) {
            check_before_core(std::get<0>(key), moved);
            const LivepatchReference& reference = references_[moved.reference];
            entries.push_back({std::get<0>(key), moved.relocation, &reference});
            symbols.emplace(reference.object, reference.name, reference.sympos);
        }
    add_core_table(builder_, arch::Machine::of(module_), entries);
    result_.livepatch_symbols = symbols.size();
}

// ---- What goes ----

// References that nothing names any more: merged ones, those that only a dropped section named, and all that went into
// the core's table.
void Rewriter::drop_symbols() {
    std::vector<bool> used(builder_.symbols.size());
    for (const elf::NewRelocationTable& table : builder_.relocations)
        for (const elf::Relocation& relocation : table.entries)
            used[relocation.symbol] = true;
    std::vector<uint32_t> dropped;
    for (const LivepatchReference& reference : references_) {
        if (used[reference.symbol])
            ++result_.livepatch_symbols;
        else
            dropped.push_back(reference.symbol);
    }
    builder_.remove_symbols(dropped);
}

// Debug data may describe what is dropped; the kernel does not read it, and its readers take 0 for "not there".
void Rewriter::forget_in_debug_data(const std::vector<uint32_t>& dropped) {
    std::vector<bool> goes(builder_.sections.size());
    for (uint32_t handle : dropped)
        goes[handle] = true;
    for (elf::NewRelocationTable& table : builder_.relocations) {
        if (builder_.sections[table.target].flags & SHF_ALLOC)
            continue;
        std::erase_if(table.entries, [&](const elf::Relocation& relocation) {
            const elf::NewSymbol& symbol = builder_.symbols[relocation.symbol];
            return symbol.place == elf::Place::section && goes[symbol.section];
        });
    }
}

void Rewriter::drop_sections() {
    std::vector<uint32_t> dropped;
    for (uint32_t handle = 1; handle < builder_.sections.size(); ++handle) {
        const std::string& name = builder_.sections[handle].name;
        if (name == elf::build_symbols_section || name.starts_with(elf::annotation_prefix) || name == ".BTF" ||
            name == ".BTF.base")
            dropped.push_back(handle);
    }
    forget_in_debug_data(dropped);
    builder_.remove_sections(dropped);
}

Result Rewriter::run() {
    take_relocations();
    const elf::Runtime runtime = elf::livepatch_runtime(elf::read_modinfo(module_)).value();
    untrack_calls(builder_, late_places(runtime));
    if (runtime == elf::Runtime::core)
        write_for_core();
    else
        write_for_kernel();
    drop_symbols();
    drop_sections();
    result_.bytes = builder_.bytes();
    return std::move(result_);
}

} // namespace

Result rewrite(const elf::Object& module, std::span<const LivepatchReference> references) {
    check_module(module);
    for (const LivepatchReference& reference : references)
        check_reference(module, reference);
    return Rewriter(module, references).run();
}

} // namespace klp::convert
