// The output's undefined symbols: what it refers to in the running kernel and in other units of the patch, and under
// which names (elf/livepatch_abi.h).
#pragma once

#include "diff/draft.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace klp::diff {

class KernelReferences {
public:
    explicit KernelReferences(Draft& draft) : draft_(draft) {}

    // The symbol for a routed reference that leaves the output (Route::original, Route::external). `from` is the piece
    // that makes it. What cannot be had is an error "diff.unresolved" or "diff.ambiguous", once for each name.
    uint32_t symbol_of(const RoutedReference& reference, uint32_t from);
    // The symbol for the variable of that name: this unit's own one as the kernel has it, or somebody else's.
    uint32_t variable(std::string_view name, uint32_t from);
    // The same for what the kernel has by that name, whoever refers to it; `from` may be `none`.
    uint32_t to(std::string_view name, const symbols::Resolution& found, uint32_t from);
    // Names the keys of all static calls that were referred to, for kernels that run objtool on the finished module: it
    // makes .static_call_sites then, from calls to __SCT__NAME, and looks for __SCK__NAME by its plain name
    // (tools/objtool/check.c, create_static_call_sections()).
    void add_static_call_keys();

    // Plain names of vmlinux, with their symbols: the content of `.klp.build.symbols`.
    std::vector<uint32_t> build_symbols() const;
    std::vector<std::string> import_namespaces() const { return {namespaces_.begin(), namespaces_.end()}; }
    const std::vector<KernelReference>& all() const { return references_; }

private:
    // What the kernel has of a symbol that this unit defines; nothing if it defines none of that name.
    const symbols::Resolution* of_unit(std::string_view name) const;
    uint32_t external(std::string_view name, const symbols::Resolution* found, uint32_t from);
    uint32_t undefined(std::string_view name, uint8_t binding);
    uint32_t plain_of_vmlinux(std::string_view name);
    void refuse(std::string_view name, const symbols::Resolution& found, uint32_t from);

    Draft& draft_;
    std::unordered_map<std::string, uint32_t> undefined_;
    std::set<std::string> build_symbols_;
    std::set<std::string> namespaces_;
    std::set<std::string> trampolines_;
    std::set<std::string> refused_;
    std::set<std::tuple<std::string, std::string, unsigned>> known_; // object, name, sympos
    std::vector<KernelReference> references_;
};

} // namespace klp::diff
