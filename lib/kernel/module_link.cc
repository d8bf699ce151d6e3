#include "kernel/module_link.h"

#include "elf/livepatch_abi.h"
#include "files/files.h"
#include "host/cache.h"
#include "host/process.h"
#include "kernel/kbuild.h"
#include "kernel/recorded_link.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Sources and headers of the template's top; include/ is for patch authors.
void copy_template(const fs::path& from, const fs::path& to) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
        if (entry.path().extension() == ".c" || entry.path().extension() == ".h")
            files::copy(entry.path(), to / entry.path().filename());
    }
    if (error || !fs::exists(to / "init.c"))
        throw report::Refusal("module.template", from.string(), "the template of the module is not there",
                              "install klp-build again, or run it from its build folder");
}

std::string object_name(size_t number) {
    return fmt::format("diff-{}.o", number);
}

// In the order in which they are linked.
std::vector<std::string> parts_of(const ModuleRecipe& recipe) {
    std::vector<std::string> parts = {"begin.o"};
    for (size_t i = 0; i < recipe.objects.size(); ++i)
        parts.push_back(object_name(i));
    parts.insert(parts.end(), {"end.o", "init.o"});
    return parts;
}

std::string kbuild_file(const ModuleRecipe& recipe) {
    std::string text = fmt::format("obj-m := {0}.o\n{0}-y := {1}\n", recipe.name, fmt::join(parts_of(recipe), " "));
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

// modpost wants to know how each part was made: it looks there for versions of what the part exports, which is nothing.
void note_no_command(const std::string& part, const fs::path& folder) {
    files::write(folder / fmt::format(".{}.cmd", part), "");
}

// Sources, objects and settings of a module; and the lists of them that make would write.
void lay_out(const ModuleRecipe& recipe, const fs::path& folder) {
    files::make_folder(folder);
    copy_template(recipe.template_folder, folder);
    for (size_t i = 0; i < recipe.objects.size(); ++i) {
        files::copy(recipe.objects[i], folder / object_name(i));
        note_no_command(object_name(i), folder);
    }
    files::write(folder / "Kbuild", kbuild_file(recipe));
    files::write(folder / "klp_build_config.h", config_header(recipe));
}

void lay_out_lists(const ModuleRecipe& recipe, const fs::path& folder) {
    std::string parts;
    for (const std::string& part : parts_of(recipe)) {
        parts += (folder / part).string() + "\n";
        note_no_command(part, folder);
    }
    files::write(folder / (recipe.name + ".mod"), parts);
    files::write(folder / "modules.order", (folder / recipe.name).string() + ".o\n");
}

void link_by_kbuild(const Target& target, const ModuleRecipe& recipe, const fs::path& folder) {
    host::run_or_refuse(make_command(kbuild_of(target), make_goals(recipe, folder), 0), "module.link",
                        "link the module");
}

// The same template, and the same core if there is one, are linked in the same way.
fs::path recording_of(const Target& target, const ModuleRecipe& recipe) {
    std::vector<fs::path> sources;
    for (const fs::directory_entry& entry : fs::directory_iterator(recipe.template_folder))
        if (entry.is_regular_file())
            sources.push_back(entry.path());
    std::ranges::sort(sources);
    std::string identity = recipe.core ? recipe.core->symvers.string() + "\n" : "";
    for (const fs::path& source : sources)
        identity += source.filename().string() + "\n" + files::read_text(source);
    return target.state / "link" / host::fingerprint(identity);
}

// `folder` is laid out. Is the module there then?
bool link_by_commands(const Target& target, const RecordedCommands& commands, const ModuleRecipe& recipe,
                      const fs::path& kept, const fs::path& folder) {
    copy_kept_objects(kept, folder);
    lay_out_lists(recipe, folder);
    return replay(target, commands, {recipe.name, folder}, kept);
}

// A module with nothing in it is linked by kbuild and then, from the start and in the same place, by its commands: they
// are good if both are the same.
std::optional<RecordedCommands> record(const Target& target, const ModuleRecipe& like, const fs::path& kept,
                                       const fs::path& scratch) {
    ModuleRecipe empty = like;
    empty.name = "klp-recorded-link";
    empty.objects.clear();
    empty.import_namespaces.clear();
    empty.modinfo.clear();
    lay_out(empty, scratch);
    link_by_kbuild(target, empty, scratch);
    std::optional<RecordedCommands> commands = read_commands({empty.name, scratch});
    const fs::path module = scratch / (empty.name + ".ko");
    const std::string by_kbuild = files::read_text(module);
    files::make_folder(kept);
    copy_kept_objects(scratch, kept);
    files::remove_tree(scratch);
    lay_out(empty, scratch);
    if (commands &&
        !(link_by_commands(target, *commands, empty, kept, scratch) && files::read_text(module) == by_kbuild))
        commands.reset();
    write_recording(kept, commands);
    return commands;
}

// The commands for such a module, looked for in `scratch` if nobody has done so yet; nothing if there are none to be
// had.
std::optional<RecordedCommands> commands_for(const Target& target, const ModuleRecipe& recipe, const fs::path& kept,
                                             const fs::path& scratch) {
    Recording recording = read_recording(kept);
    return recording.is_stored ? std::move(recording.commands) : record(target, recipe, kept, scratch);
}

} // namespace

void prepare_link(const Target& target, const ModuleRecipe& recipe, const fs::path& scratch) {
    commands_for(target, recipe, recording_of(target, recipe), scratch);
}

fs::path link_module(const Target& target, const ModuleRecipe& recipe, const fs::path& folder) {
    lay_out(recipe, folder);
    const fs::path kept = recording_of(target, recipe);
    const auto commands = commands_for(target, recipe, kept, folder.parent_path() / "recorded-link");
    // What goes wrong has kbuild's own message.
    if (!commands || !link_by_commands(target, *commands, recipe, kept, folder))
        link_by_kbuild(target, recipe, folder);
    return folder / (recipe.name + ".ko");
}

} // namespace klp::kernel
