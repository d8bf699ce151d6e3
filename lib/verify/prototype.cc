// A function that is replaced by one with another prototype, while somebody calls it as before.
#include "arch/direct_calls.h"
#include "verify/dwarf_signature.h"
#include "verify/groups.h"
#include "verify/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::verify {

namespace {

constexpr size_t most_named = 5; // callers in one message

std::string to_text(const symbols::Signature& signature) {
    std::string parameters;
    for (size_t at = 1; at < signature.size(); ++at)
        parameters += (at > 1 ? ", " : "") + signature[at];
    return fmt::format("{} ({})", signature.front(), parameters);
}

std::string_view name_at(const Subject& subject, const Location& place) {
    for (const elf::Symbol& symbol : subject.module.symbols())
        if (symbol.is_function() && symbol.place == elf::Place::section && place.section &&
            symbol.section == place.section->index && symbol.value == place.offset)
            return symbol.name;
    return {};
}

// The functions of vmlinux that call `target` and that the patch leaves alone.
std::set<std::string_view> unpatched_callers(const Subject& subject, const symbols::SymbolTable& table,
                                             const elf::Object& image, uint64_t target) {
    std::set<std::string_view> callers;
    for (const elf::Section& section : image.sections()) {
        if (!section.is_code())
            continue;
        for (uint64_t site : arch::direct_calls(image.machine(), section.data, section.address, target))
            if (const symbols::KernelSymbol* caller = table.covering(site))
                callers.insert(caller->name);
    }
    for (const PatchedFunction& function : subject.patch.functions)
        if (function.object == "vmlinux")
            callers.erase(function.name);
    return callers;
}

std::string list(const std::set<std::string_view>& names) {
    std::string text;
    size_t named = 0;
    for (std::string_view name : names) {
        if (named++ == most_named)
            return fmt::format("{} and {} more", text, names.size() - most_named);
        text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
    }
    return text;
}

} // namespace

void check_prototypes(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    const symbols::SymbolTable* table = kernel.table("vmlinux");
    const elf::Object* image = kernel.image("vmlinux");
    if (!table || !image || subject.patch.functions.empty())
        return;
    std::unordered_map<std::string, symbols::Signature> ours = read_dwarf_signatures(subject.module);
    std::optional<symbols::Btf> theirs = ours.empty() ? std::nullopt : symbols::Btf::read(*image);
    if (!theirs)
        return;
    for (const PatchedFunction& function : subject.patch.functions) {
        auto after = ours.find(std::string(name_at(subject, function.replacement)));
        std::optional<symbols::Signature> before = theirs->find(function.name);
        Lookup lookup = look_up(*table, function.name, function.sympos);
        if (function.object != "vmlinux" || after == ours.end() || !before || !lookup.symbol ||
            after->second == *before)
            continue;
        std::set<std::string_view> callers = unpatched_callers(subject, *table, *image, lookup.symbol->address);
        if (!callers.empty())
            verdict.add("sense.prototype", function.name,
                        fmt::format("the replacement is {}, the original {}; still called by {}",
                                    to_text(after->second), to_text(*before), list(callers)));
    }
}

} // namespace klp::verify
