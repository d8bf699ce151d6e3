#include "print_target.h"

#include <nlohmann/json.hpp>

namespace klp::build {

std::string describe_target(const kernel::Target& target) {
    nlohmann::ordered_json json = {
        {"name", target.name},
        {"release", target.release},
        {"version", target.version},
        {"arch", target.arch},
        {"source", target.source.string()},
        {"build", target.build.string()},
        {"vmlinux", target.vmlinux.string()},
        {"vmlinuz", target.vmlinuz.string()},
        {"modules_dir", target.boot_modules.string()},
        {"symvers", target.symvers.string()},
        {"config", (target.build / ".config").string()},
        {"compiler", target.compiler.path.string()},
    };
    return json.dump(2) + "\n";
}

} // namespace klp::build
