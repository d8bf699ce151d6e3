#include "diff/kernel_references.h"

#include "diff/piece_finding.h"
#include "diff/static_calls.h"
#include "elf/livepatch_abi.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <elf.h>

namespace klp::diff {

using symbols::Resolution;

uint32_t KernelReferences::symbol_of(const RoutedReference& reference, uint32_t from) {
    if (reference.route == Route::original)
        return to(draft_.pair.original.object().symbol(reference.original_symbol).name, *reference.found, from);
    const elf::Symbol& symbol = draft_.pair.patched.object().symbol(reference.reference.id);
    if (symbol.name.empty())
        return 0;
    // Code that asks whether the kernel has it (`if (optional) optional();`) does without: the loader makes it zero.
    const bool is_missing =
        reference.found && reference.found->kind == Resolution::Kind::imported && reference.found->object.empty();
    if (symbol.is_weak() && (is_missing || (reference.found && reference.found->kind == Resolution::Kind::absent)))
        return undefined(symbol.name, STB_WEAK);
    return external(symbol.name, reference.found, from);
}

const Resolution* KernelReferences::of_unit(std::string_view name) const {
    for (const elf::Symbol& symbol : draft_.pair.original.object().symbols())
        if (symbol.name == name && symbol.place == elf::Place::section)
            return &draft_.kernel.defined(symbol.index);
    return nullptr;
}

uint32_t KernelReferences::variable(std::string_view name, uint32_t from) {
    if (const Resolution* own = of_unit(name))
        return to(name, *own, from);
    return external(name, draft_.kernel.is_of_patch(name) ? nullptr : &draft_.kernel.undefined(name), from);
}

uint32_t KernelReferences::external(std::string_view name, const Resolution* found, uint32_t from) {
    if (!found)
        return undefined(name, STB_GLOBAL);
    return to(name, *found, from);
}

uint32_t KernelReferences::undefined(std::string_view name, uint8_t binding) {
    auto [at, is_new] = undefined_.try_emplace(std::string(name), 0);
    if (is_new) {
        elf::NewSymbol symbol;
        symbol.name = name;
        symbol.binding = binding;
        at->second = draft_.output.add_symbol(std::move(symbol));
    }
    return at->second;
}

uint32_t KernelReferences::plain_of_vmlinux(std::string_view name) {
    build_symbols_.insert(std::string(name));
    return undefined(name, STB_WEAK);
}

uint32_t KernelReferences::to(std::string_view name, const Resolution& found, uint32_t from) {
    if (!is_found(found)) {
        refuse(name, found, from);
        return undefined(name, STB_WEAK);
    }
    if (is_static_call_trampoline(name))
        trampolines_.insert(std::string(name));
    if (known_.emplace(found.object, name, found.sympos).second)
        references_.push_back(
            {std::string(name), from == none ? std::string() : draft_.pair.patched.title(from), found});
    if (found.kind == Resolution::Kind::imported) {
        if (!found.name_space.empty())
            namespaces_.insert(found.name_space);
        return undefined(name, STB_GLOBAL);
    }
    // Tracepoints are dropped where their key is out of reach, which leaves their calls unused.
    if (is_static_call_trampoline(name) && !name.starts_with("__SCT__tp_func_") && found.object != "vmlinux")
        draft_.refuse(static_call_of_module(draft_.pair.patched, from, name, found.object), from);
    if (found.is_global && !found.is_for_some && found.object == "vmlinux" && found.sympos == 0)
        return plain_of_vmlinux(name);
    const std::string_view owner = found.object == "vmlinux" ? std::string_view("vmlinux") : draft_.kernel.owner();
    return undefined(fmt::format("{}{}.{}.{},{}", elf::reference_prefix, owner, found.object, name, found.sympos),
                     STB_WEAK);
}

void KernelReferences::refuse(std::string_view name, const Resolution& found, uint32_t from) {
    const bool is_moot = from != none && draft_.moot[from];
    if (is_moot || !refused_.emplace(name).second)
        return;
    report::Finding finding;
    finding.where = draft_.pair.patched.object().name();
    finding.function = from == none ? std::string() : draft_.pair.patched.title(from);
    if (found.kind != Resolution::Kind::absent) {
        finding.code = "diff.ambiguous";
        finding.message = fmt::format("it refers to {}, and the target kernel has several: {}", name,
                                      fmt::join(found.candidates, "; "));
        finding.hint = "klp-build tells them apart by the kernel's image (--vmlinux), if they differ there; else do "
                       "without it in the patch";
    } else if (found.candidates.empty()) {
        finding.code = "diff.unresolved";
        finding.message = fmt::format("it refers to {}, which the target kernel does not have", name);
        finding.hint = "check that the kernel given is the one that runs, built from this source and configuration";
    } else {
        finding.code = "diff.unresolved";
        finding.message = fmt::format("it refers to {} of {}, and code of {} gets at what vmlinux has and what other "
                                      "modules export",
                                      name, fmt::join(found.candidates, ", "), draft_.kernel.owner());
        finding.hint = "give this unit a copy of its own (static, under another name), or do the work in code of that "
                       "module";
    }
    draft_.findings.push_back(std::move(finding));
}

void KernelReferences::add_static_call_keys() {
    if (draft_.pair.patched.object().find_section(".static_call_sites"))
        return;
    for (const std::string& trampoline : trampolines_) {
        const std::string key = key_of_trampoline(trampoline);
        const Resolution* own = of_unit(key);
        if (!own && draft_.kernel.is_of_patch(key))
            continue;
        const Resolution& found = own ? *own : draft_.kernel.undefined(key);
        if (found.kind == Resolution::Kind::livepatch && found.object == "vmlinux")
            plain_of_vmlinux(key);
        else if (found.kind == Resolution::Kind::imported)
            to(key, found, none);
        // Or not to be had: objtool then uses the trampoline itself, for which the kernel has a table.
    }
}

std::vector<uint32_t> KernelReferences::build_symbols() const {
    std::vector<uint32_t> symbols;
    for (const std::string& name : build_symbols_)
        symbols.push_back(undefined_.at(name));
    return symbols;
}

} // namespace klp::diff
