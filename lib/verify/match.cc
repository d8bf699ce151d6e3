#include "verify/lookup.h"
#include "verify/match_places.h"

#include "arch/machine.h"
#include "convert/reference.h"
#include "elf/build_id.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace klp::verify {

namespace {

bool is_core_api(std::string_view symbol) {
    return std::ranges::find(elf::core_exports, symbol) != std::end(elf::core_exports);
}

bool imports(const elf::Object& module, std::string_view name) {
    return std::ranges::any_of(module.symbols(),
                               [&](const elf::Symbol& symbol) { return symbol.is_undefined() && symbol.name == name; });
}

// Everything of this group; holds what several rules ask for.
class MatchCheck {
public:
    MatchCheck(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict)
        : subject_(subject), kernel_(kernel), verdict_(verdict) {}
    void run();

private:
    void check_vermagic();
    void check_build_ids();
    void check_runtime();
    void check_imports();
    void check_import(const elf::Symbol& symbol, const symbols::Export& exported);
    void check_version(const elf::Symbol& symbol, const symbols::Export& exported);
    void check_static_calls();
    void check_livepatch_symbols();
    void check_livepatch_symbol(std::string_view symbol, const convert::LivepatchName& name);
    void check_functions();
    void check_reload();
    void check_function(const PatchedFunction& function);
    const symbols::SymbolTable* table_of(std::string_view object);
    const FunctionPlaces& places_of(std::string_view object);
    void read_versions();

    const Subject& subject_;
    const symbols::KernelView& kernel_;
    Verdict& verdict_;
    std::set<std::string, std::less<>> reported_objects_;
    std::map<std::string, FunctionPlaces, std::less<>> places_;
    bool has_versions_ = false;
    std::unordered_map<std::string_view, uint32_t> versions_;
};

// include/linux/vermagic.h: the release comes first. With MODVERSIONS the kernel passes over it, but a live patch for
// one build of a kernel is none for another.
void MatchCheck::check_vermagic() {
    std::string_view wanted = kernel_.vermagic();
    std::string_view given = subject_.modinfo.value("vermagic");
    if (!wanted.empty() && !given.empty() && wanted != given)
        verdict_.add("match.vermagic", "", fmt::format("the module says \"{}\", the kernel \"{}\"", given, wanted));
}

// A kernel without a livepatch core refuses the modules that are for one, and ours does not run beside it.
void MatchCheck::check_runtime() {
    const symbols::SymbolTable* vmlinux = kernel_.table("vmlinux");
    if (!vmlinux || !subject_.runtime)
        return;
    const bool has_core = !vmlinux->find("klp_enable_patch").empty();
    if (has_core && subject_.runtime == elf::Runtime::core)
        verdict_.add("match.runtime", "", "the module is for klp-build's own core, the kernel has CONFIG_LIVEPATCH");
    if (!has_core && subject_.runtime == elf::Runtime::kernel && imports(subject_.module, "klp_enable_patch"))
        verdict_.add("match.runtime", "", "the module is for the kernel's core, the kernel has none");
}

void MatchCheck::check_build_ids() {
    for (std::string_view text : subject_.modinfo.values(elf::build_id_tag)) {
        const size_t colon = text.find(':');
        const bool is_module = colon != std::string_view::npos;
        std::string_view object = is_module ? text.substr(0, colon) : std::string_view("vmlinux");
        std::string_view wanted = is_module ? text.substr(colon + 1) : text;
        const elf::Object* image = kernel_.image(object);
        const std::string given = image ? elf::build_id(*image) : std::string();
        if (!given.empty() && given != wanted)
            verdict_.add("match.build-id", object,
                         fmt::format("the module was made for build {} of it, this is {}", wanted, given));
    }
}

// struct modversion_info (include/linux/module.h): unsigned long crc; char name[64 - sizeof(unsigned long)].
void MatchCheck::read_versions() {
    constexpr uint64_t entry = 64;
    const elf::Section* section = subject_.module.find_section("__versions");
    if (!section)
        return;
    has_versions_ = true;
    for (uint64_t at = 0; at + entry <= section->data.size(); at += entry) {
        std::string_view name = elf::Object::string_at(*section, at + 8);
        versions_[name.substr(0, entry - 8)] =
            static_cast<uint32_t>(subject_.module.read_integer(section->data, at, 8));
    }
}

void MatchCheck::check_version(const elf::Symbol& symbol, const symbols::Export& exported) {
    if (exported.crc == 0)
        return; // the kernel has no CRCs, or none for this symbol
    auto version = versions_.find(symbol.name);
    if (version == versions_.end())
        verdict_.add("match.no-crc", symbol.name,
                     has_versions_ ? "the module has no CRC for it" : "the module has no CRCs (__versions) at all");
    else if (version->second != exported.crc)
        verdict_.add("match.crc", symbol.name,
                     fmt::format("the module was built for CRC {:#010x}, the kernel's is {:#010x}", version->second,
                                 exported.crc));
}

void MatchCheck::check_import(const elf::Symbol& symbol, const symbols::Export& exported) {
    check_version(symbol, exported);
    if (!exported.name_space.empty()) {
        std::vector<std::string_view> imported = subject_.modinfo.values("import_ns");
        if (std::ranges::find(imported, exported.name_space) == imported.end())
            verdict_.add("match.namespace", symbol.name, fmt::format("it is in the namespace {}", exported.name_space));
    }
    auto patches_it = [&](const PatchedFunction& function) { return function.object == exported.module; };
    if (exported.module != "vmlinux" && std::ranges::any_of(subject_.patch.functions, patches_it))
        verdict_.add("match.depends-on-patched", symbol.name, fmt::format("it is imported from {}", exported.module));
}

void MatchCheck::check_imports() {
    const symbols::Exports* exports = kernel_.exports();
    if (!exports)
        return;
    read_versions();
    for (const elf::Symbol& symbol : subject_.module.symbols()) {
        if (symbol.index == 0 || !symbol.is_undefined() || symbol.name.empty() ||
            symbol.name == "_GLOBAL_OFFSET_TABLE_" || symbol.name == ".TOC.")
            continue;
        if (const symbols::Export* exported = exports->find(symbol.name))
            check_import(symbol, *exported);
        else if (subject_.runtime && is_core_api(symbol.name))
            continue; // check_runtime() and check_core() know
        else if (!symbol.is_weak() && !symbol.name.starts_with(elf::reference_prefix))
            verdict_.add("match.not-exported", symbol.name, "the kernel does not export it");
        else if (symbol.is_weak() && kernel_.table("vmlinux") && !kernel_.table("vmlinux")->find(symbol.name).empty())
            verdict_.add("match.weak-unresolved", symbol.name, "vmlinux has it but does not export it");
    }
}

// A site whose key is the trampoline is looked up in a table that holds those trampolines only whose keys are not
// exported (EXPORT_STATIC_CALL_TRAMP(), include/linux/static_call.h).
void MatchCheck::check_static_calls() {
    constexpr uint64_t entry_size = 8, key_at = 4; // struct static_call_site
    constexpr std::string_view trampoline = "__SCT__";
    const symbols::Exports* exports = kernel_.exports();
    const elf::Section* sites = subject_.module.find_section(".static_call_sites");
    if (!exports || !sites)
        return;
    std::set<std::string_view> reported;
    for (const elf::Relocation& relocation : subject_.module.relocations(sites->index)) {
        std::string_view name = subject_.module.symbol(relocation.symbol).name;
        if (relocation.offset % entry_size != key_at || !name.starts_with(trampoline))
            continue;
        std::string key = "__SCK__" + std::string(name.substr(trampoline.size()));
        if (exports->find(key) && reported.insert(name).second)
            verdict_.add("match.static-call-key", name, fmt::format("the kernel exports {}", key));
    }
}

// nullptr where nothing is known of the object, which is reported once if it ought to be.
const symbols::SymbolTable* MatchCheck::table_of(std::string_view object) {
    const symbols::SymbolTable* table = kernel_.table(object);
    if (!table && object != "vmlinux" && kernel_.knows_modules() && reported_objects_.emplace(object).second)
        verdict_.add("match.unknown-object", object, "the target kernel has no such module");
    return table;
}

const FunctionPlaces& MatchCheck::places_of(std::string_view object) {
    auto found = places_.find(object);
    if (found == places_.end())
        found = places_.emplace(object, FunctionPlaces(*kernel_.table(object), kernel_.image(object))).first;
    return found->second;
}

std::string namesakes_of(const symbols::SymbolTable& table, std::string_view name) {
    std::string text;
    for (uint32_t index : table.find(name)) {
        const symbols::KernelSymbol& symbol = table.symbols()[index];
        const std::string& file = table.file_of(symbol);
        text += fmt::format("{}{} at {:#x}{}", text.empty() ? "" : ", ", table.sympos(symbol), symbol.address,
                            file.empty() ? "" : fmt::format(" ({})", file));
    }
    return text;
}

bool is_unstable(const symbols::SymbolTable& table, std::string_view name) {
    std::span<const uint32_t> found = table.find(name);
    auto is_init = [&](uint32_t index) { return table.symbols()[index].init; };
    auto first_init = std::ranges::find_if(found, is_init);
    return found.size() > 1 && first_init != found.end() && !std::ranges::all_of(found, is_init);
}

void MatchCheck::check_livepatch_symbol(std::string_view symbol, const convert::LivepatchName& name) {
    const symbols::SymbolTable* table = table_of(name.object);
    if (!table)
        return;
    Lookup lookup = look_up(*table, name.name, name.sympos);
    switch (lookup.outcome) {
    case Lookup::Outcome::missing:
        verdict_.add("match.symbol-missing", symbol, fmt::format("{} has no symbol {}", name.object, name.name));
        return;
    case Lookup::Outcome::ambiguous:
        verdict_.add(
            "match.symbol-ambiguous", symbol,
            fmt::format("{} has {} of that name: {}", name.object, lookup.namesakes, namesakes_of(*table, name.name)));
        return;
    case Lookup::Outcome::out_of_range:
        verdict_.add("match.sympos", symbol, fmt::format("{} has {} of that name", name.object, lookup.namesakes));
        return;
    case Lookup::Outcome::found:
        break;
    }
    if (is_unstable(*table, name.name))
        verdict_.add(
            "match.sympos-unstable", symbol,
            fmt::format("some of the {} of that name in {} are init code or data", lookup.namesakes, name.object));
    if (places_of(name.object).is_freed(*lookup.symbol))
        verdict_.add("match.freed-symbol", symbol, "it is init code or data");
}

void MatchCheck::check_livepatch_symbols() {
    for (const elf::Symbol& symbol : subject_.module.symbols())
        if (symbol.place == elf::Place::livepatch)
            if (std::optional<convert::LivepatchName> name = convert::parse_livepatch_symbol(symbol.name))
                check_livepatch_symbol(symbol.name, *name);
    std::set<std::tuple<std::string_view, std::string_view, unsigned>> seen;
    for (const convert::CoreRelocation& relocation : subject_.core_table.entries)
        if (seen.emplace(relocation.symbol_object, relocation.symbol, relocation.sympos).second)
            check_livepatch_symbol(relocation.symbol, {relocation.symbol_object, relocation.symbol, relocation.sympos});
}

void MatchCheck::check_function(const PatchedFunction& function) {
    const symbols::SymbolTable* table = table_of(function.object);
    if (!table)
        return;
    Lookup lookup = look_up(*table, function.name, function.sympos);
    switch (lookup.outcome) {
    case Lookup::Outcome::missing:
        verdict_.add("match.function-missing", function.name, fmt::format("{} has no such function", function.object));
        return;
    case Lookup::Outcome::ambiguous:
        verdict_.add("match.function-ambiguous", function.name,
                     fmt::format("{} has {} of that name: {}", function.object, lookup.namesakes,
                                 namesakes_of(*table, function.name)));
        return;
    case Lookup::Outcome::out_of_range:
        verdict_.add("match.function-sympos", function.name,
                     fmt::format("{} has {} of that name, not {}", function.object, lookup.namesakes, function.sympos));
        return;
    case Lookup::Outcome::found:
        break;
    }
    const FunctionPlaces& places = places_of(function.object);
    if (places.is_freed(*lookup.symbol))
        verdict_.add("match.init-function", function.name, "it is init code");
    else if (!places.is_code(*lookup.symbol))
        verdict_.add("match.not-a-function", function.name, fmt::format("it is data of {}", function.object));
    else if (!places.may_be_traced(*lookup.symbol))
        verdict_.add("match.no-ftrace", function.name,
                     fmt::format("{} has no ftrace location for it (notrace, inline or assembler)", function.object));
}

void MatchCheck::check_functions() {
    for (const PatchedFunction& function : subject_.patch.functions)
        check_function(function);
}

// The places of .klp.rela.OBJ.* keep their values when OBJ goes, and older kernels write only to zeros.
void MatchCheck::check_reload() {
    const symbols::SymbolTable* vmlinux = kernel_.table("vmlinux");
    bool is_old = vmlinux && !vmlinux->find("apply_relocate_add").empty() &&
                  vmlinux->find("clear_relocate_add").empty() && arch::Machine::of(subject_.module).name() == "x86_64";
    std::set<std::string_view> reported;
    for (const elf::RelocationTable* table : subject_.livepatch_tables) {
        std::string_view section_name = subject_.module.section(table->section).name;
        std::optional<convert::LivepatchSectionName> name = convert::parse_livepatch_section(section_name);
        if (is_old && name && name->object != "vmlinux" && reported.insert(name->object).second)
            verdict_.add("match.reload", name->object,
                         "this kernel will not load the module a second time while the patch is loaded");
    }
}

void MatchCheck::run() {
    check_vermagic();
    check_build_ids();
    check_runtime();
    check_imports();
    check_static_calls();
    check_livepatch_symbols();
    check_functions();
    check_reload();
}

} // namespace

void check_match(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    MatchCheck(subject, kernel, verdict).run();
}

} // namespace klp::verify
