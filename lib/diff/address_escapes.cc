#include "diff/address_escapes.h"

#include "arch/address_flow.h"
#include "diff/address_identity.h"
#include "diff/instructions.h"
#include "diff/name_keepers.h"
#include "diff/piece_finding.h"

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

using arch::AddressStep;
using References = std::span<const RoutedReference>;

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

// The code of one piece, read from top to bottom. A register holds an address until it is written again or a call
// comes; compilers put both ends of such a use close together.
class Scan {
public:
    // `given_code`: variables of the patch that code gives the address of a function, or of what leads to one. Those
    // that this piece gives one are added.
    Scan(const Unit& patched, const Routing& routing, uint32_t index, std::set<uint32_t>& given_code)
        : patched_(patched), routing_(routing), index_(index), piece_(patched.piece(index)), given_code_(given_code) {}

    // What escapes.
    std::set<Escape> run() {
        if (!makes_addresses())
            return {};
        for (const arch::Instruction& instruction : read_instructions(patched_, piece_))
            step(instruction);
        return std::move(escapes_);
    }

private:
    struct Held {
        Thing thing;
        std::optional<unsigned> argument; // the register is that argument of a call
    };

    bool makes_addresses() const {
        return std::ranges::any_of(routing_.of(index_),
                                   [&](const RoutedReference& it) { return thing_at(it).has_value(); });
    }
    std::optional<Thing> thing_at(const RoutedReference& routed) const {
        const Reference& reference = routed.reference;
        if (routed.route == Route::literal && patched_.role(reference.id) == arch::Role::strings)
            return Thing{none, fmt::format("the string \"{}\"", patched_.text_at(reference)), false};
        if (routed.route != Route::inside)
            return std::nullopt;
        const Piece& target = patched_.piece(reference.id);
        const bool is_code = target.kind == PieceKind::function;
        const bool is_own_code = is_code && patched_.root_of(reference.id) == patched_.root_of(index_);
        if (target.kind == PieceKind::fragment || is_own_code || (is_code && reference.offset != 0))
            return std::nullopt;
        return Thing{reference.id, patched_.title(reference.id),
                     is_code || given_code_.contains(reference.id) || leads_to_code(patched_, reference.id)};
    }
    void step(const arch::Instruction& instruction) {
        const References references = routing_.of(index_, instruction.offset, instruction.offset + instruction.size);
        if (instruction.is_call || (instruction.is_branch && leaves(references)))
            return call(references);
        if (instruction.ends_flow)
            return held_.clear();
        const AddressStep step = arch::address_step(patched_.machine(), instruction);
        switch (step.does) {
        case AddressStep::Does::makes:
            held_.erase(step.result);
            if (!references.empty())
                if (std::optional<Thing> thing = thing_at(references.back()))
                    held_[step.result] = {*thing, patched_.machine().argument_number(instruction.first_register)};
            break;
        case AddressStep::Does::copies:
            copy(step, instruction);
            break;
        case AddressStep::Does::stores:
            for (unsigned at = 0; at < step.values.size(); ++at)
                if (auto held = held_.find(step.values[at]); held != held_.end())
                    store(step, held->second.thing, references);
            break;
        case AddressStep::Does::stores_immediate:
            // `movq $0, own(%rip)` has a reference too, but only to the place.
            if (!references.empty() && is_immediate(references.back(), instruction))
                if (std::optional<Thing> thing = thing_at(references.back()))
                    store(step, *thing, references.first(references.size() - 1));
            break;
        case AddressStep::Does::other:
            if (!instruction.registers.empty() && !instruction.is_branch)
                held_.erase(step.result);
            break;
        }
    }
    // x86: the immediate operand is the instruction's last four bytes (Intel SDM volume 2, 2.1).
    static bool is_immediate(const RoutedReference& it, const arch::Instruction& instruction) {
        constexpr uint64_t width = 4;
        return it.relocation->offset + width == instruction.offset + instruction.size;
    }
    void copy(const AddressStep& step, const arch::Instruction& instruction) {
        if (step.sets_up_frame)
            frames_.insert(step.result);
        const auto value = std::ranges::find_if(step.values, [&](unsigned one) { return held_.contains(one); });
        if (value == step.values.end()) {
            held_.erase(step.result);
            return;
        }
        const Thing thing = held_.at(*value).thing;
        held_[step.result] = {thing, patched_.machine().argument_number(instruction.first_register)};
    }
    // `place`: what the instruction names as the memory.
    void store(const AddressStep& step, const Thing& thing, References place) {
        auto base = held_.find(step.base);
        if (step.is_on_stack || frames_.contains(step.base))
            return;
        uint32_t own = base != held_.end() ? base->second.thing.piece : none;
        for (const RoutedReference& it : place)
            if (it.route == Route::inside)
                own = it.reference.id;
        if (own != none && thing.is_called)
            given_code_.insert(own);
        if (own != none)
            return;
        escapes_.insert({"stores the address of {} in memory that outlives the live patch", thing.name});
    }
    bool leaves(References references) const {
        return std::ranges::any_of(references, [&](const RoutedReference& it) {
            const bool is_own = it.reference.to == Reference::To::piece &&
                                patched_.root_of(it.reference.id) == patched_.root_of(index_);
            return !is_own && it.reference.to != Reference::To::nothing;
        });
    }
    void call(References references) {
        bool is_inside = false;
        std::string callee = "a function";
        for (const RoutedReference& it : references) {
            is_inside = is_inside || it.route == Route::inside;
            if (it.reference.to == Reference::To::symbol || it.reference.to == Reference::To::piece)
                callee = patched_.target_name(it.reference);
        }
        for (const auto& [number, held] : held_) {
            if (is_inside || !held.argument)
                continue;
            if (keeps_name(callee, *held.argument))
                escapes_.insert({"passes {} to " + callee + ", which keeps the name", held.thing.name});
            else if (held.thing.is_called && !keeps_nothing(callee) && !patched_.machine().is_profiling_call(callee))
                escapes_.insert({"passes the address of {} to " + callee + ", which may keep it", held.thing.name});
        }
        held_.clear();
    }

    const Unit& patched_;
    const Routing& routing_;
    uint32_t index_;
    const Piece& piece_;
    std::set<uint32_t>& given_code_;
    std::unordered_map<unsigned, Held> held_; // by register
    std::set<unsigned> frames_;               // registers that point to the stack
    std::set<Escape> escapes_;
};

// By function, its parts included: how, and what.
using Escapes = std::map<uint32_t, std::map<std::string, std::set<std::string>>>;

Escapes scan(const Unit& patched, const Selection& selection, std::set<uint32_t>& given_code) {
    Escapes escapes;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        if (!selection.included[index] || patched.piece(index).kind != PieceKind::function)
            continue;
        for (const Escape& it : Scan(patched, selection.routing, index, given_code).run())
            escapes[patched.root_of(index)][it.how].insert(it.name);
    }
    return escapes;
}

} // namespace

std::vector<report::Finding> find_address_escapes(const Unit& patched, const Selection& selection) {
    std::set<uint32_t> given_code;
    Escapes escapes;
    for (size_t known = SIZE_MAX; known != given_code.size();) { // INIT_WORK() may come behind, or in another function
        known = given_code.size();
        escapes = scan(patched, selection, given_code);
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
