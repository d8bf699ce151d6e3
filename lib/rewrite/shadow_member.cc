#include "rewrite/shadow_member.h"

#include "rewrite/initialisers.h"
#include "rewrite/lifetimes.h"
#include "rewrite/member_uses.h"
#include "rewrite/objects.h"
#include "rewrite/sleeping.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace klp::rewrite {

namespace {

using report::Finding;
using report::Severity;

bool is_zero(const std::string& value) {
    constexpr std::array<std::string_view, 4> zeros = {"0", "NULL", "false", "0UL"};
    return value.empty() || std::ranges::find(zeros, value) != zeros.end();
}

class Planner {
public:
    Planner(const std::vector<RecordInUnit>& views, const std::string& root) : views_(views), root_(root) {
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
        for (const RecordInUnit& view : views_) {
            plan_.edits[view.record.end.file].merge(std::set(view.record.removals));
            for (const std::string& problem : view.record.problems)
                ask("rewrite.other-change", problem + ": that part no shadow variable can stand for",
                    "leave the members that exist as they are");
            add_unit(view);
        }
        for (const auto& [place, calls] : opened_)
            open(place, calls);
        initialise();
        check_objects();
        plan_.users.assign(users_.begin(), users_.end());
        plan_.summary = summary();
        return std::move(plan_);
    }

private:
    std::string relative(const std::string& file) const {
        return file.starts_with(root_ + "/") ? file.substr(root_.size() + 1) : file;
    }

    void ask(const char* code, std::string message, std::string hint) {
        plan_.questions.push_back({code, Severity::error, relative(views_.front().record.end.file), plan_.shadow.record,
                                   std::move(message), std::move(hint)});
    }

    void add_unit(const RecordInUnit& view) {
        const ParsedUnit& unit = *view.unit;
        const MemberUses found = find_uses(unit, view.record.members);
        const clang::RecordDecl& record = *view.record.members.front()->getParent();
        const Lifetimes lifetimes = find_lifetimes(unit, record);
        for (const std::string& problem : found.problems)
            ask("rewrite.use", problem, "write this use by hand, with the accessors of the patch");
        for (const std::string& problem : lifetimes.problems)
            ask("rewrite.no-free", problem, fmt::format("call {}() there by hand", releaser(plan_.shadow)));
        for (const MemberUse& use : found.uses) {
            note_set_up(use, lifetimes);
            add_use(unit, use);
        }
        for (const LifetimeSite& site : lifetimes.frees)
            release(unit, site, &add_before);
        for (const LifetimeSite& site : lifetimes.resets)
            release(unit, site, &add_before);
        for (const LifetimeSite& site : lifetimes.allocations)
            release(unit, site, &add_behind);
        has_free_ |= !lifetimes.frees.empty();
        objects_.merge(find_objects(unit, record));
        is_allocated_ |= !lifetimes.allocations.empty();
    }

    void release(const ParsedUnit& unit, const LifetimeSite& site,
                 void (*add)(const LifetimeSite&, const std::string&, FileEdits&)) {
        add(site, fmt::format("{}({});", releaser(plan_.shadow), site.object), plan_.edits);
        plan_.shadow.is_freed = true;
        users_.insert(unit.main_file());
    }

    // What the code stores in a new object is what an old one should have had.
    void note_set_up(const MemberUse& use, const Lifetimes& lifetimes) {
        const std::string member = use.member->getName().str();
        if (is_initialiser(use.callee))
            initialisers_.try_emplace(member, fmt::format("{}(&new->{}{});", use.callee, member, use.more_arguments));
        const bool is_new_object =
            use.object && std::ranges::any_of(lifetimes.allocations, [&](const LifetimeSite& site) {
                return site.function == use.function && site.variable == use.object;
            });
        if (is_new_object && !is_zero(use.constant))
            plan_.shadow.values.try_emplace(member, use.constant);
    }

    void add_use(const ParsedUnit& unit, const MemberUse& use) {
        if (use.name.file != unit.main_file() || !use.function) {
            ask("rewrite.use",
                fmt::format("`{}` is used in {}, outside of the functions of {}", use.member->getName().str(),
                            relative(use.name.file), relative(unit.main_file())),
                "move what uses it into a source file");
            return;
        }
        const std::string function = use.is_read ? getter(plan_.shadow) : allocator(plan_.shadow);
        const std::string flags = use.is_read ? "" : ", " + flags_at(unit, use);
        (use.is_read ? plan_.shadow.is_read : plan_.shadow.is_written) = true;
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

    std::string flags_at(const ParsedUnit& unit, const MemberUse& use) {
        const clang::SourceRange range = use.function->getBody()->getSourceRange();
        const Place begin = unit.place_of(range.getBegin()), end = unit.end_of(range.getEnd());
        const std::string_view body = unit.text_of(begin.file).substr(begin.offset, end.offset - begin.offset);
        const Context context = context_at(body, use.name.offset - begin.offset);
        const bool must_be_there = needs_initialiser(use.member->getType());
        if (must_be_there && context == Context::atomic)
            ask("rewrite.atomic-setup",
                fmt::format(
                    "{}() uses `{}`, and an object that is older than the patch gets it there; the function may "
                    "not sleep, as far as the sources tell, so there may be no memory for it",
                    use.function->getName().str(), use.member->getName().str()),
                fmt::format("make it earlier, where sleeping is allowed: {}(object, GFP_KERNEL | __GFP_NOFAIL)",
                            allocator(plan_.shadow)));
        if (context == Context::atomic)
            return "GFP_ATOMIC";
        return must_be_there ? "GFP_KERNEL | __GFP_NOFAIL" : "GFP_KERNEL";
    }

    void initialise() {
        for (const clang::FieldDecl* member : views_.front().record.members) {
            const std::string name = member->getName().str();
            const std::optional<std::string> usual = initialiser_of(member->getType());
            if (const auto known = initialisers_.find(name); known != initialisers_.end())
                plan_.shadow.initialisers.push_back(known->second);
            else if (usual)
                plan_.shadow.initialisers.push_back(fmt::format("{}(&new->{});", *usual, name));
            else if (needs_initialiser(member->getType()))
                ask("rewrite.no-initialiser",
                    fmt::format("zero is no state of `{}` ({}), and the patch does not show how it is made ready", name,
                                member->getType().getAsString()),
                    "make it ready in the constructor of the shadow variable");
        }
    }

    void check_objects() {
        if (!objects_.on_stacks.empty())
            ask("rewrite.on-stack",
                fmt::format("objects of it are also local variables, of {}(): what is kept beside one would stay when "
                            "the function is left, for whatever comes to that address next",
                            fmt::join(objects_.on_stacks, "(), ")),
                fmt::format("call {}() before these functions are left", releaser(plan_.shadow)));
        if (has_free_ || (!objects_.variables.empty() && !is_allocated_))
            return;
        plan_.shadow.is_freed = true;
        ask("rewrite.no-free",
            "no code that frees such an object was found in the sources that the patch changes: a shadow variable "
            "would "
            "stay when its object is gone, and be found by the next object at that address",
            fmt::format("call {}() where the object is freed", releaser(plan_.shadow)));
    }

    std::string summary() const {
        std::vector<std::string> members;
        for (const clang::FieldDecl* member : views_.front().record.members)
            members.push_back(member->getName().str());
        const Shadow& shadow = plan_.shadow;
        std::string text =
            fmt::format("{} in {} is as it was. Its new member{} {} live{} in a shadow variable, struct {}.",
                        shadow.record, relative(views_.front().record.end.file), members.size() == 1 ? "" : "s",
                        fmt::join(members, ", "), members.size() == 1 ? "s" : "", structure_name(shadow));
        if (shadow.is_written)
            text += " An object that is older than the patch gets it when it is first written to.";
        if (shadow.is_read)
            text += " Until then it reads as ";
        if (shadow.is_read && shadow.values.empty())
            text += "zero.";
        else if (shadow.is_read)
            text += "what new objects are set up with.";
        if (has_free_)
            text += " It is freed with its object, and all that are left when the patch is disabled.";
        return text;
    }

    const std::vector<RecordInUnit>& views_;
    const std::string& root_;
    ShadowPlan plan_;
    std::set<std::string> users_;
    std::map<Place, std::map<Place, std::string>> opened_;
    std::map<std::string, std::string> initialisers_; // by member
    Objects objects_;
    bool has_free_ = false;
    bool is_allocated_ = false;
};

} // namespace

ShadowPlan plan_shadow(const std::vector<RecordInUnit>& views, const std::string& root) {
    return Planner(views, root).run();
}

} // namespace klp::rewrite
