// The target's images and tables, read when somebody asks for them first. klp-verify's rules ask the same questions as
// the driver, so both look at one copy.
#pragma once

#include "kernel/runtime.h"
#include "kernel/target.h"
#include "proof/image.h"
#include "symbols/kernel_view.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace klp::build {

class Images : public symbols::KernelView {
public:
    // Reads the target's Module.symvers; what the runtime core exports counts as the kernel's. Throws report::Refusal
    // "symvers.malformed" or "file.unreadable".
    Images(const kernel::Target& target, const std::optional<kernel::RuntimeCore>& core);

    // The image of "vmlinux" or of a module. Throws report::Refusal "target.no-module" if the target lacks it, or what
    // the reading of its file throws. Thread-safe; the reference stays valid.
    const proof::Image& of(const std::string& object) const;

    const symbols::SymbolTable* table(std::string_view object) const override;
    const elf::Object* image(std::string_view object) const override;
    const symbols::Exports* exports() const override { return &exports_; }
    std::string_view vermagic() const override;
    bool knows_modules() const override { return !target_.modules.empty(); }

private:
    const std::filesystem::path* path_of(const std::string& object) const;

    const kernel::Target& target_;
    symbols::Exports exports_;
    mutable std::mutex mutex_;
    mutable std::map<std::string, std::unique_ptr<proof::Image>> images_;
    mutable std::optional<std::string> vermagic_;
};

} // namespace klp::build
