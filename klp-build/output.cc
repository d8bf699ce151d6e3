// The end of the pipeline: names, signing and the file that is handed out.
#include "pipeline.h"

#include "sign_modules.h"

#include "elf/builder.h"
#include "files/digest.h"
#include "files/files.h"
#include "host/cache.h"
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
        // Two long names that begin alike stay two.
        constexpr size_t digits = 8;
        const std::string mark = '-' + host::fingerprint(name).substr(0, digits);
        name = name.substr(0, max_module_name - mark.size()) + mark;
    }
    return name;
}

std::filesystem::path module_path(const Options& options) {
    if (options.output.extension() == ".ko")
        return options.output;
    return options.output / (module_name(options) + ".ko");
}

std::filesystem::path temporary_copy_path(const Options& options) {
    return module_path(options).parent_path() / "klp-tmp";
}

FinishedModules finish_modules(const Options& options, const kernel::Target& target, const Livepatch& livepatch,
                               const std::filesystem::path& folder) {
    FinishedModules modules;
    auto finish = [&](const std::string& name, elf::Bytes bytes) {
        const std::filesystem::path file = folder / name;
        files::write(file, bytes);
        if (is_signed(options)) {
            const SignedBytes made = sign_module(options, target, bytes, file);
            files::write(file, made.file);
            modules.signature = made.signature;
        }
        return file;
    };
    files::make_folder(folder);
    modules.unsigned_sha256 = files::sha256(livepatch.module.bytes);
    modules.livepatch = finish(module_path(options).filename().string(), livepatch.module.bytes);
    if (livepatch.core)
        modules.core = finish(livepatch.core->module.filename().string(), files::read_bytes(livepatch.core->module));
    return modules;
}

std::vector<report::Finding> signature_findings(const FinishedModules& modules) {
    if (!modules.signature || modules.signature->is_valid_now)
        return {};
    return {{"sign.expired", report::Severity::warning, modules.livepatch.filename().string(), "",
             fmt::format("the certificate of {} is not valid today", modules.signature->signer),
             "a kernel takes the signature all the same; who checks packages may not"}};
}

Output hand_out(const Options& options, const FinishedModules& modules, files::Together& outputs) {
    Output output;
    output.module = module_path(options);
    auto add = [&](const std::filesystem::path& path, const std::filesystem::path& file) {
        const std::vector<std::byte> content = files::read_bytes(file);
        outputs.add(path, content);
        return content.size();
    };
    output.module_size = add(output.module, modules.livepatch);
    output.module_sha256 = files::sha256(files::read_bytes(modules.livepatch));
    output.unsigned_sha256 = modules.unsigned_sha256;
    output.signature = modules.signature;
    if (!modules.core.empty()) {
        output.core = output.module.parent_path() / modules.core.filename();
        output.core_size = add(output.core, modules.core);
    }
    return output;
}

} // namespace klp::build
