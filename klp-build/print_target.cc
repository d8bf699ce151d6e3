#include "print_target.h"

#include "report/json_text.h"

#include <nlohmann/json.hpp>

namespace klp::build {

std::string describe_target(const kernel::Target& target, const std::optional<kernel::RuntimeCore>& core) {
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
        {"runtime", target.runtime == elf::Runtime::core ? "core" : "kernel"},
    };
    if (core)
        json["core"] = {{"module", core->module.string()},
                        {"symvers", core->symvers.string()},
                        {"include", core->include.string()}};
    return report::json_text(json);
}

} // namespace klp::build
