#include "provenance.h"

#include "elf/livepatch_abi.h"
#include "files/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <span>

namespace klp::build {

namespace {

// All that stands before the first file's diff.
std::string_view description_of(std::string_view text) {
    size_t end = 0;
    while (end < text.size()) {
        std::string_view line = text.substr(end, text.find('\n', end) - end);
        if (line.starts_with("diff ") || line.starts_with("--- "))
            break;
        end += line.size() + 1;
    }
    return text.substr(0, std::min(end, text.size()));
}

} // namespace

ModuleTags tags_of_patch(std::string_view path, std::string_view text) {
    const std::string sha256 = files::sha256(text);
    const std::string name = std::filesystem::path(path).filename().string();
    ModuleTags tags = {{std::string(elf::patch_tag), fmt::format("{} {}", sha256, name)}};
    // https://www.cve.org/ResourcesSupport/FAQs: four or more digits.
    static const std::regex id("\\bCVE-[0-9]{4}-[0-9]{4,}\\b");
    const std::string description(description_of(text));
    for (std::sregex_iterator found(description.begin(), description.end(), id), end; found != end; ++found)
        tags.emplace_back(elf::cve_tag, found->str());
    return tags;
}

ModuleTags tags_of_module(const std::vector<ModuleTags>& patches) {
    ModuleTags all;
    for (const ModuleTags& patch : patches)
        for (const auto& tag : patch)
            if (std::ranges::find(all, tag) == all.end())
                all.push_back(tag);
    all.emplace_back(elf::made_by_tag, "klp-build " KLP_VERSION);
    return all;
}

} // namespace klp::build
