// kernel/livepatch/core.c: what klp_find_object_symbol() and klp_init_object_loaded() make of the names, on that
// kernel.
#include "arch/machine.h"
#include "convert/reference.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"
#include "verify/lookup.h"
#include "verify/match_places.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace klp::verify {

namespace {

// Everything of this group; holds what several rules ask for.
class MatchCheck {
public:
    MatchCheck(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict)
        : subject_(subject), kernel_(kernel), verdict_(verdict) {}
    void run();

private:
    void check_livepatch_symbols();
    void check_livepatch_symbol(std::string_view symbol, const convert::LivepatchName& name);
    void check_functions();
    void check_reload();
    void check_function(const PatchedFunction& function);
    const symbols::SymbolTable* table_of(std::string_view object);
    const FunctionPlaces& places_of(std::string_view object);

    const Subject& subject_;
    const symbols::KernelView& kernel_;
    Verdict& verdict_;
    std::set<std::string, std::less<>> reported_objects_;
    std::map<std::string, FunctionPlaces, std::less<>> places_;
};

// nullptr where nothing is known of the object, which is reported once if it ought to be.
const symbols::SymbolTable* MatchCheck::table_of(std::string_view object) {
    const symbols::SymbolTable* table = kernel_.table(object);
    if (!table && object != "vmlinux" && kernel_.knows_modules() && reported_objects_.emplace(object).second)
        verdict_.add("match.unknown-object", object, "the target kernel has no such module");
    return table;
}

const FunctionPlaces& MatchCheck::places_of(std::string_view object) {
    auto found = places_.find(object);
    if (found == places_.end())
        found = places_.emplace(object, FunctionPlaces(*kernel_.table(object), kernel_.image(object))).first;
    return found->second;
}

std::string namesakes_of(const symbols::SymbolTable& table, std::string_view name) {
    std::string text;
    for (uint32_t index : table.find(name)) {
        const symbols::KernelSymbol& symbol = table.symbols()[index];
        const std::string& file = table.file_of(symbol);
        text += fmt::format("{}{} at {:#x}{}", text.empty() ? "" : ", ", table.sympos(symbol), symbol.address,
                            file.empty() ? "" : fmt::format(" ({})", file));
    }
    return text;
}

bool is_unstable(const symbols::SymbolTable& table, std::string_view name) {
    std::span<const uint32_t> found = table.find(name);
    auto is_init = [&](uint32_t index) { return table.symbols()[index].init; };
    auto first_init = std::ranges::find_if(found, is_init);
    return found.size() > 1 && first_init != found.end() && !std::ranges::all_of(found, is_init);
}

void MatchCheck::check_livepatch_symbol(std::string_view symbol, const convert::LivepatchName& name) {
    const symbols::SymbolTable* table = table_of(name.object);
    if (!table)
        return;
    Lookup lookup = look_up(*table, name.name, name.sympos);
    switch (lookup.outcome) {
    case Lookup::Outcome::missing:
        verdict_.add("match.symbol-missing", symbol, fmt::format("{} has no symbol {}", name.object, name.name));
        return;
    case Lookup::Outcome::ambiguous:
        verdict_.add(
            "match.symbol-ambiguous", symbol,
            fmt::format("{} has {} of that name: {}", name.object, lookup.namesakes, namesakes_of(*table, name.name)));
        return;
    case Lookup::Outcome::out_of_range:
        verdict_.add("match.sympos", symbol, fmt::format("{} has {} of that name", name.object, lookup.namesakes));
        return;
    case Lookup::Outcome::found:
        break;
    }
    if (name.sympos == 1 && lookup.namesakes == 1)
        verdict_.add("match.sympos-unique", symbol, fmt::format("{} has one symbol of that name", name.object));
    if (is_unstable(*table, name.name))
        verdict_.add(
            "match.sympos-unstable", symbol,
            fmt::format("some of the {} of that name in {} are init code or data", lookup.namesakes, name.object));
    const FunctionPlaces& places = places_of(name.object);
    if (places.is_freed(*lookup.symbol) && !places.is_boundary(*lookup.symbol))
        verdict_.add("match.freed-symbol", symbol, "it is init code or data");
}

void MatchCheck::check_livepatch_symbols() {
    for (const elf::Symbol& symbol : subject_.module.symbols())
        if (symbol.place == elf::Place::livepatch)
            if (std::optional<convert::LivepatchName> name = convert::parse_livepatch_symbol(symbol.name))
                check_livepatch_symbol(symbol.name, *name);
    std::set<std::tuple<std::string_view, std::string_view, unsigned>> seen;
    for (const convert::CoreRelocation& relocation : subject_.core_table.entries)
        if (seen.emplace(relocation.symbol_object, relocation.symbol, relocation.sympos).second)
            check_livepatch_symbol(relocation.symbol, {relocation.symbol_object, relocation.symbol, relocation.sympos});
}

void MatchCheck::check_function(const PatchedFunction& function) {
    const symbols::SymbolTable* table = table_of(function.object);
    if (!table)
        return;
    Lookup lookup = look_up(*table, function.name, function.sympos);
    switch (lookup.outcome) {
    case Lookup::Outcome::missing:
        verdict_.add("match.function-missing", function.name, fmt::format("{} has no such function", function.object));
        return;
    case Lookup::Outcome::ambiguous:
        verdict_.add("match.function-ambiguous", function.name,
                     fmt::format("{} has {} of that name: {}", function.object, lookup.namesakes,
                                 namesakes_of(*table, function.name)));
        return;
    case Lookup::Outcome::out_of_range:
        verdict_.add("match.function-sympos", function.name,
                     fmt::format("{} has {} of that name, not {}", function.object, lookup.namesakes, function.sympos));
        return;
    case Lookup::Outcome::found:
        break;
    }
    const FunctionPlaces& places = places_of(function.object);
    if (places.is_freed(*lookup.symbol))
        verdict_.add("match.init-function", function.name, "it is init code");
    else if (!places.is_code(*lookup.symbol))
        verdict_.add("match.not-a-function", function.name, fmt::format("it is data of {}", function.object));
    else if (!places.may_be_traced(*lookup.symbol))
        verdict_.add("match.no-ftrace", function.name,
                     fmt::format("{} has no ftrace location for it (notrace, inline or assembler)", function.object));
}

void MatchCheck::check_functions() {
    for (const PatchedFunction& function : subject_.patch.functions)
        check_function(function);
}

// The places of .klp.rela.OBJ.* keep their values when OBJ goes, and older kernels write only to zeros.
void MatchCheck::check_reload() {
    const symbols::SymbolTable* vmlinux = kernel_.table("vmlinux");
    bool is_old = vmlinux && !vmlinux->find("apply_relocate_add").empty() &&
                  vmlinux->find("clear_relocate_add").empty() && arch::Machine::of(subject_.module).name() == "x86_64";
    std::set<std::string_view> reported;
    for (const elf::RelocationTable* table : subject_.livepatch_tables) {
        std::string_view section_name = subject_.module.section(table->section).name;
        std::optional<convert::LivepatchSectionName> name = convert::parse_livepatch_section(section_name);
        if (is_old && name && name->object != "vmlinux" && reported.insert(name->object).second)
            verdict_.add("match.reload", name->object,
                         "this kernel will not load the module a second time while the patch is loaded");
    }
}

void MatchCheck::run() {
    check_livepatch_symbols();
    check_functions();
    check_reload();
}

} // namespace

void check_match(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict) {
    MatchCheck(subject, kernel, verdict).run();
}

} // namespace klp::verify
