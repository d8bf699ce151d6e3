// What the kernel's own tool makes of a changed interface: the version by which modules are bound to an export.
#include "pipeline.h"

#include "kernel/symbol_versions.h"
#include "report/finding.h"
#include "report/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::build {

namespace {

// What the differ or the types have to say of a unit is a reason to look; the tool takes as long as a compiler.
bool is_about_types(const report::Finding& finding) {
    constexpr std::array<std::string_view, 5> codes = {"sense.layout-changed", "sense.hole-filled",
                                                       "sense.member-renamed", "sense.enum-changed",
                                                       "sense.prototype-changed"};
    return std::ranges::find(codes, finding.code) != codes.end();
}

} // namespace

std::vector<report::Finding> sense_versions(const kernel::Target& target, const kernel::ObjectPair& pair,
                                            const std::vector<report::Finding>& findings, const Images& images) {
    if (std::ranges::none_of(findings, is_about_types))
        return {};
    std::vector<std::string> changed;
    for (const auto& [name, version] : kernel::symbol_versions(target, pair.unit, pair.patched.parent_path()))
        if (const symbols::Export* before = images.exports()->find(name); before && before->crc != version)
            changed.push_back(fmt::format("{} ({:#010x}, was {:#010x})", name, version, before->crc));
    if (changed.empty())
        return {};
    return {{"sense.version-changed", report::Severity::note, pair.unit.source, "",
             fmt::format("with the patch the kernel's build gives {} of what the unit exports another version: {}",
                         changed.size(), report::first_of(changed)),
             "go on building modules for the running kernel against its own headers, without the patch"}};
}

} // namespace klp::build
