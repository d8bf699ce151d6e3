#include "diff/kept_entries.h"

#include "diff/piece_finding.h"
#include "diff/static_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace klp::diff {

namespace {

using symbols::Resolution;

// Tracepoints and debug messages: the code works without, they are never enabled.
bool is_for_tracing(std::string_view key) {
    return key.starts_with("__tracepoint_") || key.starts_with("__SCK__tp_func_") ||
           key.find("__UNIQUE_ID_ddebug") != std::string_view::npos || key.starts_with("descriptor");
}

class EntryChoice {
public:
    EntryChoice(const Pair& pair, const Selected& selected)
        : pair_(pair), patched_(pair.patched), selected_(selected) {}

    KeptEntries run() {
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index)
            if (selected_.selection.included[index])
                for (const SpecialEntry& entry : patched_.entries_of(index))
                    add({entry, index});
        std::ranges::sort(kept_.entries, {},
                          [](const KeptEntry& it) { return std::pair(it.entry.section, it.entry.start); });
        return std::move(kept_);
    }

private:
    void add(const KeptEntry& it) {
        const SpecialSection& kind = *patched_.table_of(it.entry).kind;
        if (kind.policy == Policy::constant)
            kept_.constants.push_back(it);
        else if (kind.key_field.empty() || has_usable_key(it, kind))
            kept_.entries.push_back(it);
    }

    // The relocation that names the key, the last one of the entry.
    const RoutedReference* key_of(const SpecialEntry& entry) const {
        const RoutedReference* key = nullptr;
        for (const RoutedReference& it : selected_.selection.routing.of(entry))
            if (!patched_.is_own_place(entry, *it.relocation))
                key = &it;
        return key;
    }

    // The kernel initialises a module's jump labels and static calls when it is loaded; livepatch relocations of a
    // module that comes later are applied after that (kernel/livepatch/core.c, klp_write_section_relocs()), so its keys
    // are out of reach. Those of vmlinux are there in time since 5.8.
    bool has_usable_key(const KeptEntry& it, const SpecialSection& kind) {
        const RoutedReference* key = key_of(it.entry);
        const Resolution* found = key ? key->found : nullptr;
        if (!found || found->kind != Resolution::Kind::livepatch || found->object == "vmlinux")
            return true;
        const std::string name(key->route == Route::original ? pair_.original.object().symbol(key->original_symbol).name
                                                             : patched_.object().symbol(key->reference.id).name);
        if (!selected_.moot[it.owner] && said_.emplace(it.owner, name).second)
            kept_.findings.push_back(describe(it.owner, kind.key_field, name, found->object));
        return false;
    }

    report::Finding describe(uint32_t owner, std::string_view kind, std::string_view name,
                             std::string_view module) const {
        if (is_for_tracing(name))
            return warning_about(patched_, owner, "diff.key-dropped",
                                 fmt::format("the {} with key {} of module {} is left out: it stays disabled in the "
                                             "patched function",
                                             kind, name, module),
                                 "trace or debug the patched function by other means");
        if (kind == "static call")
            return static_call_of_module(patched_, owner, name, module);
        return error_about(
            patched_, owner, "diff.module-key",
            fmt::format("it uses a {} whose key {} belongs to module {}; the kernel cannot relocate that in time", kind,
                        name, module),
            "test the key with static_key_enabled() in the patch instead of static_branch_likely() or _unlikely(), "
            "as klp-build --rewrite DIR does");
    }

    const Pair& pair_;
    const Unit& patched_;
    const Selected& selected_;
    KeptEntries kept_;
    std::set<std::pair<uint32_t, std::string>> said_; // owner and key
};

} // namespace

KeptEntries choose_entries(const Pair& pair, const Selected& selected) {
    return EntryChoice(pair, selected).run();
}

} // namespace klp::diff
