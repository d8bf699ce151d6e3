#include "read_keys.h"
#include "resources.h"

#include "report/finding.h"

namespace klp::build {

std::vector<report::Finding> keys_to_read(const std::vector<report::Finding>& refused) {
    std::vector<report::Finding> notes;
    for (const report::Finding& finding : refused) {
        const bool is_said = !notes.empty() && notes.back().function == finding.function;
        if (finding.code == "diff.module-key" && !is_said)
            notes.push_back({"diff.key-read",
                             report::Severity::note,
                             finding.where,
                             finding.function,
                             "it reads the static keys and calls of its module like variables, since the kernel cannot "
                             "relocate its jumps in time; turning them on and off takes effect as before",
                             {}});
    }
    return notes;
}

std::optional<elf::Object> compile_reading_keys(const kernel::Target& target, const kernel::BuildUnit& unit,
                                                const std::filesystem::path& folder) {
    const std::optional<std::filesystem::path> object =
        kernel::compile_with_headers(target, unit, key_headers(), folder);
    if (!object)
        return std::nullopt;
    return elf::Object::open(*object, unit.source);
}

} // namespace klp::build
