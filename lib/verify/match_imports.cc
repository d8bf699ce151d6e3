// kernel/module/main.c, resolve_symbol(), and kernel/module/version.c: what the module imports, on that kernel.
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

namespace klp::verify {

namespace {

constexpr std::string_view module_layout = "module_layout"; // stands for the layout of struct module and its like

class ImportCheck {
public:
    ImportCheck(const Subject& subject, const symbols::Exports& exports, const symbols::KernelView& kernel,
                Verdict& verdict)
        : subject_(subject), exports_(exports), kernel_(kernel), verdict_(verdict) {}

    void run() {
        for (const elf::Modversion& version : subject_.versions.list)
            versions_.try_emplace(version.name, version.crc);
        read_dependencies();
        if (const symbols::Export* layout = exports_.find(module_layout))
            check_version(module_layout, *layout);
        for (const elf::Symbol& symbol : subject_.module.symbols())
            if (symbol.index != 0 && symbol.is_undefined() && !symbol.name.empty() &&
                symbol.name != "_GLOBAL_OFFSET_TABLE_" && symbol.name != ".TOC.")
                check_symbol(symbol);
        check_dependencies();
        check_static_calls();
        check_exports();
    }

private:
    // "a,b,c"; scripts/mod/modpost.c, add_depends()
    void read_dependencies() {
        std::string_view text = subject_.modinfo.value("depends");
        while (!text.empty()) {
            std::string name(text.substr(0, text.find(',')));
            text.remove_prefix(std::min(text.size(), name.size() + 1));
            std::ranges::replace(name, '-', '_');
            if (!name.empty())
                dependencies_.insert(std::move(name));
        }
    }

    void check_symbol(const elf::Symbol& symbol) {
        if (const symbols::Export* exported = exports_.find(symbol.name))
            check_import(symbol, *exported);
        else if (subject_.runtime && is_core_api(symbol.name))
            return; // check_target() and check_core() know
        else if (!symbol.is_weak() && !symbol.name.starts_with(elf::reference_prefix))
            verdict_.add("match.not-exported", symbol.name, "the kernel does not export it");
        else if (symbol.is_weak() && kernel_.table("vmlinux") && !kernel_.table("vmlinux")->find(symbol.name).empty())
            verdict_.add("match.weak-unresolved", symbol.name, "vmlinux has it but does not export it");
    }

    void check_import(const elf::Symbol& symbol, const symbols::Export& exported) {
        check_version(symbol.name, exported);
        if (!exported.name_space.empty()) {
            std::vector<std::string_view> imported = subject_.modinfo.values("import_ns");
            if (std::ranges::find(imported, exported.name_space) == imported.end())
                verdict_.add("match.namespace", symbol.name,
                             fmt::format("it is in the namespace {}", exported.name_space));
        }
        if (exported.module == "vmlinux")
            return;
        auto patches_it = [&](const PatchedFunction& function) { return function.object == exported.module; };
        if (std::ranges::any_of(subject_.patch.functions, patches_it))
            verdict_.add("match.depends-on-patched", symbol.name,
                         fmt::format("it is imported from {}", exported.module));
        if (!symbol.is_weak() && !dependencies_.contains(exported.module) && reported_.insert(exported.module).second)
            verdict_.add("match.depends", symbol.name,
                         fmt::format("{} exports it, and depends= of .modinfo says \"{}\"", exported.module,
                                     subject_.modinfo.value("depends")));
    }

    void check_version(std::string_view name, const symbols::Export& exported) {
        if (exported.crc == 0)
            return; // the kernel has no CRCs, or none for this symbol
        auto version = versions_.find(name);
        if (version == versions_.end() && subject_.versions.is_extended)
            return; // the kernel says a word about it and goes on
        if (version == versions_.end())
            verdict_.add("match.no-crc", name,
                         subject_.versions.is_there ? "the module has no CRC for it"
                                                    : "the module has no CRCs (__versions) at all");
        else if (version->second != exported.crc)
            verdict_.add("match.crc", name,
                         fmt::format("the module was built for CRC {:#010x}, the kernel's is {:#010x}", version->second,
                                     exported.crc));
    }

    void check_dependencies() {
        for (const std::string& name : dependencies_)
            if (kernel_.knows_modules() && !kernel_.table(name) && name != elf::core_module)
                verdict_.add("match.unknown-dependency", name, "the target kernel has no such module");
    }

    // A site whose key is the trampoline is looked up in a table that holds those trampolines only whose keys are not
    // exported (EXPORT_STATIC_CALL_TRAMP(), include/linux/static_call.h).
    void check_static_calls() {
        constexpr uint64_t entry_size = 8, key_at = 4; // struct static_call_site
        constexpr std::string_view trampoline = "__SCT__";
        const elf::Section* sites = subject_.module.find_section(".static_call_sites");
        if (!sites)
            return;
        std::set<std::string_view> reported;
        for (const elf::Relocation& relocation : subject_.module.relocations(sites->index)) {
            std::string_view name = subject_.module.symbol(relocation.symbol).name;
            if (relocation.offset % entry_size != key_at || !name.starts_with(trampoline))
                continue;
            std::string key = "__SCK__" + std::string(name.substr(trampoline.size()));
            if (exports_.find(key) && reported.insert(name).second)
                verdict_.add("match.static-call-key", name, fmt::format("the kernel exports {}", key));
        }
    }

    // kernel/module/main.c, verify_exported_symbols()
    void check_exports() {
        constexpr std::string_view prefix = "__ksymtab_";
        for (const elf::Symbol& symbol : subject_.module.symbols()) {
            if (symbol.place != elf::Place::section || !symbol.name.starts_with(prefix))
                continue;
            if (const symbols::Export* owner = exports_.find(symbol.name.substr(prefix.size())))
                verdict_.add("match.export-twice", symbol.name.substr(prefix.size()),
                             fmt::format("{} exports it too", owner->module));
        }
    }

    const Subject& subject_;
    const symbols::Exports& exports_;
    const symbols::KernelView& kernel_;
    Verdict& verdict_;
    std::unordered_map<std::string_view, uint64_t> versions_;
    std::set<std::string, std::less<>> dependencies_; // with '_' for '-'
    std::set<std::string, std::less<>> reported_;
};

} // namespace

void check_imports(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    if (const symbols::Exports* exports = kernel.exports())
        ImportCheck(subject, *exports, kernel, verdict).run();
}

bool is_core_api(std::string_view symbol) {
    return std::ranges::find(elf::core_exports, symbol) != std::end(elf::core_exports);
}

bool imports(const elf::Object& module, std::string_view name) {
    return std::ranges::any_of(module.symbols(),
                               [&](const elf::Symbol& symbol) { return symbol.is_undefined() && symbol.name == name; });
}

} // namespace klp::verify
