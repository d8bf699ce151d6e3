#include "kernel/unpatchable.h"

#include <array>
#include <string_view>

namespace klp::kernel {

namespace {

using report::Finding;

struct Unpatchable {
    std::string_view part; // of the path, between slashes
    const char* code;
    const char* what;
};

constexpr std::array unpatchable_parts = {
    Unpatchable{"/vdso/", "plan.vdso", "vDSO code runs in user space, mapped into every process"},
    Unpatchable{"/vdso32/", "plan.vdso", "vDSO code runs in user space, mapped into every process"},
    Unpatchable{"/vdso64/", "plan.vdso", "vDSO code runs in user space, mapped into every process"},
    Unpatchable{"/realmode/", "plan.realmode", "real mode code is a binary of its own inside the kernel"},
    Unpatchable{"/purgatory/", "plan.boot", "the kexec purgatory is a binary of its own inside the kernel"},
    Unpatchable{"/libstub/", "plan.firmware-stub", "the EFI stub runs before the kernel does"},
};

Finding error(const std::string& code, const std::string& path, const std::string& message, const std::string& hint) {
    return {code, report::Severity::error, path, "", message, hint};
}

} // namespace

std::optional<Finding> find_unpatchable(const std::string& path) {
    const std::string hint = "leave this file out of the live patch";
    for (const Unpatchable& part : unpatchable_parts) {
        if (path.find(part.part) != std::string::npos)
            return error(part.code, path, std::string(part.what) + ", and cannot be patched live", hint);
    }
    // arch/ARCH/boot/
    const size_t arch_end = path.starts_with("arch/") ? path.find('/', 5) : std::string::npos;
    if (arch_end != std::string::npos && path.compare(arch_end, 6, "/boot/") == 0)
        return error("plan.boot", path, "boot code has run and is gone, and cannot be patched live", hint);
    return std::nullopt;
}

} // namespace klp::kernel
