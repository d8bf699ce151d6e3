#include "convert/resolve.h"

#include "convert/annotations.h"
#include "elf/livepatch_abi.h"
#include "elf/modinfo.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace klp::convert {

namespace {

using report::Finding;
using report::Severity;

struct Candidate {
    const symbols::SymbolTable* table = nullptr;
    const symbols::KernelSymbol* symbol = nullptr;
};

// A module that has been asked about for one symbol only: which of its symbols does it name?
class Search {
public:
    Search(const elf::Object& module, const symbols::KernelView& kernel, const std::vector<std::string>& objects,
           const std::vector<Choice>& choices);
    Resolved run();

private:
    void add_annotation(LivepatchReference annotation);
    void resolve(const elf::Symbol& symbol);
    void resolve_by_name(const elf::Symbol& symbol);
    void accept_chosen(const elf::Symbol& symbol, const LivepatchReference& reference);
    bool stays_import(const elf::Symbol& symbol) const;
    std::vector<Candidate> candidates_of(std::string_view name) const;
    void refuse(const char* code, const elf::Symbol& symbol, std::string message, std::string hint);

    const elf::Object& module_;
    const symbols::KernelView& kernel_;
    std::vector<const symbols::SymbolTable*> tables_;
    std::unordered_map<uint32_t, LivepatchReference> settled_; // by symbol index: those in the differ's form
    std::unordered_map<uint32_t, LivepatchReference> chosen_;  // by symbol index: choices and annotations
    std::vector<std::string_view> dependencies_;
    Resolved result_;
    std::vector<Finding> refusals_;
};

std::vector<std::string_view> split_at_commas(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        size_t comma = text.find(',');
        parts.push_back(text.substr(0, comma));
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return parts;
}

std::string describe(const Candidate& candidate) {
    const std::string& file = candidate.table->file_of(*candidate.symbol);
    return fmt::format("{},{} at {:#x}{}", candidate.table->object(), candidate.table->sympos(*candidate.symbol),
                       candidate.symbol->address, file.empty() ? "" : fmt::format(" ({})", file));
}

// Symbols that the module loader passes over: kernel/module/main.c and arch/*, ignore_undef_symbol(); the linker's TOC.
bool is_linkers_own(std::string_view name) {
    return name == "_GLOBAL_OFFSET_TABLE_" || name == ".TOC." || name.empty();
}

Search::Search(const elf::Object& module, const symbols::KernelView& kernel, const std::vector<std::string>& objects,
               const std::vector<Choice>& choices)
    : module_(module), kernel_(kernel) {
    dependencies_ = split_at_commas(elf::read_modinfo(module).value("depends"));
    std::vector<LivepatchReference> annotations = read_annotations(module);
    std::vector<std::string> wanted{"vmlinux"};
    wanted.insert(wanted.end(), objects.begin(), objects.end());
    for (const LivepatchReference& annotation : annotations)
        wanted.push_back(annotation.object);
    for (const Choice& choice : choices)
        wanted.push_back(choice.object);
    std::ranges::sort(wanted.begin() + 1, wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    for (const std::string& object : wanted)
        if (const symbols::SymbolTable* table = kernel.table(object))
            if (std::ranges::find(tables_, table) == tables_.end())
                tables_.push_back(table);
    for (LivepatchReference& reference : read_references(module))
        settled_[reference.symbol] = std::move(reference);
    for (LivepatchReference& annotation : annotations)
        add_annotation(std::move(annotation));
    std::unordered_map<std::string_view, const Choice*> by_name;
    for (const Choice& choice : choices)
        by_name[choice.name] = &choice;
    for (const elf::Symbol& symbol : module.symbols()) {
        auto found = by_name.find(symbol.name);
        if (!symbol.is_undefined() || found == by_name.end())
            continue;
        const Choice& choice = *found->second;
        chosen_[symbol.index] = {symbol.index, choice.object, choice.object, choice.name, choice.sympos};
    }
}

void Search::add_annotation(LivepatchReference annotation) {
    auto [place, is_new] = chosen_.try_emplace(annotation.symbol, annotation);
    const LivepatchReference& other = place->second;
    if (!is_new &&
        (other.owner != annotation.owner || other.object != annotation.object || other.sympos != annotation.sympos))
        throw report::Refusal("convert.bad-annotation", module_.name(),
                              fmt::format("{} is annotated twice, as {},{} and as {},{}", annotation.name, other.object,
                                          other.sympos, annotation.object, annotation.sympos),
                              "keep one of them; code of two objects that uses one symbol needs two names for it");
}

void Search::refuse(const char* code, const elf::Symbol& symbol, std::string message, std::string hint) {
    refusals_.push_back(
        {code, Severity::error, module_.name(), std::string(symbol.name), std::move(message), std::move(hint)});
}

// What the livepatch core itself exports is imported from whichever core the module is for; the name of its table of
// relocations is defined when that is written.
bool is_of_core(std::string_view name) {
    return name == elf::core_relocs_symbol || std::ranges::find(elf::core_exports, name) != std::end(elf::core_exports);
}

bool Search::stays_import(const elf::Symbol& symbol) const {
    if (is_of_core(symbol.name))
        return true;
    const symbols::Export* exported = kernel_.exports() ? kernel_.exports()->find(symbol.name) : nullptr;
    if (!exported || !exported->is_for_all())
        return false;
    return exported->module == "vmlinux" || std::ranges::find(dependencies_, exported->module) != dependencies_.end();
}

std::vector<Candidate> Search::candidates_of(std::string_view name) const {
    std::vector<Candidate> candidates;
    for (const symbols::SymbolTable* table : tables_)
        for (uint32_t index : table->find(name))
            candidates.push_back({table, &table->symbols()[index]});
    return candidates;
}

// The kernel counts what it finds, so a position is right only if that many namesakes are there; 0 and a unique symbol,
// or 1 and the first (klp_find_object_symbol()).
void Search::accept_chosen(const elf::Symbol& symbol, const LivepatchReference& reference) {
    const symbols::SymbolTable* table = kernel_.table(reference.object);
    if (!table) {
        refuse("convert.unknown-object", symbol, fmt::format("the target kernel has no object {}", reference.object),
               "name vmlinux or a module with '_' for '-', and give --modules");
        return;
    }
    size_t namesakes = table->find(symbol.name).size();
    bool is_there = reference.sympos == 0 ? namesakes == 1 : reference.sympos <= namesakes;
    if (!is_there) {
        refuse("convert.wrong-choice", symbol,
               fmt::format("{},{} was asked for, but {} has {} symbols of that name", reference.object,
                           reference.sympos, reference.object, namesakes),
               "positions count namesakes from 1 in kallsyms order; 0 means that there is only one");
        return;
    }
    result_.references.push_back(reference);
    if (namesakes == 1) // Documentation/livepatch/module-elf-format.rst, 4.1: a unique symbol's position is 0
        result_.references.back().sympos = 0;
}

void Search::resolve_by_name(const elf::Symbol& symbol) {
    std::vector<Candidate> candidates = candidates_of(symbol.name);
    if (candidates.empty()) {
        if (symbol.is_weak()) {
            result_.findings.push_back({"convert.weak-symbol", Severity::note, module_.name(), std::string(symbol.name),
                                        "the target has no such symbol; being weak, it is 0 in the kernel", ""});
            return;
        }
        refuse("convert.unknown-symbol", symbol, "neither exported nor defined in vmlinux or the named modules",
               "name the module that defines it with --object, or check the spelling against the kernel's source");
        return;
    }
    if (candidates.size() > 1) {
        std::string list;
        for (const Candidate& candidate : candidates)
            list += fmt::format("{}{}", list.empty() ? "" : "; ", describe(candidate));
        refuse(
            "convert.ambiguous-symbol", symbol, fmt::format("there are {} of that name: {}", candidates.size(), list),
            fmt::format("choose with --symbol {}=OBJ,POS or KLP_SYMPOS() in the source (klp_relocs.h)", symbol.name));
        return;
    }
    const Candidate& only = candidates.front();
    const std::string& object = only.table->object();
    result_.references.push_back(
        {symbol.index, object, object, std::string(symbol.name), only.table->sympos(*only.symbol)});
}

void Search::resolve(const elf::Symbol& symbol) {
    if (auto settled = settled_.find(symbol.index); settled != settled_.end())
        result_.references.push_back(settled->second);
    else if (auto chosen = chosen_.find(symbol.index); chosen != chosen_.end())
        accept_chosen(symbol, chosen->second);
    else if (!stays_import(symbol))
        resolve_by_name(symbol);
}

Resolved Search::run() {
    if (!kernel_.table("vmlinux"))
        throw report::Refusal("convert.no-kernel", module_.name(),
                              "there is no symbol table of vmlinux to resolve against",
                              "give --vmlinux, --vmlinuz or --kernel");
    for (const elf::Symbol& symbol : module_.symbols())
        if (symbol.index != 0 && symbol.is_undefined() && !is_linkers_own(symbol.name))
            resolve(symbol);
    if (!refusals_.empty())
        throw report::Refusal(std::move(refusals_));
    return std::move(result_);
}

} // namespace

Choice parse_choice(std::string_view text) {
    auto refuse = [&] {
        return report::Refusal("convert.bad-choice", std::string(text), "not of the form NAME=OBJ,POS",
                               "for example --symbol debug=usbcore,2");
    };
    size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        throw refuse();
    std::string_view target = text.substr(equals + 1);
    size_t comma = target.find(',');
    Choice choice{std::string(text.substr(0, equals)), std::string(target.substr(0, comma)), 0};
    std::ranges::replace(choice.object, '-', '_');
    if (choice.object.empty())
        throw refuse();
    if (comma == std::string_view::npos)
        return choice;
    std::string_view number = target.substr(comma + 1);
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), choice.sympos);
    if (error != std::errc() || end != number.data() + number.size())
        throw refuse();
    return choice;
}

Resolved resolve_references(const elf::Object& module, const symbols::KernelView& kernel,
                            const std::vector<std::string>& objects, const std::vector<Choice>& choices) {
    return Search(module, kernel, objects, choices).run();
}

} // namespace klp::convert
