// The end of the pipeline: names, signing and the file that is handed out.
#include "pipeline.h"

#include "elf/builder.h"
#include "files/files.h"
#include "kernel/module_link.h"
#include "report/finding.h"
#include "symbols/kernel_files.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace klp::build {

namespace {

// The kernel's limit for a module's name is MODULE_NAME_LEN, 64 - sizeof(unsigned long), with the final NUL
// (include/linux/moduleparam.h); livepatch parses object names of at most 55 characters.
constexpr size_t max_module_name = 55;

std::string valid_name(std::string name) {
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-')
            c = '-';
    return name;
}

} // namespace

std::string module_name(const Options& options) {
    std::string name = options.name;
    if (name.ends_with(".ko"))
        name.resize(name.size() - 3);
    if (name.empty() && options.output.extension() == ".ko")
        name = options.output.stem().string();
    if (name.empty())
        name = "livepatch-" + options.patches.front().stem().string();
    name = valid_name(name);
    if (name.size() > max_module_name) {
        if (!options.name.empty())
            throw report::Refusal("module.name-too-long", options.name,
                                  fmt::format("a module's name has at most {} characters", max_module_name),
                                  "give a shorter one with --name");
        name.resize(max_module_name);
    }
    if (name == elf::core_module || name == "klp-core")
        throw report::Refusal("module.name-taken", name, "this is the name of klp-build's own runtime core",
                              "give another one with --name");
    return name;
}

namespace {

std::filesystem::path output_path(const Options& options) {
    if (options.output.extension() == ".ko")
        return options.output;
    return options.output / (module_name(options) + ".ko");
}

} // namespace

std::filesystem::path temporary_copy_path(const Options& options) {
    return output_path(options).parent_path() / "klp-tmp";
}

void write_output(const std::filesystem::path& path, elf::Bytes bytes) {
    std::error_code ignored; // if the folder cannot be made, writing the file says so
    if (path.has_parent_path())
        std::filesystem::create_directories(path.parent_path(), ignored);
    files::write_synced(path, bytes);
}

namespace {

void hand_out_module(const Options& options, const kernel::Target& target, elf::Bytes bytes,
                     const std::filesystem::path& folder, const std::filesystem::path& path) {
    if (options.sign_key.empty()) {
        write_output(path, bytes);
        return;
    }
    const std::filesystem::path unsigned_module = folder / path.filename();
    files::write_synced(unsigned_module, bytes);
    kernel::sign_module(target, unsigned_module, options.sign_key, options.sign_certificate);
    write_output(path, files::read_bytes(unsigned_module));
}

} // namespace

Output hand_out(const Options& options, const kernel::Target& target, const Livepatch& livepatch,
                const std::filesystem::path& folder) {
    Output output{output_path(options), {}};
    hand_out_module(options, target, livepatch.module.bytes, folder, output.module);
    if (livepatch.core) {
        output.core = output.module.parent_path() / livepatch.core->module.filename();
        hand_out_module(options, target, files::read_bytes(livepatch.core->module), folder, output.core);
    }
    return output;
}

} // namespace klp::build
