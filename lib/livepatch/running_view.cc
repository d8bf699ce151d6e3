#include "livepatch/running_view.h"

#include "elf/build_id.h"
#include "files/files.h"
#include "livepatch/patches.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::livepatch {

namespace fs = std::filesystem;

namespace {

// Where distributions put what they boot; the first one that is this kernel counts.
fs::path find_boot_image(const System& system, const RunningKernel& kernel) {
    for (const std::string& place :
         {fmt::format("/usr/lib/debug/boot/vmlinux-{}", kernel.release),
          fmt::format("/boot/vmlinuz-{}", kernel.release), fmt::format("/lib/modules/{}/vmlinuz", kernel.release)}) {
        if (!system.exists(place))
            continue;
        try {
            symbols::KernelPaths paths;
            paths.vmlinuz = system.path(place);
            const symbols::KernelFiles files(std::move(paths));
            const elf::Object* image = files.image("vmlinux");
            if (image && !kernel.build_id.empty() && elf::build_id(*image) == kernel.build_id)
                return system.path(place);
        } catch (const report::Refusal&) {
            continue; // unreadable, or of a packing that we do not know
        }
    }
    return {};
}

// include/linux/export.h: each export has a __ksymtab_NAME, which kallsyms lists. Versions and namespaces are not
// there, and a CRC of 0 is one that nobody compares.
std::optional<symbols::Exports> exports_of(const std::map<std::string, symbols::SymbolTable, std::less<>>& tables) {
    constexpr std::string_view mark = "__ksymtab_";
    symbols::Exports exports;
    for (const auto& [object, table] : tables)
        for (const symbols::KernelSymbol& symbol : table.symbols())
            if (symbol.name.starts_with(mark))
                exports.add(std::string(symbol.name.substr(mark.size())), {object, {}, 0, false});
    return exports.size() == 0 ? std::nullopt : std::optional(std::move(exports));
}

} // namespace

RunningView::RunningView(const System& system) : system_(system) {
    loaded_ = read_proc_kallsyms(files::read_text(system.path("/proc/kallsyms")));
    const auto vmlinux = loaded_.find("vmlinux");
    const auto is_known = [](const symbols::KernelSymbol& symbol) { return symbol.address != 0; };
    if (vmlinux == loaded_.end() || std::ranges::none_of(vmlinux->second.symbols(), is_known))
        throw report::Refusal("livepatch.no-right", "/proc/kallsyms",
                              "the addresses of the kernel's symbols are hidden (kernel.kptr_restrict, CAP_SYSLOG)",
                              "run klpctl as root; kernel.kptr_restrict must not be 2");
    // Live patches are no modules of the kernel's that another one could refer to.
    for (const LoadedPatch& patch : read_patches(system))
        loaded_.erase(patch.name);
    exports_ = exports_of(loaded_);
    const RunningKernel kernel = running_kernel(system);
    boot_image_ = find_boot_image(system, kernel);
    symbols::KernelPaths paths;
    paths.vmlinuz = boot_image_;
    const std::string modules = fmt::format("/lib/modules/{}", kernel.release);
    const std::string symvers = modules + "/build/Module.symvers";
    has_module_files_ = system.exists(modules + "/kernel");
    if (has_module_files_)
        paths.modules = system.path(modules + "/kernel");
    if (system.exists(symvers))
        paths.symvers = system.path(symvers);
    files_.emplace(std::move(paths));
}

// Is the file below /lib/modules what is loaded?
bool RunningView::is_file_of_loaded(std::string_view module) const {
    const elf::Object* file = files_->image(module);
    return file && elf::build_id(*file) == module_build_id(system_, module);
}

const symbols::SymbolTable* RunningView::table(std::string_view object) const {
    const auto loaded = loaded_.find(object);
    const bool is_loaded = loaded != loaded_.end();
    if (object == "vmlinux")
        return boot_image_.empty() && is_loaded ? &loaded->second : files_->table(object);
    if (is_loaded && !is_file_of_loaded(object))
        return &loaded->second;
    return files_->table(object);
}

const elf::Object* RunningView::image(std::string_view object) const {
    if (object != "vmlinux" && loaded_.contains(object) && !is_file_of_loaded(object))
        return nullptr;
    return files_->image(object);
}

const symbols::Exports* RunningView::exports() const {
    const symbols::Exports* exports = files_->exports();
    return exports ? exports : exports_ ? &*exports_ : nullptr;
}

std::string_view RunningView::vermagic() const {
    return files_->vermagic();
}

} // namespace klp::livepatch
