// The running kernel as klp-verify's rules ask about a kernel (symbols::KernelView).
//
// Best is the file that it was booted from, if that is still there (/boot, /lib/modules) and has the build id of what
// runs: then all is known that klp-verify knows. Else /proc/kallsyms says which symbols there are, at which numbers,
// and what is exported. Modules that are loaded are asked first, then the files below /lib/modules.
#pragma once

#include "livepatch/system.h"
#include "symbols/kernel_files.h"
#include "symbols/kernel_view.h"

#include <map>
#include <optional>
#include <string>

namespace klp::livepatch {

class RunningView : public symbols::KernelView {
public:
    // Throws report::Refusal "livepatch.no-right" if the symbols' addresses are hidden, "file.unreadable".
    explicit RunningView(const System& system);

    const symbols::SymbolTable* table(std::string_view object) const override;
    const elf::Object* image(std::string_view object) const override;
    const symbols::Exports* exports() const override;
    std::string_view vermagic() const override;
    bool knows_modules() const override { return has_module_files_; }

    // The boot image that the answers come from; empty if it was not found.
    const std::filesystem::path& boot_image() const { return boot_image_; }

private:
    bool is_file_of_loaded(std::string_view module) const;

    System system_;
    std::map<std::string, symbols::SymbolTable, std::less<>> loaded_; // what /proc/kallsyms has, by object
    std::optional<symbols::Exports> exports_;
    std::filesystem::path boot_image_;
    bool has_module_files_ = false;
    std::optional<symbols::KernelFiles> files_;
};

// The symbols of all objects of a /proc/kallsyms: lines "ADDRESS TYPE NAME[\t[MODULE]]" (kernel/kallsyms.c, s_show()).
// Symbols of what is neither vmlinux nor a module (trampolines, BPF programs) are left out.
std::map<std::string, symbols::SymbolTable, std::less<>> read_proc_kallsyms(std::string text);

} // namespace klp::livepatch
