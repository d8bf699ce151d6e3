#include "resources.h"

#include "report/finding.h"

namespace klp::build {

namespace {

// The folder below template/ that holds `file`.
std::filesystem::path find_template(const char* name, const char* file) {
    std::error_code ignored;
    std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::filesystem::path installed = program.parent_path().parent_path() / "share/klp-build/template";
    for (const std::filesystem::path& folder : {installed, std::filesystem::path(KLP_SOURCE_DIR "/template")})
        if (std::filesystem::exists(folder / name / file, ignored))
            return folder / name;
    throw report::Refusal("install.incomplete", (installed / name).string(), "what comes with klp-build is not there",
                          "install klp-build again, or run it from its build folder");
}

} // namespace

std::filesystem::path template_folder() {
    return find_template("module", "init.c");
}

std::filesystem::path core_folder() {
    return find_template("core", "Kbuild");
}

std::filesystem::path key_headers() {
    return find_template("module/keys", "linux/jump_label.h");
}

} // namespace klp::build
