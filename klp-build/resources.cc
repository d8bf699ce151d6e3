#include "resources.h"

#include "report/finding.h"

namespace klp::build {

namespace {

// The folder beside the program that holds `file`.
std::filesystem::path find_folder_with(const std::string& file) {
    std::error_code ignored;
    std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    // A build folder has the same (CMakeLists.txt).
    const std::filesystem::path folder = program.parent_path().parent_path() / "share/klp-build";
    if (std::filesystem::exists(folder / file, ignored))
        return folder;
    throw report::Refusal("install.incomplete", (folder / file).string(), "what comes with klp-build is not there",
                          "install klp-build again, or run it from its build folder");
}

// The folder below template/ that holds `file`.
std::filesystem::path find_template(const std::string& name, const std::string& file) {
    const std::string below = "template/" + name;
    return find_folder_with(below + "/" + file) / below;
}

} // namespace

std::filesystem::path template_folder() {
    return find_template("module", "init.c");
}

std::filesystem::path core_folder() {
    return find_template("core", "Kbuild");
}

std::filesystem::path boottest_parent() {
    return find_folder_with("boottest/__main__.py");
}

std::filesystem::path key_headers() {
    return find_template("module/keys", "linux/jump_label.h");
}

} // namespace klp::build
