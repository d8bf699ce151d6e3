#include "elf/modinfo.h"

#include <algorithm>

namespace klp::elf {

std::string_view Modinfo::value(std::string_view key) const {
    auto found = std::ranges::find(fields, key, &std::pair<std::string_view, std::string_view>::first);
    return found == fields.end() ? std::string_view() : found->second;
}

bool Modinfo::has(std::string_view key) const {
    return std::ranges::find(fields, key, &std::pair<std::string_view, std::string_view>::first) != fields.end();
}

std::vector<std::string_view> Modinfo::values(std::string_view key) const {
    std::vector<std::string_view> result;
    for (const auto& [name, value] : fields)
        if (name == key)
            result.push_back(value);
    return result;
}

Modinfo read_modinfo(const Object& module) {
    Modinfo result;
    const Section* section = module.find_section(".modinfo");
    if (!section)
        return result;
    std::string_view text(reinterpret_cast<const char*>(section->data.data()), section->data.size());
    while (!text.empty()) {
        std::string_view field = text.substr(0, text.find('\0'));
        if (size_t equals = field.find('='); equals != std::string_view::npos)
            result.fields.emplace_back(field.substr(0, equals), field.substr(equals + 1));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
    }
    return result;
}

std::optional<Runtime> livepatch_runtime(const Modinfo& modinfo) {
    if (!modinfo.value(livepatch_tag).empty())
        return Runtime::kernel;
    if (!modinfo.value(core_livepatch_tag).empty())
        return Runtime::core;
    return std::nullopt;
}

} // namespace klp::elf
