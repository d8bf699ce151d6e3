#include "rewrite/shadow_member.h"

#include "rewrite/contexts.h"
#include "rewrite/copies.h"
#include "rewrite/entry_macros.h"
#include "rewrite/first_states.h"
#include "rewrite/initialisers.h"
#include "rewrite/lifetimes.h"
#include "rewrite/member_uses.h"
#include "rewrite/new_objects.h"
#include "rewrite/objects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace klp::rewrite {

namespace {

using report::Finding;
using report::Severity;

// Free memory where nothing may sleep, as klp_shadow_free_all() calls destructors (include/linux/slab.h, string.h).
constexpr std::array<std::string_view, 3> frees_at_once = {"kfree", "kfree_const", "kfree_sensitive"};

// By its name, it ends what the pointer stands for.
bool gives_back(std::string_view function) {
    constexpr std::array<std::string_view, 6> words = {"free", "put", "destroy", "release", "unregister", "drop"};
    return std::ranges::any_of(words, [&](std::string_view word) { return function.find(word) != function.npos; });
}

class Planner {
public:
    Planner(const std::vector<RecordInUnit>& views, const std::string& root)
        : views_(views), root_(root), states_("klp_" + views.front().record.name) {
        const ExtendedRecord& record = views.front().record;
        plan_.definition = record.end;
        plan_.shadow.name = record.name;
        plan_.shadow.record = record.spelling;
        plan_.shadow.declarations = record.declarations;
        plan_.shadow.origin = fmt::format("{} {}", relative(record.end.file), record.spelling);
        for (const clang::FieldDecl* member : record.members)
            plan_.shadow.origin += fmt::format(" {}", member->getName().str());
    }

    ShadowPlan run() {
        std::vector<MemberUses> uses;
        for (const RecordInUnit& view : views_) {
            plan_.edits[view.record.end.file].merge(std::set(view.record.removals));
            for (const std::string& problem : view.record.problems)
                ask("rewrite.other-change", problem + ": that part no shadow variable can stand for",
                    "leave the members that exist as they are");
            uses.push_back(find_uses(*view.unit, view.record.members));
            note_unit(view, uses.back());
        }
        // How a member is read depends on what makes it ready, in whichever unit that is.
        states_.finish(views_.front().record.members, plan_.shadow);
        for (const OpenState& open : states_.questions())
            ask(open.code, open.message, open.hint);
        plan_.remarks = states_.remarks();
        for (size_t at = 0; at < views_.size(); ++at)
            add_uses(*views_[at].unit, uses[at]);
        for (const auto& [place, calls] : opened_)
            open(place, calls);
        for (const clang::FieldDecl* member : views_.front().record.members)
            stop(*member);
        check_objects();
        check_copies();
        remark();
        plan_.users.assign(users_.begin(), users_.end());
        if (const auto home = std::ranges::find(plan_.users, states_.home()); home != plan_.users.end())
            std::rotate(plan_.users.begin(), home, home + 1);
        plan_.summary = summary();
        return std::move(plan_);
    }

private:
    std::string relative(const std::string& file) const {
        return file.starts_with(root_ + "/") ? file.substr(root_.size() + 1) : file;
    }

    void ask(const char* code, std::string message, std::string hint) {
        for (size_t at = message.find(root_ + "/"); at != std::string::npos; at = message.find(root_ + "/"))
            message.erase(at, root_.size() + 1);
        plan_.questions.push_back({code, Severity::error, relative(views_.front().record.end.file), plan_.shadow.record,
                                   std::move(message), std::move(hint)});
    }

    void note_unit(const RecordInUnit& view, const MemberUses& found) {
        const ParsedUnit& unit = *view.unit;
        const clang::RecordDecl& record = *view.record.members.front()->getParent();
        const Lifetimes lifetimes = find_lifetimes(unit, record);
        for (const std::string& problem : found.problems)
            ask("rewrite.use", problem, "write this use by hand, with the accessors of the patch");
        for (const std::string& problem : lifetimes.problems)
            ask("rewrite.no-free", problem,
                fmt::format("call {}() there by hand, of each object", releaser(plan_.shadow)));
        const std::set<const clang::VarDecl*> made = new_objects(unit, lifetimes.allocations);
        for (const MemberUse& use : found.uses) {
            states_.note(unit, use, made.contains(use.object));
            if (!use.queue.empty())
                queues_[use.member->getName().str()].insert(use.queue);
            note_owner(use);
        }
        for (const LifetimeSite& site : lifetimes.frees)
            release(unit, site, &add_before);
        for (const LifetimeSite& site : lifetimes.resets)
            release(unit, site, &add_before);
        for (const LifetimeSite& site : lifetimes.allocations)
            release(unit, site, &add_behind);
        has_free_ |= std::ranges::any_of(
            lifetimes.frees, [&](const LifetimeSite& site) { return !is_undone_there(site, lifetimes.allocations); });
        objects_.merge(find_objects(unit, record));
        made_.insert(lifetimes.made.begin(), lifetimes.made.end());
        ended_.insert(lifetimes.ended.begin(), lifetimes.ended.end());
        for (std::string& copy : find_copies(unit, record))
            copies_.push_back(std::move(copy));
        is_allocated_ |= !lifetimes.allocations.empty();
    }

    void add_uses(const ParsedUnit& unit, const MemberUses& found) {
        const Contexts contexts(unit);
        for (const MemberUse& use : found.uses)
            add_use(unit, contexts, use);
        for (const MemberEntry& entry : found.entries)
            add_entry(unit, entry);
    }

    // What a function frees that it has just made says nothing of an object's usual end.
    static bool is_undone_there(const LifetimeSite& free, const std::vector<LifetimeSite>& allocations) {
        return free.variable && std::ranges::any_of(allocations, [&](const LifetimeSite& site) {
                   return site.function == free.function && site.variable == free.variable;
               });
    }

    void release(const ParsedUnit& unit, const LifetimeSite& site,
                 void (*add)(const LifetimeSite&, const std::string&, FileEdits&)) {
        add(site, fmt::format("{}({});", releaser(plan_.shadow), site.object), plan_.edits);
        plan_.shadow.is_freed = true;
        users_.insert(unit.main_file());
        if (site.begin.file == plan_.definition.file && site.begin < plan_.definition &&
            (!plan_.early_end || site.begin < *plan_.early_end))
            plan_.early_end = site.begin;
    }

    // What the fix gives back where an object ends has to be given back for objects that are left, too.
    void note_owner(const MemberUse& use) {
        const std::string member = use.member->getName().str();
        if (std::ranges::find(frees_at_once, use.given_to) != frees_at_once.end())
            plan_.shadow.owned.insert(fmt::format("{}(old->{});", use.given_to, member));
        else if (gives_back(use.given_to) && asked_.insert(member).second)
            ask("rewrite.owner",
                fmt::format(
                    "`{}` is given to {}() in {}(): objects that are left when the patch is disabled have it still, "
                    "and nothing may sleep where shadow variables are freed",
                    member, use.given_to, use.function ? use.function->getName().str() : "?"),
                "give it back for those that are left in the callback that frees the shadow variables");
    }

    void add_entry(const ParsedUnit& unit, const MemberEntry& entry) {
        const std::optional<EntryEdits> found =
            entry.macro.file == unit.main_file()
                ? edits_of_entry(unit.text_of(entry.macro.file), entry.macro.offset, structure_name(plan_.shadow))
                : std::nullopt;
        if (!found) {
            ask("rewrite.use",
                fmt::format("`{}` in {}: what uses its offset there is nothing that klp-build knows",
                            entry.member->getName().str(), entry.macro.file),
                "write this use with container_of(), or by hand");
            return;
        }
        plan_.edits[entry.macro.file].insert(found->edits.begin(), found->edits.end());
        plan_.shadow.knows_object = true;
        plan_.shadow.has_loop |= found->is_loop;
        plan_.shadow.has_safe_loop |= found->is_safe_loop;
        users_.insert(unit.main_file());
    }

    void add_use(const ParsedUnit& unit, const Contexts& contexts, const MemberUse& use) {
        if (use.name.file != unit.main_file() || !use.function) {
            ask("rewrite.use",
                fmt::format("`{}` is used in {}, outside of the functions of {}", use.member->getName().str(),
                            relative(use.name.file), relative(unit.main_file())),
                "move what uses it into a source file");
            return;
        }
        const bool is_read = use.is_read && !states_.is_constructed(use.member->getName().str());
        const std::string function = is_read ? getter(plan_.shadow) : allocator(plan_.shadow);
        const std::string flags = is_read ? "" : ", " + flags_at(contexts, use);
        (is_read ? plan_.shadow.is_read : plan_.shadow.is_written) = true;
        opened_[use.base][use.name] = fmt::format("{}({}", function, use.is_arrow ? "" : "&");
        plan_.edits[use.access.file].insert({use.access.offset, use.is_arrow ? 2u : 1u, flags + ")->"});
        users_.insert(unit.main_file());
    }

    // `p->next->next`: both accessors begin where p does, the one for the later member first.
    void open(const Place& place, const std::map<Place, std::string>& calls) {
        std::string text;
        for (const auto& [name, call] : calls)
            text.insert(0, call);
        plan_.edits[place.file].insert({place.offset, 0, text});
    }

    std::string flags_at(const Contexts& contexts, const MemberUse& use) {
        const bool is_atomic = contexts.at(*use.function, use.name) == Context::atomic;
        const bool must_exist = states_.must_exist(use.member->getName().str());
        plan_.shadow.must_exist |= must_exist;
        if (must_exist && is_atomic)
            made_late_.insert(fmt::format("{}()", use.function->getName().str()));
        if (is_atomic)
            return must_exist ? "GFP_ATOMIC | __GFP_MEMALLOC" : "GFP_ATOMIC";
        return must_exist ? "GFP_KERNEL | __GFP_NOFAIL" : "GFP_KERNEL";
    }

    // What was begun must have ended before the code of the patch goes.
    void stop(const clang::FieldDecl& member) {
        const std::optional<Deferred> how = deferred(member.getType());
        if (!how)
            return;
        const std::string name = member.getName().str();
        const ParsedUnit& unit = *views_.front().unit;
        const std::set<std::string>& queues = queues_[name];
        if (how->is_rcu)
            plan_.shadow.waits.push_back("rcu_barrier();");
        if (how->is_queued && !queues.empty() && !queues.contains("?")) {
            const char* const flush = unit.declares("__flush_workqueue") ? "__flush_workqueue" : "flush_workqueue";
            for (const std::string& queue : queues)
                plan_.shadow.waits.push_back(fmt::format("{}({});", flush, queue));
        } else if (!how->cancel.empty()) {
            const std::string cancel = unit.declares(how->cancel) ? std::string(how->cancel) : "timer_delete_sync";
            plan_.shadow.cancels.push_back(fmt::format("{}(&each->{});", cancel, name));
        } else if (how->is_queued) {
            ask("rewrite.deferred",
                fmt::format("`{}` is queued on what is no variable of the kernel's: nobody knows what to wait for "
                            "when the patch goes",
                            name),
                "flush the queue in the callback that frees the shadow variables");
        }
    }

    void remark() {
        if (std::ranges::none_of(
                views_, [&](const RecordInUnit& view) { return view.unit->main_file() == view.record.end.file; }))
            plan_.remarks.push_back(fmt::format("{} is of a header. A file that the patch does not change may make and "
                                                "free such objects too: there, {}() "
                                                "has to be called before the object is freed, and for a new one.",
                                                plan_.shadow.record, releaser(plan_.shadow)));
        if (!made_late_.empty())
            plan_.remarks.push_back(fmt::format(
                "{} may not sleep, as far as the sources tell, and an object that is older than the patch gets what it "
                "needs there from the memory that the kernel sets aside. If even that is used up, the kernel warns, "
                "and such objects share one {}.",
                fmt::join(made_late_, ", "), structure_name(plan_.shadow)));
    }

    void check_objects() {
        if (!objects_.on_stacks.empty())
            ask("rewrite.on-stack",
                fmt::format("objects of it are also local variables, of {}(): what is kept beside one would stay when "
                            "the function is left, for whatever comes to that address next",
                            fmt::join(objects_.on_stacks, "(), ")),
                fmt::format("call {}() before these functions are left", releaser(plan_.shadow)));
        if (has_free_ || (!objects_.variables.empty() && !is_allocated_)) {
            check_holders();
            return;
        }
        plan_.shadow.is_freed = true;
        ask("rewrite.no-free",
            "no code that frees such an object was found in the sources that the patch changes: a shadow variable "
            "would "
            "stay when its object is gone, and be found by the next object at that address",
            fmt::format("call {}() where the object is freed", releaser(plan_.shadow)));
    }

    // Of some objects an end was seen; those inside of others end with these.
    void check_holders() {
        for (const auto& [holder, member] : objects_.parts) {
            const bool is_array = member.ends_with("[]");
            const bool stays = objects_.holders.contains(holder) && !made_.contains(holder);
            if (stays || (ended_.contains(holder) && !is_array))
                continue;
            plan_.shadow.is_freed = true;
            ask("rewrite.no-free",
                fmt::format("objects of it are also inside of {} (`{}`), {}: a shadow variable would stay when that is "
                            "gone, and be found by the next object at that address",
                            holder, member,
                            is_array ? "an array whose elements klp-build does not go through"
                                     : "and no code that frees that was found in the sources that the patch changes"),
                fmt::format("call {}() for {} where {} is freed", releaser(plan_.shadow),
                            is_array ? "each element" : "`" + member + "`", holder));
        }
    }

    // A copy of an object has the old members and none of the new ones.
    void check_copies() {
        if (!plan_.shadow.is_written)
            return;
        for (const std::string& copy : copies_)
            ask("rewrite.copied", copy,
                fmt::format("give the copy what it shall have of it behind that line, member by member, with {}() of "
                            "both; or leave it, if the copy is right without",
                            allocator(plan_.shadow)));
    }

    std::string summary() const {
        std::vector<std::string> members, made_ready;
        for (const clang::FieldDecl* member : views_.front().record.members) {
            members.push_back(member->getName().str());
            if (states_.is_constructed(members.back()))
                made_ready.push_back(members.back());
        }
        const Shadow& shadow = plan_.shadow;
        std::string text =
            fmt::format("{} in {} is as it was. Its new member{} {} live{} in a shadow variable, struct {}.",
                        shadow.record, relative(views_.front().record.end.file), members.size() == 1 ? "" : "s",
                        fmt::join(members, ", "), members.size() == 1 ? "s" : "", structure_name(shadow));
        if (shadow.is_written)
            text += " An object that is older than the patch gets it when it is first written to.";
        if (!made_ready.empty())
            text += fmt::format(" {} {} made ready when the code first asks for {}, also where it only looks.",
                                fmt::join(made_ready, ", "), made_ready.size() == 1 ? "is" : "are",
                                made_ready.size() == 1 ? "it" : "them");
        if (shadow.is_read)
            text += made_ready.empty() ? " Until then it reads as " : " The rest reads until then as ";
        if (shadow.is_read && shadow.values.empty())
            text += "zero.";
        else if (shadow.is_read)
            text += "what new objects are set up with.";
        if (has_free_)
            text += " It is freed with its object, and all that are left when the patch is disabled.";
        if (!shadow.owned.empty())
            text += " Of those that are left, what they point to is freed as the patch frees it.";
        return text;
    }

    const std::vector<RecordInUnit>& views_;
    const std::string& root_;
    FirstStates states_;
    ShadowPlan plan_;
    std::set<std::string> users_;
    std::map<Place, std::map<Place, std::string>> opened_;
    std::map<std::string, std::set<std::string>> queues_; // by member
    std::set<std::string> made_late_;                     // functions
    std::set<std::string> asked_;                         // members
    Objects objects_;
    std::set<std::string> made_, ended_; // structures with an object inside
    std::vector<std::string> copies_;
    bool has_free_ = false;
    bool is_allocated_ = false;
};

} // namespace

ShadowPlan plan_shadow(const std::vector<RecordInUnit>& views, const std::string& root) {
    return Planner(views, root).run();
}

} // namespace klp::rewrite
