#include "diff/select.h"

#include "diff/address_identity.h"
#include "diff/data_users.h"
#include "diff/left_out.h"
#include "diff/link_tables.h"
#include "diff/lost_state.h"
#include "diff/referrers.h"
#include "diff/sibling_calls.h"
#include "diff/storage.h"
#include "diff/taken_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>

namespace klp::diff {

Selector::Selector(const Unit& original, const Unit& patched, const Correlation& correlation,
                   const Comparison& comparison, const Macros& macros, const Options& options)
    : original_(original), patched_(patched), correlation_(correlation), comparison_(comparison), macros_(macros),
      options_(options) {
    result_.included.assign(patched.pieces().size(), false);
    result_.pulled_by.assign(patched.pieces().size(), none);
    copied_data_.assign(patched.pieces().size(), false);
    for (uint32_t index = 0; index < copied_data_.size(); ++index)
        copied_data_[index] =
            comparison.changed_data[index] && is_copyable(patched, index) && !comparison.identities.contains(index);
}

bool Selector::is_forced(uint32_t piece) const {
    return macros_.forced_functions.contains(piece);
}

bool Selector::is_ignored(uint32_t piece) const {
    return macros_.leave_out(patched_, piece);
}

void Selector::refuse(std::string code, uint32_t piece, std::string message, std::string hint) {
    errors_.push_back({std::move(code), report::Severity::error, patched_.object().name(), patched_.title(piece),
                       std::move(message), std::move(hint)});
}

void Selector::warn(std::string code, uint32_t piece, std::string message, std::string hint) {
    result_.findings.push_back({std::move(code), report::Severity::warning, patched_.object().name(),
                                patched_.title(piece), std::move(message), std::move(hint)});
}

void Selector::add(std::vector<report::Finding> findings) {
    for (report::Finding& finding : findings)
        (finding.severity == report::Severity::error ? errors_ : result_.findings).push_back(std::move(finding));
}

Selection Selector::run() {
    seed();
    follow_all();
    check_functions();
    check_names();
    check_data();
    add(find_lost_state(original_, patched_, correlation_, result_.included, macros_, options_));
    add(find_left_out(patched_, correlation_, comparison_, result_.included, macros_));
    add(find_link_tables(patched_, correlation_, comparison_, result_.included, macros_));
    add(find_taken_names(patched_, correlation_, result_.included, *this, options_));
    add(find_sibling_calls(patched_, result_.included, *this, options_));
    check_registries();
    if (std::ranges::find(result_.included, true) != result_.included.end()) {
        check_unknown_sections();
        note_removed_functions();
    }
    if (!errors_.empty())
        throw report::Refusal(std::move(errors_));
    return std::move(result_);
}

// Changed functions, what the author forces, callbacks, and new globals, which other units of the patch may need.
void Selector::seed() {
    for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
        const Piece& piece = patched_.piece(index);
        bool is_new = correlation_.to_original[index] == none;
        if (piece.kind == PieceKind::function && piece.parent == none) {
            bool is_redirected = !is_new && (is_changed(index) || is_forced(index)) && !is_ignored(index);
            bool is_init_code = arch::is_init(patched_.object().section(piece.section).name);
            if (is_redirected && comparison_.through_callers[index] && !is_forced(index)) {
                result_.findings.push_back({"diff.through-callers",
                                            report::Severity::note,
                                            patched_.object().name(),
                                            patched_.title(index),
                                            "ftrace cannot hook it, so it is replaced together with its callers",
                                            {}});
                continue; // its callers bring it
            }
            if (is_redirected)
                result_.changed.push_back(index);
            if (is_redirected || (is_new && !patched_.is_local(piece) && !is_init_code))
                include(index, none);
        }
        bool is_new_data = is_new && piece.kind == PieceKind::variable && !patched_.is_local(piece) &&
                           patched_.role(piece.section) == Role::data && piece.identity == Identity::kept;
        if (is_new_data && !arch::is_init(patched_.object().section(piece.section).name))
            include(index, none);
    }
    for (const Callback& callback : macros_.callbacks)
        include(callback.function, none);
}

void Selector::include(uint32_t piece, uint32_t by) {
    if (result_.included[piece])
        return;
    result_.included[piece] = true;
    result_.pulled_by[piece] = by;
    queue_.push_back(piece);
}

void Selector::follow_all() {
    while (!queue_.empty()) {
        uint32_t piece = queue_.back();
        queue_.pop_back();
        follow_piece(piece);
    }
}

void Selector::follow_piece(uint32_t piece) {
    const Piece& it = patched_.piece(piece);
    for (const elf::Relocation& relocation : patched_.relocations(it))
        follow(it.section, relocation, piece, false);
    for (const SpecialEntry& entry : patched_.entries_of(piece))
        follow_entry(entry, piece);
    if (it.parent != none)
        include(it.parent, piece);
    // A nameless table may be read from its beginning on.
    if (it.kind == PieceKind::fragment && patched_.role(it.section) == Role::data && patched_.relocations(it).empty()) {
        uint64_t end = patched_.run_end(piece);
        for (uint32_t next = piece + 1; next < patched_.pieces().size(); ++next) {
            const Piece& neighbour = patched_.piece(next);
            if (neighbour.section != it.section || neighbour.start >= end)
                break;
            include(next, piece);
        }
    }
}

void Selector::follow_entry(const SpecialEntry& entry, uint32_t piece) {
    for (const elf::Relocation& relocation : patched_.relocations(entry.section, entry.start, entry.start + entry.size))
        follow(entry.section, relocation, piece, true);
}

void Selector::follow(uint32_t section, const elf::Relocation& relocation, uint32_t from, bool in_entry) {
    const Reference reference = patched_.reference(section, relocation);
    const Route chosen = route(reference, from, section, relocation, in_entry);
    if (chosen == Route::inside)
        include(reference.id, from);
    if (chosen == Route::original && patched_.piece(reference.id).kind == PieceKind::variable)
        check_storage(reference.id, from);
    if (reference.rival != none)
        check_rival(reference, chosen, from, section, relocation);
}

// The kernel's variable of that name may not be what patched code takes it for.
void Selector::check_storage(uint32_t piece, uint32_t from) {
    const Piece& before = original_.piece(correlation_.to_original[piece]);
    const Piece& after = patched_.piece(piece);
    const StorageChange change = storage_change(original_, before, patched_, after);
    if (change == StorageChange::same || !storage_checked_.insert(piece).second)
        return;
    const Storage was = storage_of(original_, before);
    const Storage is = storage_of(patched_, after);
    const std::string what = was == is ? std::string("its alignment grows")
                                       : fmt::format("it was {} ({}) and is {} now ({})", to_string(was),
                                                     original_.object().section(before.section).name, to_string(is),
                                                     patched_.object().section(after.section).name);
    if (change == StorageChange::harmless)
        result_.findings.push_back(
            {"diff.storage-kept",
             report::Severity::note,
             patched_.object().name(),
             patched_.title(piece),
             fmt::format("{}; patched code uses the running kernel's, which serves as well", what),
             {}});
    else
        refuse("diff.storage-changed", piece,
               fmt::format("{}; {} relies on that, and the running kernel's variable is and stays what it was", what,
                           patched_.title(from)),
               "leave the variable as it is, and give what the patch needs another name");
}

// Two pieces that touch may be meant. Both come along, side by side, or both are the kernel's, where they touch as
// well; or the function referred to the meant one before, as often as now.
void Selector::check_rival(const Reference& reference, Route chosen, uint32_t from, uint32_t section,
                           const elf::Relocation& relocation) {
    Reference other = reference;
    std::swap(other.id, other.rival);
    const Route its = route(other, from, section, relocation, false);
    if (chosen == Route::inside && its == Route::inside)
        return include(reference.rival, from);
    auto distance = [](const Unit& unit, uint32_t a, uint32_t b) {
        return difference(static_cast<int64_t>(unit.piece(a).entry), static_cast<int64_t>(unit.piece(b).entry));
    };
    if (chosen == Route::original && its == Route::original) {
        const uint32_t meant = correlation_.to_original[reference.id];
        const uint32_t rival = correlation_.to_original[reference.rival];
        if (original_.piece(meant).section == original_.piece(rival).section &&
            distance(original_, meant, rival) == distance(patched_, reference.id, reference.rival))
            return;
    }
    if (refers_as_before(from, reference.id, reference.rival))
        return;
    const auto [first, second] = std::minmax(reference.id, reference.rival);
    refuse("diff.ambiguous-reference", from,
           fmt::format("it refers to the place in {} where {} ends and {} begins, and the object does not say which of "
                       "the two is meant; one of them comes with the patch, the other is the running kernel's",
                       patched_.object().section(patched_.piece(reference.id).section).name, patched_.title(first),
                       patched_.title(second)),
           "give the new variable a section of its own (no section attribute, -fdata-sections), or define it after all "
           "others of that section");
}

// Did the function refer to the original of `meant` as often as it now refers to it or to the rival?
bool Selector::refers_as_before(uint32_t from, uint32_t meant, uint32_t rival) const {
    const uint32_t partner = correlation_.to_original[from];
    const uint32_t original = correlation_.to_original[meant];
    if (partner == none || original == none || correlation_.to_original[rival] != none)
        return false;
    auto count = [](const Unit& unit, uint32_t user, uint32_t target) {
        return std::ranges::count_if(unit.relocations(unit.piece(user)), [&](const elf::Relocation& relocation) {
            const Reference reference = unit.reference(unit.piece(user).section, relocation);
            return reference.to == Reference::To::piece && reference.id == target;
        });
    };
    return count(original_, partner, original) == count(patched_, from, meant);
}

// The kernel or module freed it when it had started, so what refers to it now needs one of its own.
bool Selector::is_gone(uint32_t piece) const {
    const uint32_t partner = correlation_.to_original[patched_.root_of(piece)];
    if (partner == none)
        return false;
    const Storage storage = storage_of(original_, original_.piece(partner));
    return storage == Storage::init || (storage == Storage::exit && options_.owner == "vmlinux");
}

Route Selector::route(const Reference& reference, uint32_t from, uint32_t section, const elf::Relocation& relocation,
                      bool in_entry) const {
    if (reference.to == Reference::To::nothing)
        return Route::nothing;
    if (reference.to == Reference::To::symbol)
        return Route::external;
    if (reference.to == Reference::To::literal)
        return Route::literal;
    const Piece& target = patched_.piece(reference.id);
    const bool is_new = correlation_.to_original[reference.id] == none;
    if (target.kind == PieceKind::fragment || is_gone(reference.id))
        return Route::inside;
    if (target.kind == PieceKind::variable) {
        if (is_new || target.identity != Identity::kept || copied_data_[reference.id])
            return Route::inside;
        if (is_copyable(patched_, reference.id) && !holds_code_pointers(patched_, reference.id)) {
            const symbols::Resolution& found = resolve_defined(original_symbol(reference, relocation));
            if (found.kind == symbols::Resolution::Kind::absent || found.kind == symbols::Resolution::Kind::ambiguous)
                return Route::inside; // read-only, and equal to what the kernel has: a copy is as good
        }
        return Route::original;
    }
    const uint32_t root = patched_.root_of(reference.id);
    const bool is_call = patched_.machine().is_branch(patched_.object().section(section).data, relocation);
    const bool root_is_new = correlation_.to_original[root] == none;
    if (root_is_new || (is_new && target.parent != none))
        return Route::inside;
    // A thunk of the compiler's is to stand in the module itself: s390's take their target in a register that the way
    // from one module to another changes (arch/s390/kernel/module.c, the code of a PLT entry).
    if (patched_.is_comdat(target.section) && is_call)
        return Route::inside;
    const bool is_redirected = (is_changed(root) || is_forced(root)) && !is_ignored(root);
    if (!is_redirected)
        return Route::original;
    // The address of a function is its identity: others compare it, and calls through it are redirected by ftrace. What
    // the compiler made out of a function has no address that anybody else knows.
    const bool is_own = root == from || (from != none && patched_.piece(from).parent == root);
    const bool is_address = !in_entry && !is_own && reference.offset == 0 && target.parent == none &&
                            !is_clone(patched_.name(target)) && !is_call && relocation.symbol != 0;
    return is_address ? Route::original : Route::inside;
}

uint32_t Selector::original_symbol(const Reference& reference, const elf::Relocation& relocation) const {
    uint32_t partner = correlation_.to_original[reference.id];
    const elf::Symbol& used = patched_.object().symbol(relocation.symbol);
    // An alias keeps its own name.
    if (!used.is_section() && !used.name.empty())
        for (uint32_t alias : original_.symbols_of(partner))
            if (original_.object().symbol(alias).name == used.name &&
                original_.object().symbol(alias).value == original_.piece(partner).entry)
                return alias;
    return original_.piece(partner).symbol;
}

const symbols::Resolution& Selector::resolve_defined(uint32_t symbol) const {
    auto [at, is_new] = defined_.try_emplace(symbol);
    if (is_new)
        at->second = options_.resolver->resolve_defined(original_.object().symbol(symbol));
    return at->second;
}

const symbols::Resolution& Selector::resolve_undefined(std::string_view name) const {
    auto [at, is_new] = undefined_.try_emplace(std::string(name));
    if (is_new) {
        // A module's code means its own module, not the live patch.
        if (name == "__this_module" && options_.owner != "vmlinux")
            at->second = {symbols::Resolution::Kind::livepatch, options_.owner, 0, true, {}, true, {}};
        else
            at->second = options_.resolver->resolve_undefined(name);
    }
    return at->second;
}

void Selector::check_functions() {
    for (uint32_t piece : result_.changed)
        check_changed_function(piece);
    for (uint32_t index = 0; index < result_.included.size(); ++index) {
        const Piece& piece = patched_.piece(index);
        if (!result_.included[index] || piece.kind != PieceKind::function)
            continue;
        for (const elf::Relocation& relocation : patched_.relocations(piece))
            if (relocation.symbol == 0 && patched_.is_stuck(piece.section, relocation.offset)) {
                refuse("diff.short-branch", index,
                       "it jumps to its neighbour in the same section with a branch that is too short to be moved",
                       "compile the unit with -ffunction-sections, or leave the function out with KLP_IGNORE_FUNCTION");
                break;
            }
    }
}

void Selector::check_changed_function(uint32_t piece) {
    const Piece& it = patched_.piece(piece);
    const uint32_t partner = correlation_.to_original[piece];
    std::string_view section = patched_.object().section(it.section).name;
    std::string_view old_section = original_.object().section(original_.piece(partner).section).name;
    if (resolve_defined(original_.piece(partner).symbol).is_overridden)
        return refuse(
            "diff.weak-overridden", piece,
            "the patch changes it, but it is weak, and the running kernel has another unit's function of this "
            "name in its place: nobody would get to the change",
            "change the function that is in its place, or leave this one out with KLP_IGNORE_FUNCTION()");
    if (arch::is_init(section) || arch::is_init(old_section))
        return refuse(
            "diff.init-changed", piece,
            fmt::format("the patch changes it, but it is in {} and gone once the kernel or module has started",
                        old_section),
            "leave the change out, or leave the function out with KLP_IGNORE_FUNCTION() and do what it would "
            "do in a pre-patch callback");
    if (arch::is_exit(section) && options_.owner == "vmlinux")
        return warn("diff.exit-changed", piece, "the patch changes it, but built-in exit code is never run", {});
    if (!original_.has_ftrace_location(partner) && arch::is_exit(old_section))
        return refuse("diff.exit-changed", piece,
                      "the patch changes it, but it is the module's exit code, which ftrace cannot hook",
                      "leave it out with KLP_IGNORE_FUNCTION(), and undo in a post-unpatch callback what the old exit "
                      "code leaves behind");
    if (!original_.has_ftrace_location(partner))
        return refuse(
            "diff.no-ftrace", piece,
            "it has no ftrace location (it is notrace, inline, or assembly), so calls to it cannot be redirected",
            "change its callers instead, or leave it out with KLP_IGNORE_FUNCTION()");
    if (original_.machine().name() != patched_.machine().name())
        return;
    const elf::Section& before = original_.object().section(original_.piece(partner).section);
    const elf::Section& after = patched_.object().section(it.section);
    constexpr uint64_t compared = SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE;
    if ((before.flags & compared) != (after.flags & compared))
        refuse("diff.section-changed", piece, "the attributes of its section changed",
               "keep the function where it was");
}

// A global name that one unit has for a body of its own and the other for somebody else's (an alias, or two functions
// that the compiler found to be equal): ftrace redirects addresses, which do not tell the names apart.
void Selector::check_names() {
    std::unordered_map<std::string_view, uint32_t> before;
    auto is_entry = [](const Unit& unit, const elf::Symbol& symbol) {
        const uint32_t piece = symbol.place == elf::Place::section ? unit.piece_of_symbol(symbol.index) : none;
        return piece != none && symbol.is_function() && !symbol.is_local() && !is_prefix_name(symbol.name) &&
               unit.piece(piece).entry == symbol.value;
    };
    for (const elf::Symbol& symbol : original_.object().symbols())
        if (is_entry(original_, symbol))
            before.emplace(symbol.name, original_.piece_of_symbol(symbol.index));
    for (const elf::Symbol& symbol : patched_.object().symbols()) {
        if (!is_entry(patched_, symbol))
            continue;
        const uint32_t now = patched_.piece_of_symbol(symbol.index);
        auto then = before.find(symbol.name);
        if (then == before.end() || correlation_.to_original[now] == then->second || is_ignored(now) ||
            storage_change(original_, original_.piece(then->second), patched_, patched_.piece(now)) ==
                StorageChange::fresh)
            continue;
        refuse(
            "diff.alias-changed", now,
            fmt::format("{} is another name of {} in one of the units and a function of its own in the other; ftrace "
                        "cannot redirect one name alone",
                        symbol.name,
                        patched_.name(patched_.piece(now)) == symbol.name ? original_.title(then->second)
                                                                          : patched_.title(now)),
            "change the function under both names, or change its callers instead");
    }
}

// What nobody calls by its name any more may still be called: by who has its address, by other units, by old code.
void Selector::note_removed_functions() {
    for (uint32_t index = 0; index < original_.pieces().size(); ++index) {
        const Piece& piece = original_.piece(index);
        const bool is_named = piece.kind == PieceKind::function && piece.parent == none &&
                              cold_parent(original_.name(piece)).empty() && !is_clone(original_.name(piece));
        if (!is_named || correlation_.to_patched[index] != none ||
            arch::is_init(original_.object().section(piece.section).name) ||
            arch::is_exit(original_.object().section(piece.section).name))
            continue;
        result_.findings.push_back({"diff.function-removed",
                                    report::Severity::note,
                                    patched_.object().name(),
                                    original_.title(index),
                                    "the patched unit no longer has it (removed, renamed, or inlined wherever it was "
                                    "called); who still gets to it runs the old code",
                                    {}});
    }
}

void Selector::check_data() {
    if (std::ranges::find(comparison_.changed_data, true) == comparison_.changed_data.end())
        return;
    std::vector<bool> wanted_before(original_.pieces().size(), false);
    for (uint32_t index = 0; index < comparison_.changed_data.size(); ++index)
        if (comparison_.changed_data[index])
            wanted_before[correlation_.to_original[index]] = true;
    auto after = referrers_of(patched_, comparison_.changed_data);
    auto before = referrers_of(original_, wanted_before);
    for (uint32_t index = 0; index < comparison_.changed_data.size(); ++index) {
        if (!comparison_.changed_data[index] || is_ignored(index))
            continue;
        const Piece& piece = patched_.piece(index);
        std::string_view section = patched_.object().section(piece.section).name;
        Role role = patched_.role(piece.section);
        if (role == Role::registry) {
            warn("diff.registry-changed", index,
                 fmt::format("it changed, but {} is read when the kernel or module starts; the change has no effect",
                             section),
                 {});
            continue;
        }
        if (arch::is_init(section) || arch::is_exit(section)) {
            warn("diff.init-data-changed", index,
                 fmt::format("its content changed, but {} is gone once the kernel or module has started", section), {});
            continue;
        }
        if (arch::is_filled_by_link(section))
            continue; // see link_tables.h
        if (after[index].empty() && before[correlation_.to_original[index]].empty() && is_unread(index))
            continue;
        // It may travel if nobody but what comes along sees it, before and after.
        auto comes_along = [&](uint32_t referrer) { return result_.included[referrer]; };
        auto came_along = [&](uint32_t referrer) {
            uint32_t now = correlation_.to_patched[referrer];
            const Piece& old = original_.piece(referrer);
            bool is_gone = now == none && old.kind != PieceKind::fragment;
            if (old.parent != none && now == none)
                now = correlation_.to_patched[old.parent];
            return is_gone || (now != none && result_.included[now]) || old.kind == PieceKind::fragment;
        };
        bool travels = copied_data_[index] && result_.included[index] &&
                       std::ranges::all_of(after[index], comes_along) &&
                       std::ranges::all_of(before[correlation_.to_original[index]], came_along);
        if (travels)
            continue;
        if (auto known = comparison_.identities.find(index); known != comparison_.identities.end()) {
            refuse("diff.data-changed", index,
                   fmt::format("the patch changes the content of this table ({}), and a copy of it would be another "
                               "table: {}, and the running kernel keeps the old one",
                               section, known->second),
                   "leave the table as it is and change the functions that it points to or that use it, or write the "
                   "new entries into the kernel's table in a pre-patch callback (KLP_PRE_PATCH_CALLBACK)");
            continue;
        }
        std::string seen_by;
        for (uint32_t referrer : after[index])
            if (!result_.included[referrer] && seen_by.empty())
                seen_by = patched_.title(referrer);
        refuse("diff.data-changed", index,
               fmt::format("the patch changes the initial content of this variable ({}){}; the running kernel has it "
                           "already and keeps it",
                           section, seen_by.empty() ? std::string() : fmt::format(", which {} also sees", seen_by)),
               "set the new value in a pre-patch callback (KLP_PRE_PATCH_CALLBACK), use a shadow variable for new "
               "members, "
               "or leave its section out with KLP_IGNORE_SECTION() if the old content does no harm");
    }
}

// Nobody in the unit refers to the local variable but tables of which a live patch takes nothing along (.printk_index).
bool Selector::is_unread(uint32_t piece) const {
    if (!patched_.is_local(patched_.piece(piece)))
        return false;
    for (const elf::RelocationTable& table : patched_.object().relocation_tables()) {
        const SpecialSection* kind = arch::find_special(patched_.object().section(table.target).name);
        if (kind && kind->policy == Policy::drop)
            continue;
        for (const elf::Relocation& relocation : table.entries) {
            const Reference reference = patched_.reference(table.target, relocation);
            if (reference.to == Reference::To::piece && reference.id == piece)
                return false;
        }
    }
    return true;
}

// A variable that was given a section of its own (DEFINE_SCHED_CLASS) and points to a function: the kernel has both,
// and whoever calls through it gets to the new code.
bool Selector::is_variables_pointer(uint32_t section, const elf::Relocation& relocation,
                                    const Reference& reference) const {
    const uint32_t around = patched_.piece_at(section, relocation.offset);
    if (around == none || patched_.piece(around).symbol == 0 || reference.offset != 0)
        return false;
    return patched_.object().symbol(patched_.piece(around).symbol).type == STT_OBJECT &&
           correlation_.to_original[around] != none;
}

// A section that nobody knows and that refers to a function that is replaced may have to say the same of the new one.
void Selector::check_unknown_sections() {
    for (const elf::Section& section : patched_.object().sections()) {
        if (patched_.role(section.index) != Role::unknown ||
            macros_.ignored_sections.contains(std::string(section.name)))
            continue;
        for (const elf::Relocation& relocation : patched_.object().relocations(section.index)) {
            Reference reference = patched_.reference(section.index, relocation);
            bool is_kept = reference.to == Reference::To::piece && result_.included[reference.id] &&
                           patched_.piece(reference.id).kind == PieceKind::function;
            if (!is_kept || is_variables_pointer(section.index, relocation, reference))
                continue;
            refuse("diff.unknown-section", reference.id,
                   fmt::format(
                       "section {} refers to it, and this tool does not know what the kernel does with that section",
                       section.name),
                   "if the section does not matter for the patched code, leave it out with KLP_IGNORE_SECTION(); "
                   "otherwise please report it");
            break;
        }
    }
}

// Tables that are walked when the kernel or a module starts.
void Selector::check_registries() {
    for (const std::string& name : comparison_.changed_registries)
        if (!macros_.ignored_sections.contains(name))
            result_.findings.push_back(
                {"diff.registry-changed",
                 report::Severity::warning,
                 patched_.object().name(),
                 name,
                 "the patch changes its entries, but it is read when the kernel or module starts; they have no effect",
                 {}});
    for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
        const Piece& piece = patched_.piece(index);
        if (patched_.role(piece.section) != Role::registry || correlation_.to_original[index] != none ||
            is_nameless_entry(patched_, piece))
            continue;
        warn("diff.registry-added", index,
             fmt::format("it is new, but {} is read when the kernel or module starts; it has no effect",
                         patched_.object().section(piece.section).name),
             {});
    }
}

} // namespace klp::diff
