#include "kernel/banner.h"

#include "elf/object.h"
#include "files/files.h"
#include "files/text.h"
#include "report/finding.h"
#include "symbols/boot_image.h"
#include "symbols/kernel_files.h"

#include <array>
#include <cctype>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <regex>
#include <sstream>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// "ffffffff81000000 T _text": the format of nm and System.map.
bool looks_like_symbol_map(const std::string& bytes) {
    size_t digits = 0;
    while (digits < bytes.size() && std::isxdigit(static_cast<unsigned char>(bytes[digits])))
        ++digits;
    return (digits == 8 || digits == 16) && bytes.size() > digits + 3 && bytes[digits] == ' ' &&
           bytes[digits + 2] == ' ';
}

void refuse_other_files(const fs::path& path) {
    const std::string bytes = files::read_start(path, 1024);
    if (bytes.empty())
        throw report::Refusal("target.missing-part", path.string(), "the kernel image cannot be read or is empty",
                              "check that it is there and may be read");
    const std::string hint =
        "give the vmlinux with symbols: of the distribution's debug package, or from the top of the "
        "build directory";
    if (looks_like_symbol_map(bytes))
        throw report::Refusal("target.system-map", path.string(),
                              "this is a System.map: it has names and addresses and neither sizes nor code", hint);
    if (!symbols::is_boot_image(path) && bytes.compare(0, 4, "\177ELF") != 0)
        throw report::Refusal("target.not-a-kernel", path.string(), "this is neither an ELF image nor a boot image",
                              hint);
}

elf::Object open_image(const fs::path& vmlinux) {
    if (symbols::is_boot_image(vmlinux))
        return symbols::open_boot_image(vmlinux);
    elf::Object image = elf::Object::open(vmlinux);
    if (image.symbols().size() < 2)
        throw report::Refusal("target.stripped", vmlinux.string(), "this vmlinux has been stripped of its symbol table",
                              "give the one of the debug package, or build with CONFIG_DEBUG_INFO and take the vmlinux "
                              "from the top of the build directory; or give the image that boots (vmlinuz)");
    return image;
}

std::string_view text_of(elf::Bytes data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// What follows "Linux version " in the kernel's banner: "6.1.0-57-cloud-amd64 (debian-kernel@... #1 SMP ...".
std::string read_banner(const fs::path& vmlinux) {
    refuse_other_files(vmlinux);
    const elf::Object image = open_image(vmlinux);
    constexpr std::string_view start = "Linux version ";
    constexpr size_t most = 512; // of a line of the kernel's log
    for (const elf::Section& section : image.sections()) {
        if (!section.name.starts_with(".rodata") && !section.name.starts_with(".init.data"))
            continue;
        const std::string_view text = text_of(section.data);
        for (size_t at = text.find(start); at != std::string_view::npos; at = text.find(start, at + 1)) {
            const std::string_view rest = text.substr(at + start.size(), most);
            const size_t end = rest.find(" (");
            // linux_proc_banner has "%s" there.
            if (end != std::string_view::npos && end > 0 && std::isdigit(static_cast<unsigned char>(rest[0])))
                return std::string(rest.substr(0, rest.find_first_of(std::string_view("\n\0", 2))));
        }
    }
    throw report::Refusal("target.not-a-kernel", vmlinux.string(), "there is no \"Linux version\" banner in this file",
                          "give the vmlinux of the kernel to patch");
}

} // namespace

std::string read_vmlinux_release(const fs::path& vmlinux) {
    const std::string banner = read_banner(vmlinux);
    return banner.substr(0, banner.find(" ("));
}

PackagedAs read_package_of(const fs::path& vmlinux) {
    const std::string banner = read_banner(vmlinux);
    static const std::regex debian(" Debian ([^ ]+) \\(([0-9]{4})-([0-9]{2})-([0-9]{2})\\)");
    std::smatch found;
    if (!std::regex_search(banner, found, debian))
        return {};
    const std::chrono::year_month_day day{std::chrono::year(std::stoi(found[2])),
                                          std::chrono::month(static_cast<unsigned>(std::stoul(found[3]))),
                                          std::chrono::day(static_cast<unsigned>(std::stoul(found[4])))};
    const auto date = std::chrono::sys_days(day).time_since_epoch();
    return {found[1], std::chrono::duration_cast<std::chrono::seconds>(date).count()};
}

std::optional<std::string> read_module_release(const fs::path& module) {
    const elf::Object object = symbols::open_module(module);
    const elf::Section* info = object.find_section(".modinfo");
    if (info == nullptr)
        return std::nullopt;
    constexpr std::string_view key = "vermagic=";
    const std::string_view text = text_of(info->data);
    const size_t at = text.find(key);
    if (at == std::string_view::npos)
        return std::nullopt;
    const std::string_view rest = text.substr(at + key.size());
    return std::string(rest.substr(0, rest.find_first_of(std::string_view(" \0", 2))));
}

std::string read_source_version(const fs::path& source) {
    std::istringstream file(files::read_start(source / "Makefile", 16384));
    std::map<std::string, std::string, std::less<>> values;
    std::string line;
    for (int i = 0; i < 30 && std::getline(file, line); ++i) {
        const size_t equals = line.find('=');
        if (equals != std::string::npos)
            values[std::string(files::trimmed(std::string_view(line).substr(0, equals)))] =
                files::trimmed(std::string_view(line).substr(equals + 1));
    }
    if (values["VERSION"].empty() || values["PATCHLEVEL"].empty())
        return {};
    std::string version = values["VERSION"] + "." + values["PATCHLEVEL"];
    if (!values["SUBLEVEL"].empty())
        version += "." + values["SUBLEVEL"];
    return version + values["EXTRAVERSION"];
}

std::string series_of(const std::string& release) {
    size_t end = 0;
    for (int dots = 0; end < release.size(); ++end) {
        if (release[end] == '.' && ++dots == 2)
            break;
        if (release[end] != '.' && !std::isdigit(static_cast<unsigned char>(release[end])))
            break;
    }
    return release.substr(0, end);
}

} // namespace klp::kernel
