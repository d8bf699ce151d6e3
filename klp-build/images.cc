#include "images.h"

#include "report/finding.h"

#include <fmt/format.h>

namespace klp::build {

std::filesystem::path Images::path_of(const std::string& object) const {
    if (object == "vmlinux")
        return target_.vmlinux;
    const std::filesystem::path* path = kernel::find_module(target_, object);
    if (!path)
        throw report::Refusal("target.no-module", target_.name,
                              fmt::format("the kernel has no module {}, which the patch changes", object),
                              "give the directory of the kernel's modules, with symbols (--modules)");
    return *path;
}

const kernel::Image& Images::of(const std::string& object) {
    std::scoped_lock lock(mutex_);
    std::unique_ptr<kernel::Image>& image = images_[object];
    if (!image)
        image = std::make_unique<kernel::Image>(kernel::Image::open(path_of(object), object));
    return *image;
}

} // namespace klp::build
