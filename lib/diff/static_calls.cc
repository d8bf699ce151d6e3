#include "diff/static_calls.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

namespace klp::diff {

namespace {

constexpr std::string_view trampoline_prefix = "__SCT__";
constexpr std::string_view key_prefix = "__SCK__";

} // namespace

bool is_static_call_trampoline(std::string_view symbol) {
    return symbol.starts_with(trampoline_prefix);
}

std::string key_of_trampoline(std::string_view symbol) {
    return fmt::format("{}{}", key_prefix, symbol.substr(trampoline_prefix.size()));
}

report::Finding static_call_of_module(const Unit& patched, uint32_t owner, std::string_view symbol,
                                      std::string_view module) {
    static_assert(trampoline_prefix.size() == key_prefix.size());
    const std::string_view name = symbol.substr(key_prefix.size());
    return error_about(patched, owner, "diff.module-key",
                       fmt::format("it makes a static call whose key {}{} belongs to module {}; the kernel cannot "
                                   "relocate that in time",
                                   key_prefix, name, module),
                       fmt::format("call it with KLP_STATIC_CALL({}) in the patch (<linux/livepatch_helpers.h>), as "
                                   "klp-build --rewrite DIR does",
                                   name));
}

} // namespace klp::diff
