#include "diff/address_escapes.h"

#include "arch/address_flow.h"
#include "diff/code_pointers.h"
#include "diff/handovers.h"
#include "diff/instructions.h"
#include "diff/name_keepers.h"
#include "diff/piece_finding.h"

#include "report/quoted.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace klp::diff {

namespace {

// Something of the patch's own that has an address.
struct Thing {
    uint32_t piece = none; // or `none` for a string
    std::string name;
    bool is_called = false; // it is a function, or has pointers to functions, whoever has those
};

// One that leaves the patch. By what happens to it, so that those of one kind are said together.
struct Escape {
    std::string how; // "passes {} to f, which keeps the name"
    std::string name;
    auto operator<=>(const Escape&) const = default;
};

// Takes an address to end what another call had begun with it (linux/workqueue.h, linux/timer.h, linux/hrtimer.h,
// linux/interrupt.h); so does what is named for unregistering.
constexpr std::array ends_use{std::string_view("cancel_delayed_work"), std::string_view("cancel_delayed_work_sync"),
                              std::string_view("cancel_work"),         std::string_view("cancel_work_sync"),
                              std::string_view("del_timer"),           std::string_view("del_timer_sync"),
                              std::string_view("flush_delayed_work"),  std::string_view("flush_work"),
                              std::string_view("hrtimer_cancel"),      std::string_view("tasklet_kill"),
                              std::string_view("timer_delete"),        std::string_view("timer_delete_sync"),
                              std::string_view("timer_shutdown"),      std::string_view("timer_shutdown_sync")};

// It does so, or calls the constructor or destructor that it gets before it returns (kernel/livepatch/shadow.c).
bool keeps_nothing(std::string_view function) {
    return function.starts_with("klp_shadow_") || function.find("unregister_") != function.npos ||
           std::ranges::find(ends_use, function) != ends_use.end();
}

// The code of one piece: each address that it takes is followed along every path.
class Scan {
public:
    // `given_code`: variables of the patch that code gives the address of a function, or of what leads to one. Those
    // that this piece gives one are added.
    Scan(const Unit& patched, const CodePointers& leads, const Routing& routing, uint32_t index,
         std::set<uint32_t>& given_code)
        : patched_(patched), leads_(leads), routing_(routing), index_(index), piece_(patched.piece(index)),
          given_code_(given_code) {}

    // What escapes.
    std::set<Escape> run() {
        for (const RoutedReference& it : routing_.of(index_))
            if (std::optional<Thing> thing = thing_at(it))
                take(it, std::move(*thing));
        for (const Taken& it : taken_)
            look_at(it);
        return std::move(escapes_);
    }

private:
    struct Taken {
        Thing thing;
        arch::AddressUses uses;
    };

    std::optional<Thing> thing_at(const RoutedReference& routed) const {
        const Reference& reference = routed.reference;
        if (routed.route == Route::literal && patched_.role(reference.id) == arch::Role::strings)
            return Thing{none, "the string " + report::quoted(patched_.text_at(reference)), false};
        if (routed.route != Route::inside)
            return std::nullopt;
        const Piece& target = patched_.piece(reference.id);
        const bool is_code = target.kind == PieceKind::function;
        const bool is_own_code = is_code && patched_.root_of(reference.id) == patched_.root_of(index_);
        if (target.kind == PieceKind::fragment || is_own_code || (is_code && reference.offset != 0))
            return std::nullopt;
        return Thing{reference.id, patched_.title(reference.id),
                     is_code || given_code_.contains(reference.id) || leads_.lead_from(reference.id)};
    }
    void take(const RoutedReference& it, Thing thing) {
        if (code_.empty())
            code_ = read_instructions(patched_, piece_);
        const size_t at = instruction_at(code_, it.relocation->offset);
        if (at >= code_.size())
            return;
        arch::AddressUses uses;
        switch (arch::field_use(patched_.machine(), code_[at], *it.relocation)) {
        case arch::FieldUse::access:
        case arch::FieldUse::indexed:
            uses.accessed_at.push_back(at);
            break;
        case arch::FieldUse::stored:
            uses.stored_at.push_back(at);
            break;
        case arch::FieldUse::taken:
        case arch::FieldUse::indexed_taken:
            uses = follow(at);
            break;
        default:
            return;
        }
        if (thing.piece != none)
            for (size_t access : uses.accessed_at)
                own_memory_.emplace(access, thing.piece);
        taken_.push_back({std::move(thing), std::move(uses)});
    }
    arch::AddressUses follow(size_t at) const {
        return arch::follow_address(patched_.machine(), code_, at,
                                    [this](const arch::Instruction& it) { return patched_.leaves(piece_, it); });
    }
    void look_at(const Taken& it) {
        for (size_t at : it.uses.stored_at)
            store(code_[at], at, it.thing);
        for (const arch::Handover& handover : it.uses.passed)
            pass(handover, it.thing);
        if (!it.thing.is_called)
            return;
        for (const arch::Handover& handover : it.uses.returned)
            if (may_be_result(patched_, piece_, code_, handover.at, handover.register_number))
                escapes_.insert({"returns the address of {} to its callers, which may keep it", it.thing.name});
    }
    void store(const arch::Instruction& instruction, size_t at, const Thing& thing) {
        if (const auto own = own_memory_.find(at); own != own_memory_.end()) {
            if (thing.is_called)
                given_code_.insert(own->second);
        } else if (!is_on_stack(instruction, at)) {
            escapes_.insert({"stores the address of {} in memory that outlives the live patch", thing.name});
        }
    }
    bool is_on_stack(const arch::Instruction& instruction, size_t at) {
        if (!instruction.has_address) // a push
            return true;
        if (instruction.address_registers.empty()) // at an address that a relocation names
            return false;
        if (!stack_memory_)
            stack_memory_ = find_stack_memory();
        return stack_memory_->contains(at) ||
               std::ranges::any_of(instruction.address_registers, [&](unsigned one) { return is_stack_pointer(one); });
    }
    // Instructions that access memory by an address made of the stack pointer.
    std::set<size_t> find_stack_memory() const {
        std::set<size_t> found;
        for (size_t at = 0; at < code_.size(); ++at) {
            const arch::Instruction& it = code_[at];
            if (it.is_call || it.reads_memory || it.writes_memory || it.written_registers.empty() ||
                is_stack_pointer(it.written_registers[0]))
                continue;
            const auto is_one = [&](unsigned one) { return is_stack_pointer(one); };
            if (std::ranges::any_of(it.read_registers, is_one) || std::ranges::any_of(it.address_registers, is_one))
                for (size_t access : follow(at).accessed_at)
                    found.insert(access);
        }
        return found;
    }
    bool is_stack_pointer(unsigned number) const {
        return patched_.machine().is_stack_pointer(patched_.machine().register_name(number));
    }
    void pass(const arch::Handover& handover, const Thing& thing) {
        const arch::Instruction& instruction = code_[handover.at];
        const std::optional<unsigned> number =
            patched_.machine().argument_number(patched_.machine().register_name(handover.register_number));
        std::string callee = "a function";
        for (const RoutedReference& it :
             routing_.of(index_, instruction.offset, instruction.offset + instruction.size)) {
            if (it.route == Route::inside)
                return;
            if (it.reference.to == Reference::To::symbol || it.reference.to == Reference::To::piece)
                callee = patched_.target_name(it.reference);
        }
        const bool is_name = number && keeps_name(callee, *number);
        const bool is_kept = thing.is_called && !keeps_nothing(callee) && !patched_.machine().is_profiling_call(callee);
        if ((!is_name && !is_kept) || !may_be_argument(patched_, piece_, code_, handover.at, handover.register_number))
            return;
        escapes_.insert({is_name ? "passes {} to " + callee + ", which keeps the name"
                                 : "passes the address of {} to " + callee + ", which may keep it",
                         thing.name});
    }

    const Unit& patched_;
    const CodePointers& leads_;
    const Routing& routing_;
    uint32_t index_;
    const Piece& piece_;
    std::set<uint32_t>& given_code_;
    Instructions code_;
    std::vector<Taken> taken_;
    std::unordered_map<size_t, uint32_t> own_memory_; // instruction -> the variable of the patch that it accesses
    std::optional<std::set<size_t>> stack_memory_;
    std::set<Escape> escapes_;
};

// By function, its parts included: how, and what.
using Escapes = std::map<uint32_t, std::map<std::string, std::set<std::string>>>;

Escapes scan(const Unit& patched, const CodePointers& leads, const Selection& selection,
             std::set<uint32_t>& given_code) {
    Escapes escapes;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        if (!selection.included[index] || patched.piece(index).kind != PieceKind::function)
            continue;
        for (const Escape& it : Scan(patched, leads, selection.routing, index, given_code).run())
            escapes[patched.root_of(index)][it.how].insert(it.name);
    }
    return escapes;
}

} // namespace

std::vector<report::Finding> find_address_escapes(const Unit& patched, const Selection& selection) {
    const CodePointers leads(patched);
    std::set<uint32_t> given_code;
    Escapes escapes;
    for (size_t known = SIZE_MAX; known != given_code.size();) { // INIT_WORK() may come behind, or in another function
        known = given_code.size();
        escapes = scan(patched, leads, selection, given_code);
    }
    std::vector<report::Finding> findings;
    for (const auto& [function, ways] : escapes)
        for (const auto& [how, names] : ways) {
            const std::string others = names.size() > 1 ? fmt::format(" and {} more", names.size() - 1) : "";
            std::string what = how;
            what.replace(what.find("{}"), 2, *names.begin() + others);
            findings.push_back(warning_about(
                patched, function, "diff.address-escapes",
                fmt::format("it {}; the address leads to nowhere once the module is unloaded", what),
                "do not unload the module, or see to it in a post-unpatch callback, when no patched code runs any "
                "more, that nobody has the address (cancel the work or the timer, put the old pointer back)"));
        }
    return findings;
}

} // namespace klp::diff
