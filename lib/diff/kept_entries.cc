#include "diff/kept_entries.h"

#include "diff/piece_finding.h"
#include "diff/static_calls.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
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

// A tracepoint has a key for its jump label and one for its static call.
std::string words_for(std::string_view key) {
    for (std::string_view begin : {std::string_view("__tracepoint_"), std::string_view("__SCK__tp_func_")})
        if (key.starts_with(begin))
            return fmt::format("tracepoint {}", key.substr(begin.size()));
    return "a debug message";
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
        for (const auto& [place, keys] : dropped_)
            kept_.findings.push_back(describe_dropped(place.first, place.second, keys));
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
            describe(it.owner, kind.key_field, name, found->object);
        return false;
    }

    void describe(uint32_t owner, std::string_view kind, const std::string& name, const std::string& module) {
        if (is_for_tracing(name))
            dropped_[{owner, module}].insert(words_for(name));
        else if (kind == "static call")
            kept_.findings.push_back(static_call_of_module(patched_, owner, name, module));
        else
            kept_.findings.push_back(error_about(
                patched_, owner, "diff.module-key",
                fmt::format("it uses a {} whose key {} belongs to module {}; the kernel cannot relocate that in time",
                            kind, name, module),
                "test the key with static_key_enabled() in the patch instead of static_branch_likely() or _unlikely(), "
                "as klp-build --rewrite DIR does"));
    }

    // A function may have many, and all that is to be said of them is the same.
    report::Finding describe_dropped(uint32_t owner, const std::string& module,
                                     const std::set<std::string>& keys) const {
        return warning_about(patched_, owner, "diff.key-dropped",
                             fmt::format("{} of module {} {} left out: {} disabled in the patched function",
                                         fmt::join(keys, ", "), module, keys.size() == 1 ? "is" : "are",
                                         keys.size() == 1 ? "it stays" : "they stay"),
                             "trace or debug the patched function by other means");
    }

    const Pair& pair_;
    const Unit& patched_;
    const Selected& selected_;
    KeptEntries kept_;
    std::set<std::pair<uint32_t, std::string>> said_;                           // owner and key
    std::map<std::pair<uint32_t, std::string>, std::set<std::string>> dropped_; // by owner and module: what they are of
};

} // namespace

KeptEntries choose_entries(const Pair& pair, const Selected& selected) {
    return EntryChoice(pair, selected).run();
}

} // namespace klp::diff
