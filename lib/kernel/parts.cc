#include "kernel/parts.h"

#include "arch/machine.h"
#include "elf/build_id.h"
#include "elf/modversions.h"
#include "files/digest.h"
#include "files/files.h"
#include "kernel/banner.h"
#include "report/finding.h"
#include "symbols/boot_image.h"
#include "symbols/kernel_files.h"
#include "symbols/symvers.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

void require_file(const fs::path& path, const std::string& part, const std::string& hint) {
    if (path.empty() || !fs::is_regular_file(path))
        throw report::Refusal("target.missing-part", path.empty() ? part : path.string(),
                              fmt::format("the kernel's {} is not there", part), hint);
}

[[noreturn]] void refuse_release(const fs::path& where, const std::string& message) {
    throw report::Refusal("target.wrong-release", where.string(), message,
                          "all parts must come from one and the same kernel build");
}

[[noreturn]] void refuse_symvers(const fs::path& where, const std::string& message) {
    throw report::Refusal(
        "target.wrong-symvers", where.string(), message,
        "give the Module.symvers of the very kernel build: from the distribution's headers package of "
        "the same version, or from the top of the build directory");
}

std::string check_release(const Parts& parts, const Config& config, const std::string& source_version,
                          const std::string& index) {
    const std::string release = read_vmlinux_release(parts.vmlinux);
    if (series_of(release) != series_of(source_version))
        refuse_release(parts.vmlinux, fmt::format("this vmlinux is of release {}, the source tree {} is of {}", release,
                                                  parts.source.string(), source_version));
    if (!config.version().empty() && series_of(config.version()) != series_of(source_version))
        refuse_release(parts.config, fmt::format("this configuration is of {}, the source tree is of {}",
                                                 config.version(), source_version));
    for (const auto& [name, path] : parse_index(index)) {
        const auto module_release = read_module_release(path);
        if (module_release && *module_release != release)
            refuse_release(parts.vmlinux, fmt::format("this vmlinux is of release {}, the module {} is of {}", release,
                                                      path.string(), *module_release));
        break; // one speaks for all
    }
    return release;
}

void check_machine(const elf::Object& image, const Parts& parts, const Config& config) {
    const std::string_view machine = arch::Machine::of(image).name();
    // "x86_64" is one of x86.
    if (!config.arch().empty() && !machine.starts_with(config.arch()))
        throw report::Refusal("target.wrong-machine", parts.vmlinux.string(),
                              fmt::format("this vmlinux is for {}, the configuration {} for {}", machine,
                                          parts.config.string(), config.arch()),
                              "all parts must come from one and the same kernel build");
}

// What vmlinux exports is a symbol of it.
void check_exports(const elf::Object& image, const Parts& parts, const symbols::Exports& exports) {
    std::unordered_set<std::string_view> names;
    for (const elf::Symbol& symbol : image.symbols())
        names.insert(symbol.name);
    size_t missing = 0;
    std::string first;
    exports.for_each([&](std::string_view symbol, const symbols::Export& entry) {
        if (entry.module == "vmlinux" && !names.contains(symbol) && (missing++ == 0 || symbol < first))
            first = symbol;
    });
    if (missing != 0)
        refuse_symvers(parts.symvers,
                       fmt::format("it is of another kernel: {} symbols that it says vmlinux exports are not "
                                   "in {}, {} for one",
                                   missing, parts.vmlinux.string(), first));
}

void check_versions(const fs::path& module, const Parts& parts, const symbols::Exports& exports) {
    const elf::Object object = symbols::open_module(module);
    for (const elf::Modversion& version : elf::read_modversions(object).list)
        if (const symbols::Export* exported = exports.find(version.name);
            exported != nullptr && exported->crc != 0 && exported->crc != version.crc)
            refuse_symvers(parts.symvers, fmt::format("it is of another kernel: it gives {} the version {:#010x}, the "
                                                      "module {} was linked to {:#010x}",
                                                      version.name, exported->crc, module.string(), version.crc));
}

} // namespace

void check_parts(const Parts& parts) {
    if (!fs::is_directory(parts.source))
        throw report::Refusal("target.no-source", parts.source.string(), "there is no such source tree",
                              "give the folder with the kernel's top Makefile (--sourcedir)");
    require_file(parts.config, "configuration", "give the kernel's .config");
    require_file(parts.vmlinux, "vmlinux", "give the vmlinux with symbols");
    require_file(parts.symvers, "Module.symvers",
                 "it is in the distribution's headers package, or at the top of the build "
                 "directory");
    if (!parts.modules.empty() && !fs::is_directory(parts.modules))
        throw report::Refusal("target.missing-part", parts.modules.string(), "there is no such folder of modules",
                              "give the folder that holds the kernel's .ko files (--modules)");
}

std::string index_modules(const fs::path& folder) {
    std::string text;
    if (folder.empty())
        return text;
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, options, error)) {
        const fs::path& path = entry.path();
        if (symbols::is_module_file(path) && entry.is_regular_file())
            text += fmt::format("{}\t{}\n", symbols::module_name_of(path.string()), path.string());
    }
    if (error)
        files::refuse_unread(folder, error.value());
    return text;
}

std::map<std::string, fs::path> parse_index(std::string_view text) {
    std::map<std::string, fs::path> modules;
    for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
        const std::string_view line = text.substr(0, end);
        const size_t tab = line.find('\t');
        if (tab != std::string_view::npos)
            modules.emplace(line.substr(0, tab), line.substr(tab + 1));
    }
    return modules;
}

std::string check_one_kernel(const Parts& parts, const Config& config, const std::string& source_version,
                             const std::string& index) {
    std::string release = check_release(parts, config, source_version, index);
    const symbols::Exports exports = symbols::read_symvers(files::read_text(parts.symvers), parts.symvers.string());
    if (exports.size() == 0)
        refuse_symvers(parts.symvers, "it is empty");
    // A boot image has the symbols that kallsyms keeps, which may be functions only.
    if (!symbols::is_boot_image(parts.vmlinux)) {
        const elf::Object image = elf::Object::open(parts.vmlinux);
        check_machine(image, parts, config);
        check_exports(image, parts, exports);
    }
    const std::map<std::string, fs::path> modules = parse_index(index);
    if (!modules.empty())
        check_versions(modules.begin()->second, parts, exports); // one speaks for all
    return release;
}

std::string identity_of_image(const fs::path& image) {
    std::string id = elf::build_id_of(image);
    if (id.empty())
        id = files::sha256_of(image);
    return fmt::format("{} {}", id, fs::file_size(image));
}

} // namespace klp::kernel
