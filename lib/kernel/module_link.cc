#include "kernel/module_link.h"

#include "elf/livepatch_abi.h"
#include "files/files.h"
#include "host/process.h"
#include "kernel/kbuild.h"

#include <fmt/format.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

void copy_bytes(const fs::path& from, const fs::path& to) {
    files::write(to, files::read_text(from));
}

// Sources and headers of the template's top; include/ is for patch authors.
void copy_template(const fs::path& from, const fs::path& to) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
        if (entry.path().extension() == ".c" || entry.path().extension() == ".h")
            copy_bytes(entry.path(), to / entry.path().filename());
    }
    if (error || !fs::exists(to / "init.c"))
        throw report::Refusal("module.template", from.string(), "the template of the module is not there",
                              "install klp-build again, or run it from its build folder");
}

std::string kbuild_file(const ModuleRecipe& recipe) {
    std::string parts = "begin.o";
    for (size_t i = 0; i < recipe.objects.size(); ++i)
        parts += fmt::format(" diff-{}.o", i);
    std::string text = fmt::format("obj-m := {0}.o\n{0}-y := {1} end.o init.o\n", recipe.name, parts);
    // Its <linux/livepatch.h> comes before the kernel's.
    if (recipe.core)
        text += fmt::format("LINUXINCLUDE := -I{} $(LINUXINCLUDE)\n", recipe.core->include.string());
    return text;
}

std::vector<std::string> make_goals(const ModuleRecipe& recipe, const fs::path& folder) {
    // Debug data of the template helps nobody and would be most of the file.
    std::vector<std::string> goals = {"M=" + folder.string(), "KCFLAGS=-g0"};
    if (recipe.core)
        goals.push_back("KBUILD_EXTRA_SYMBOLS=" + recipe.core->symvers.string());
    goals.emplace_back("modules");
    return goals;
}

// As it stands between the quotes of a C string: names of patch files hold what people like.
std::string in_c_string(std::string_view text) {
    std::string quoted;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\' || c == '?' || byte < ' ' || byte >= 0x7f)
            quoted += fmt::format("\\{:03o}", byte);
        else
            quoted += c;
    }
    return quoted;
}

std::string config_header(const ModuleRecipe& recipe) {
    std::string text = fmt::format("#define KLP_BUILD_REPLACE {}\n", recipe.is_replacing ? "true" : "false");
    for (const std::string& name_space : recipe.import_namespaces)
        text += fmt::format("KLP_BUILD_IMPORT_NS(\"{}\");\n", name_space);
    for (const auto& [tag, value] : recipe.modinfo)
        text += fmt::format("MODULE_INFO({}, \"{}\");\n", tag, in_c_string(value));
    return text;
}

} // namespace

fs::path link_module(const Target& target, const ModuleRecipe& recipe, const fs::path& folder) {
    files::make_folder(folder);
    copy_template(recipe.template_folder, folder);
    for (size_t i = 0; i < recipe.objects.size(); ++i) {
        copy_bytes(recipe.objects[i], folder / fmt::format("diff-{}.o", i));
        // modpost wants to know how each part was made.
        files::write(folder / fmt::format(".diff-{}.o.cmd", i), "");
    }
    files::write(folder / "Kbuild", kbuild_file(recipe));
    files::write(folder / "klp_build_config.h", config_header(recipe));
    const Kbuild kbuild = kbuild_of(target);
    host::run_or_refuse(make_command(kbuild, make_goals(recipe, folder), 0), "module.link", "link the module");
    return folder / (recipe.name + ".ko");
}

} // namespace klp::kernel
