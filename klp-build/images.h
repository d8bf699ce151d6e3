// The target's images, opened when somebody asks for them first.
#pragma once

#include "kernel/image.h"
#include "kernel/target.h"

#include <map>
#include <memory>
#include <mutex>

namespace klp::build {

class Images {
public:
    explicit Images(const kernel::Target& target) : target_(target) {}

    // The image of "vmlinux" or of a module. Throws report::Refusal "target.no-module" if the target lacks it, or what
    // kernel::Image::open throws. Thread-safe; the reference stays valid.
    const kernel::Image& of(const std::string& object);

private:
    std::filesystem::path path_of(const std::string& object) const;

    const kernel::Target& target_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<kernel::Image>> images_;
};

} // namespace klp::build
