#include "diff/router.h"

#include "diff/code_pointers.h"

#include "diff/address_identity.h"
#include "diff/data_users.h"
#include "diff/storage.h"

#include <algorithm>
#include <array>

namespace klp::diff {

RoutedReference Router::route(const Referrer& referrer, const elf::Relocation& relocation) const {
    RoutedReference result;
    result.relocation = &relocation;
    result.reference = pair_.patched.reference(referrer.section, relocation);
    const Reference& reference = result.reference;
    result.route = choose(reference, referrer, relocation);
    if (reference.rival != none) {
        Reference other = reference;
        other.id = reference.rival;
        result.rival_route = choose(other, {referrer.piece, referrer.section, false}, relocation);
    }
    if (result.route == Route::original) {
        result.original_symbol = original_symbol(reference, relocation);
        result.found = &kernel_.defined(result.original_symbol);
    } else if (result.route == Route::external) {
        const std::string_view name = pair_.patched.object().symbol(reference.id).name;
        if (!name.empty() && !is_made_by_link(name) && !kernel_.is_of_patch(name))
            result.found = &kernel_.undefined(name);
    }
    return result;
}

// Of the module, which has one of its own.
bool Router::is_made_by_link(std::string_view name) const {
    constexpr std::array made{std::string_view(".TOC."), std::string_view("_GLOBAL_OFFSET_TABLE_")};
    return std::ranges::find(made, name) != made.end() || pair_.patched.machine().is_profiling_call(name);
}

Route Router::choose(const Reference& reference, const Referrer& referrer, const elf::Relocation& relocation) const {
    switch (reference.to) {
    case Reference::To::nothing:
        return Route::nothing;
    case Reference::To::symbol:
        return Route::external;
    case Reference::To::literal:
        return Route::literal;
    case Reference::To::entry:
        return Route::entry;
    case Reference::To::piece:
        break;
    }
    const Piece& target = pair_.patched.piece(reference.id);
    if (target.kind == PieceKind::fragment || is_gone(reference.id))
        return Route::inside;
    return target.kind == PieceKind::variable ? to_variable(reference, relocation)
                                              : to_function(reference, referrer, relocation);
}

// The kernel or module freed it when it had started, so what refers to it now needs one of its own.
bool Router::is_gone(uint32_t piece) const {
    const uint32_t partner = pair_.before(pair_.patched.root_of(piece));
    if (partner == none)
        return false;
    const Storage storage = storage_of(pair_.original, pair_.original.piece(partner));
    return storage == Storage::init || (storage == Storage::exit && kernel_.owner() == "vmlinux");
}

Route Router::to_variable(const Reference& reference, const elf::Relocation& relocation) const {
    const bool is_new = pair_.before(reference.id) == none;
    if (is_new || pair_.patched.piece(reference.id).identity != Identity::kept || changes_.copied[reference.id])
        return Route::inside;
    // Read-only, and equal to what the kernel has: where that cannot be found a copy is as good.
    const bool may_copy = is_copyable(pair_.patched, reference.id) && !holds_code_pointers(pair_.patched, reference.id);
    return may_copy && !is_found(kernel_.defined(original_symbol(reference, relocation))) ? Route::inside
                                                                                          : Route::original;
}

Route Router::to_function(const Reference& reference, const Referrer& referrer,
                          const elf::Relocation& relocation) const {
    const Unit& patched = pair_.patched;
    const Piece& target = patched.piece(reference.id);
    const uint32_t root = patched.root_of(reference.id);
    const bool is_new = pair_.before(reference.id) == none;
    const bool is_call = patched.machine().is_branch(patched.object().section(referrer.section).data, relocation);
    if (pair_.before(root) == none || (is_new && target.parent != none))
        return Route::inside;
    // A thunk of the compiler's is to stand in the module itself: s390's take their target in a register that the way
    // from one module to another changes (arch/s390/kernel/module.c, the code of a PLT entry).
    if (patched.is_comdat(target.section) && is_call)
        return Route::inside;
    if (!changes_.replaced[root])
        return Route::original;
    // The address of a function is its identity, to itself as well: others compare it, and calls through it are
    // redirected by ftrace. What the compiler made out of a function has no address that anybody else knows.
    const bool is_address = !referrer.is_entry && reference.offset == 0 && target.parent == none &&
                            !is_clone(patched.name(target)) && !is_call && relocation.symbol != 0;
    return is_address ? Route::original : Route::inside;
}

uint32_t Router::original_symbol(const Reference& reference, const elf::Relocation& relocation) const {
    const uint32_t partner = pair_.before(reference.id);
    const elf::Symbol& used = pair_.patched.object().symbol(relocation.symbol);
    // An alias keeps its own name.
    if (!used.is_section() && !used.name.empty())
        for (uint32_t alias : pair_.original.symbols_of(partner))
            if (pair_.original.object().symbol(alias).name == used.name &&
                pair_.original.object().symbol(alias).value == pair_.original.piece(partner).entry)
                return alias;
    return pair_.original.piece(partner).symbol;
}

} // namespace klp::diff
