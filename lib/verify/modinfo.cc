// Loader step check_modinfo(): the strings of .modinfo.
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace klp::verify {

namespace {

// Of these the kernel and the tools around it take the first and pass over the others.
constexpr auto single_tags = std::to_array<std::string_view>(
    {"name", "vermagic", "livepatch", "livepatch:", "depends", "retpoline", "intree", "srcversion", "staging", "test"});

void check_strings(const Subject& subject, Verdict& verdict) {
    const elf::Section* section = subject.module.find_section(".modinfo");
    if (!section || section->data.empty())
        return;
    std::string_view text(reinterpret_cast<const char*>(section->data.data()), section->data.size());
    if (text.back() != '\0')
        verdict.add("form.modinfo", section->name, "its last string has no end");
    while (!text.empty()) {
        std::string_view field = text.substr(0, text.find('\0'));
        const bool is_printable =
            std::ranges::all_of(field, [](unsigned char c) { return std::isprint(c) || std::isspace(c) || c >= 0x80; });
        if (!field.empty() && (field.find('=') == std::string_view::npos || field.front() == '=' || !is_printable))
            verdict.add("form.modinfo", section->name, fmt::format("\"{}\" is not of the form tag=value", field));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
    }
    const auto sections = std::ranges::count(subject.module.sections(), section->name, &elf::Section::name);
    if (sections != 1)
        verdict.add("form.modinfo", section->name, fmt::format("there are {} of that name", sections));
}

void check_tags(const Subject& subject, Verdict& verdict) {
    for (std::string_view tag : single_tags)
        if (subject.modinfo.values(tag).size() > 1)
            verdict.add("form.modinfo-twice", tag,
                        fmt::format("it is there {} times; the first is \"{}\"", subject.modinfo.values(tag).size(),
                                    subject.modinfo.value(tag)));
    for (std::string_view tag : {elf::livepatch_tag, elf::core_livepatch_tag})
        for (std::string_view value : subject.modinfo.values(tag))
            if (value != "Y")
                verdict.add("form.livepatch-tag", tag, fmt::format("its value is \"{}\"", value));
    if (subject.modinfo.has(elf::livepatch_tag) && subject.modinfo.has(elf::core_livepatch_tag))
        verdict.add("form.livepatch-tag", elf::livepatch_tag,
                    fmt::format("so is {}, which is for another core", elf::core_livepatch_tag));
}

bool is_module_name(std::string_view name) {
    auto is_allowed = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
    return !name.empty() && name.size() <= elf::max_object_name && std::ranges::all_of(name, is_allowed);
}

} // namespace

void check_modinfo(const Subject& subject, Verdict& verdict) {
    check_strings(subject, verdict);
    check_tags(subject, verdict);
    if (!subject.modinfo.has(elf::livepatch_tag) && !subject.modinfo.has(elf::core_livepatch_tag))
        verdict.add("form.not-livepatch", "", ".modinfo has no livepatch=Y");
    std::string_view license = subject.modinfo.value("license");
    if (!is_gpl_compatible(license))
        verdict.add("form.license", "",
                    license.empty() ? std::string(".modinfo has no license")
                                    : fmt::format("the licence is {}", license));
    if (subject.modinfo.value("vermagic").empty())
        verdict.add("form.vermagic", "", ".modinfo has no vermagic");
    std::string_view name = subject.modinfo.value("name");
    if (!is_module_name(name))
        verdict.add("form.name", "",
                    name.empty() ? std::string(".modinfo has no name") : fmt::format("the name is {}", name));
}

bool is_gpl_compatible(std::string_view license) {
    static constexpr std::string_view compatible[] = {"GPL",          "GPL v2",       "GPL and additional rights",
                                                      "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
    return std::ranges::find(compatible, license) != std::end(compatible);
}

} // namespace klp::verify
