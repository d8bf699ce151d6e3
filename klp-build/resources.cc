#include "resources.h"

#include "report/finding.h"

namespace klp::build {

std::filesystem::path template_folder() {
    std::error_code ignored;
    std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::filesystem::path installed = program.parent_path().parent_path() / "share/klp-build/template/module";
    for (const std::filesystem::path& folder : {installed, std::filesystem::path(KLP_SOURCE_DIR "/template/module")})
        if (std::filesystem::exists(folder / "init.c", ignored))
            return folder;
    throw report::Refusal("install.incomplete", installed.string(), "the template of the module is not there",
                          "install klp-build again, or run it from its build folder");
}

} // namespace klp::build
