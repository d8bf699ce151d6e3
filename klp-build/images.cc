#include "images.h"

#include "elf/modinfo.h"
#include "files/files.h"
#include "report/finding.h"
#include "symbols/boot_image.h"
#include "symbols/kernel_files.h"

#include <fmt/format.h>

namespace klp::build {

namespace {

std::string read_vermagic(const std::filesystem::path& module) {
    elf::Object file = symbols::open_module(module);
    return std::string(elf::read_modinfo(file).value("vermagic"));
}

// A vmlinux, linked or as it boots, or a module, packed or not.
proof::Image open_image(const std::filesystem::path& path, const std::string& object) {
    if (object == "vmlinux") {
        symbols::KernelImage image = symbols::open_kernel_image(path);
        return {std::move(image.file), std::move(image.symbols)};
    }
    elf::Object file = symbols::open_module(path);
    symbols::SymbolTable symbols = symbols::read_elf_symbols(file, object);
    return {std::move(file), std::move(symbols)};
}

} // namespace

Images::Images(const kernel::Target& target, const std::optional<kernel::RuntimeCore>& core)
    : target_(target), exports_(symbols::read_symvers(files::read_text(target.symvers), target.symvers.string())) {
    if (!core)
        return;
    const symbols::Exports of_core = symbols::read_symvers(files::read_text(core->symvers), core->symvers.string());
    for (std::string_view symbol : elf::core_exports)
        if (const symbols::Export* exported = of_core.find(symbol)) {
            symbols::Export as_of_kernel = *exported;
            as_of_kernel.module = "vmlinux";
            exports_.add(std::string(symbol), std::move(as_of_kernel));
        }
}

const std::filesystem::path* Images::path_of(const std::string& object) const {
    return object == "vmlinux" ? &target_.vmlinux : kernel::find_module(target_, object);
}

const proof::Image& Images::of(const std::string& object) const {
    const std::filesystem::path* path = path_of(object);
    if (!path)
        throw report::Refusal("target.no-module", target_.name,
                              fmt::format("the kernel has no module {}, which the patch changes", object),
                              "give the directory of the kernel's modules, with symbols (--modules)");
    std::scoped_lock lock(mutex_);
    std::unique_ptr<proof::Image>& image = images_[object];
    if (!image)
        image = std::make_unique<proof::Image>(open_image(*path, object));
    return *image;
}

const symbols::SymbolTable* Images::table(std::string_view object) const {
    std::string name(object);
    return path_of(name) ? &of(name).symbols() : nullptr;
}

const elf::Object* Images::image(std::string_view object) const {
    std::string name(object);
    return path_of(name) ? &of(name).file() : nullptr;
}

std::string_view Images::vermagic() const {
    if (!vermagic_) {
        vermagic_.emplace();
        if (!target_.modules.empty())
            vermagic_ = read_vermagic(target_.modules.begin()->second);
    }
    return *vermagic_;
}

} // namespace klp::build
