#include "kernel/config.h"

#include "report/finding.h"

namespace klp::kernel {

namespace {

constexpr std::string_view prefix = "CONFIG_";

std::string_view next_line(std::string_view& text) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::string unquoted(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"')
        return std::string(value);
    std::string result;
    for (size_t i = 1; i + 1 < value.size(); ++i) {
        if (value[i] == '\\' && i + 2 < value.size())
            ++i;
        result += value[i];
    }
    return result;
}

} // namespace

Config::Config(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (line.starts_with(prefix)) {
            const size_t equals = line.find('=');
            if (equals != std::string_view::npos)
                values_[std::string(line.substr(prefix.size(), equals - prefix.size()))] =
                    unquoted(line.substr(equals + 1));
        } else if (line.starts_with("# Linux/") && line.ends_with(" Kernel Configuration")) {
            const std::string_view words = line.substr(8, line.size() - 8 - 21);
            const size_t space = words.find(' ');
            arch_ = words.substr(0, space);
            if (space != std::string_view::npos)
                version_ = words.substr(space + 1);
        }
    }
}

const std::string& Config::value(std::string_view name) const {
    static const std::string none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

bool Config::is_set(std::string_view name) const {
    const std::string& text = value(name);
    return text == "y" || text == "m";
}

Capabilities read_capabilities(const Config& config) {
    Capabilities result;
    result.livepatch = config.is_set("LIVEPATCH");
    result.modules = config.is_set("MODULES");
    result.modversions = config.is_set("MODVERSIONS");
    result.objtool = config.is_set("OBJTOOL") || config.is_set("STACK_VALIDATION");
    result.ibt = config.is_set("X86_KERNEL_IBT");
    result.lto = config.is_set("LTO_CLANG") || config.is_set("LTO");
    // scripts/Makefile.lib: delay-objtool := $(or $(CONFIG_LTO_CLANG),$(CONFIG_X86_KERNEL_IBT)); newer kernels always
    // (KLP_BUILD).
    result.late_objtool = result.objtool && (result.ibt || result.lto || config.is_set("KLP_BUILD"));
    result.call_padding = config.is_set("CALL_PADDING");
    result.latent_entropy = config.is_set("GCC_PLUGIN_LATENT_ENTROPY");
    result.randstruct = config.is_set("RANDSTRUCT") || config.is_set("GCC_PLUGIN_RANDSTRUCT");
    result.forced_signatures = config.is_set("MODULE_SIG_FORCE");
    result.unforced_signatures = config.is_set("MODULE_SIG") && !result.forced_signatures;
    result.printk_index = config.is_set("PRINTK_INDEX");
    result.is_clang = config.is_set("CC_IS_CLANG");
    return result;
}

void refuse_unsupported(const Config& config, const std::string& where) {
    const Capabilities can = read_capabilities(config);
    if (!can.modules)
        throw report::Refusal("config.no-modules", where, "the kernel was built without CONFIG_MODULES",
                              "a live patch is a module: build the kernel with CONFIG_MODULES=y");
    if (can.latent_entropy)
        throw report::Refusal("config.latent-entropy", where,
                              "CONFIG_GCC_PLUGIN_LATENT_ENTROPY puts random constants into the code, so that no "
                              "recompiled function is the one that runs",
                              "such a kernel cannot be patched live; build it without the plugin");
    if (can.randstruct)
        throw report::Refusal("config.randstruct", where,
                              "CONFIG_RANDSTRUCT lays structures out by a random seed that a recompiled unit cannot be "
                              "trusted to share",
                              "such a kernel cannot be patched live; build it with CONFIG_RANDSTRUCT_NONE=y");
}

} // namespace klp::kernel
