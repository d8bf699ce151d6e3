#include "source/side_by_side.h"

#include "source/lock_instances.h"
#include "source/lock_paths.h"
#include "source/primitives.h"
#include "source/words.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace klp::source {

namespace {

using Does = PrimitiveUse::Does;
using Kind = SideBySide::Kind;
using Texts = std::map<std::string, std::string, std::less<>>;

struct Count {
    int took = 0, gave = 0; // before
    int takes = 0, gives = 0;
    bool gave_first = false, gives_first = false; // gives its caller's up for a while: spin_unlock(); ... spin_lock();

    int more_taken() const { return takes - took; }
    int more_given() const { return gives - gave; }
};

class Comparison {
public:
    Comparison(const FunctionTexts& before, const FunctionTexts& after) : before_(before), after_(after) {
        for (const auto& [name, text] : after.functions)
            if (const auto was = before.functions.find(name); was == before.functions.end() || was->second != text)
                changed_.insert(name);
        for (const auto& [name, text] : before.functions)
            if (!after.functions.contains(name))
                changed_.insert(name);
    }

    std::vector<SideBySide> run() {
        if (changed_.empty())
            return {};
        for (const std::string& name : changed_) {
            if (has_run(name))
                continue;
            count(name, before_.functions, false);
            count(name, after_.functions, true);
        }
        compare_orders();
        for (const auto& [what, functions] : locks_)
            compare_locks(what, functions);
        for (const auto& [what, functions] : locks_)
            compare_removed_locks(what, functions);
        for (const auto& [what, functions] : references_)
            compare_references(what, functions);
        for (const auto& [what, functions] : pairs_)
            compare_pairs(what, functions);
        drop_other_names();
        for (const auto& [what, functions] : waits_)
            compare_waits(what, functions);
        return std::move(found_);
    }

private:
    using ByFunction = std::map<std::string, Count>;

    // The functions that `name` is a part of: itself, or those that call it if there is no other way to it, and all of
    // them are replaced together with it or it has one caller only.
    const std::set<std::string>& whole_of(const std::string& name) {
        auto [place, is_new] = wholes_.try_emplace(name, std::set<std::string>{name});
        if (!is_new)
            return place->second; // also where functions call one another in a circle
        const bool is_on_both_sides = before_.functions.contains(name) && after_.functions.contains(name);
        const Texts& texts = after_.functions.contains(name) ? after_.functions : before_.functions;
        const std::set<std::string> callers = callers_of(name, texts);
        const bool change_together =
            std::ranges::all_of(callers, [&](const std::string& caller) { return changed_.contains(caller); });
        if (callers.empty() || (is_on_both_sides && callers.size() > 1 && !change_together))
            return place->second;
        std::set<std::string> whole;
        for (const std::string& caller : callers)
            whole.merge(std::set<std::string>(whole_of(caller)));
        return wholes_[name] = std::move(whole);
    }
    // Empty if somebody has its address or another file may call it.
    std::set<std::string> callers_of(const std::string& name, const Texts& texts) const {
        if (texts.at(name).find(" static ") == std::string::npos)
            return {};
        const std::string& rest = &texts == &after_.functions ? after_.rest : before_.rest;
        if (count_word(rest, name) != count_word(rest, name + " ("))
            return {};
        std::set<std::string> callers;
        for (const auto& [other, text] : texts) {
            const size_t uses = other == name ? 0 : count_word(text, name);
            if (uses != 0 && uses != count_word(text, name + " ("))
                return {};
            if (uses != 0)
                callers.insert(other);
        }
        return callers;
    }
    // What ran when the kernel or module started, or runs when it ends, does not meet other code.
    bool has_run(const std::string& name) const {
        const Texts& texts = before_.functions.contains(name) ? before_.functions : after_.functions;
        const std::string_view text = texts.at(name);
        const std::string_view head = text.substr(0, text.find('{'));
        return count_word(head, "__init") != 0 || count_word(head, "__exit") != 0;
    }
    std::map<std::string, ByFunction>& kind_of(Does does) {
        if (does == Does::waits || does == Does::wakes)
            return waits_;
        if (does == Does::begins || does == Does::ends)
            return pairs_;
        return does == Does::locks || does == Does::unlocks ? locks_ : references_;
    }
    void count(const std::string& name, const Texts& texts, bool is_after) {
        const auto text = texts.find(name);
        if (text == texts.end())
            return;
        for (const PrimitiveUse& use : primitive_uses(text->second)) {
            if (is_count_of_local(use.what) || is_part_of_caller(use))
                continue;
            for (const std::string& function : whole_of(name)) {
                Count& count = kind_of(use.does)[use.what][function];
                const bool is_taking = use.does == Does::locks || use.does == Does::gets || use.does == Does::waits ||
                                       use.does == Does::begins;
                if (!is_taking && (is_after ? count.takes + count.gives : count.took + count.gave) == 0)
                    (is_after ? count.gives_first : count.gave_first) = true;
                ++(is_after ? (is_taking ? count.takes : count.gives) : (is_taking ? count.took : count.gave));
            }
        }
    }
    // A function of the patch, by whose name it does something: what it really does counts as its caller's anyhow.
    bool is_part_of_caller(const PrimitiveUse& use) {
        if (!changed_.contains(use.spelling) || whole_of(use.spelling).contains(use.spelling))
            return false;
        const Texts& texts = after_.functions.contains(use.spelling) ? after_.functions : before_.functions;
        return std::ranges::any_of(primitive_uses(texts.at(use.spelling)),
                                   [&](const PrimitiveUse& own) { return &kind_of(own.does) == &kind_of(use.does); });
    }
    // "count i" of a loop; "count users" is a variable of the file.
    bool is_count_of_local(const std::string& what) const {
        constexpr std::string_view count = "count ";
        const std::string_view name = std::string_view(what).substr(std::min(what.size(), count.size()));
        return what.starts_with(count) && is_identifier(name) && count_word(before_.rest, name) == 0 &&
               count_word(after_.rest, name) == 0;
    }

    void compare_orders() {
        std::map<LockOrder, std::string> before, after;
        for (const auto& [name, text] : before_.functions)
            for (LockOrder& order : lock_orders(text))
                before.emplace(std::move(order), name);
        for (const std::string& name : changed_)
            if (const auto text = after_.functions.find(name); text != after_.functions.end())
                for (LockOrder& order : lock_orders(text->second))
                    after.emplace(std::move(order), name);
        for (const auto& [order, name] : after)
            if (const auto old = before.find({order.inner, order.outer});
                old != before.end() && !before.contains(order))
                found_.push_back({Kind::lock_order, name, old->second, order.outer + ", then " + order.inner});
        for (const std::string& name : changed_) {
            const auto was = before_.functions.find(name), is = after_.functions.find(name);
            if (was == before_.functions.end() || is == after_.functions.end())
                continue;
            if (const std::string what = taken_the_other_way(was->second, is->second); !what.empty())
                found_.push_back({Kind::lock_order, name, name, "two of " + what});
        }
    }
    void compare_locks(const std::string& what, const ByFunction& functions) {
        std::string keeper, releaser;
        std::vector<std::string> takers;
        for (const auto& [name, count] : functions) {
            if (count.takes > 0 && count.gives == 0 && count.took == 0)
                keeper = name;
            if (count.gives > 0 && count.takes == 0 && count.gave == 0)
                releaser = name;
            if (count.took == 0 && count.takes > 0 && count.gives > 0 && !count.gives_first &&
                before_.functions.contains(name) && !calls_taker(name, what, before_.functions) &&
                !has_by_another_path(name, what, &Count::took))
                takers.push_back(name);
        }
        new_takers_.insert(takers.begin(), takers.end());
        if (!keeper.empty() && !releaser.empty())
            found_.push_back({Kind::lock_split, keeper, releaser, what});
        if (takers.size() > 1)
            found_.push_back({Kind::lock_added, takers[0], takers[1], what});
        else if (takers.size() == 1)
            found_.push_back({Kind::lock_added_once, takers[0], {}, what});
    }
    // Not where another lock is taken in its place: that is said of the other.
    void compare_removed_locks(const std::string& what, const ByFunction& functions) {
        std::vector<std::string> leavers;
        for (const auto& [name, count] : functions)
            if (count.took > 0 && count.gave > 0 && count.takes == 0 && count.gives == 0 && !count.gave_first &&
                after_.functions.contains(name) && !new_takers_.contains(name) &&
                !calls_taker(name, what, after_.functions) && !has_by_another_path(name, what, &Count::takes))
                leavers.push_back(name);
        if (leavers.size() > 1)
            found_.push_back({Kind::lock_removed, leavers[0], leavers[1], what});
    }
    // The lock is another member's to the text, and the same one to all appearance: a helper that is handed the inner
    // object takes `->tc_lock`, where its caller took `->tcon->tc_lock`.
    bool has_by_another_path(const std::string& name, const std::string& what, int Count::* uses) const {
        return std::ranges::any_of(locks_, [&](const auto& one) {
            const auto count = one.second.find(name);
            return one.first != what && is_perhaps_one_lock(one.first, what) && count != one.second.end() &&
                   count->second.*uses > 0;
        });
    }
    // Does a function of the file that `name` calls take it?
    static bool calls_taker(const std::string& name, const std::string& what, const Texts& texts) {
        const std::string& text = texts.at(name);
        return std::ranges::any_of(texts, [&](const auto& other) {
            return other.first != name && count_word(text, other.first + " (") != 0 &&
                   std::ranges::any_of(primitive_uses(other.second), [&](const PrimitiveUse& use) {
                       return use.does == Does::locks && use.what == what;
                   });
        });
    }
    // What one function takes and gives back by itself binds nothing together. Only new code leads to a new function,
    // and nothing leads to one that is gone.
    void compare_references(const std::string& what, const ByFunction& functions) {
        for (const auto& [giver, count] : functions) {
            if (!before_.functions.contains(giver) || !after_.functions.contains(giver))
                continue;
            const bool is_giver = count.more_given() > 0 && count.more_given() > count.more_taken();
            const bool was_giver = count.more_given() < 0 && count.more_given() < count.more_taken();
            for (const auto& [taker, other] : functions) {
                if (taker == giver)
                    continue;
                if (is_giver && other.more_taken() > 0 && is_of_another_count(what, taker, giver))
                    continue;
                if (is_giver && other.more_taken() > 0)
                    return found_.push_back({Kind::count_added, taker, giver, what});
                if (was_giver && other.more_taken() < 0)
                    return found_.push_back({Kind::count_removed, taker, giver, what});
            }
        }
    }

    // By its name, in place of a counter that the same two functions no longer count themselves:
    //     -	sch->q.qlen++;
    //     +	qdisc_qlen_inc(sch);
    bool is_of_another_count(const std::string& what, const std::string& taker, const std::string& giver) const {
        constexpr std::string_view count = "count ";
        if (what.starts_with(count))
            return false;
        return std::ranges::any_of(references_, [&](const auto& one) {
            const auto took = one.second.find(taker), gave = one.second.find(giver);
            return one.first.starts_with(count) && took != one.second.end() && gave != one.second.end() &&
                   took->second.more_taken() < 0 && gave->second.more_given() < 0;
        });
    }
    // By names alone: so only where nobody who undoes it does it as well, and neither did either before (or does now).
    void compare_pairs(const std::string& what, const ByFunction& functions) {
        const auto is_on_both_sides = [&](const std::string& name) {
            return before_.functions.contains(name) && after_.functions.contains(name);
        };
        const auto find = [&](auto is) {
            const auto found = std::ranges::find_if(
                functions, [&](const auto& one) { return is_on_both_sides(one.first) && is(one.second); });
            return found == functions.end() ? std::string() : found->first;
        };
        const auto add = [&](Kind kind, const std::string& one, const std::string& other) {
            if (!one.empty() && !other.empty() && one != other)
                found_.push_back({kind, one, other, what});
        };
        const bool was_there = std::ranges::any_of(functions, [](const auto& one) { return one.second.took > 0; });
        const bool is_there = std::ranges::any_of(functions, [](const auto& one) { return one.second.takes > 0; });
        if (!was_there)
            add(Kind::pair_added, find([](const Count& it) { return it.takes > 0; }),
                find([](const Count& it) { return it.gives > 0 && it.gave == 0 && it.takes == 0; }));
        if (!is_there)
            add(Kind::pair_removed, find([](const Count& it) { return it.took > 0; }),
                find([](const Count& it) { return it.gave > 0 && it.gives == 0 && it.took == 0; }));
    }

    // What the same two functions do in place of what they did, by the same verb, may be the same under another name:
    // register_netdev() and mctp_register_netdev().
    void drop_other_names() {
        const auto verb_of = [](const SideBySide& it) { return it.what.substr(0, it.what.find(" of ")); };
        const auto is_other_name = [&](const SideBySide& it, const SideBySide& other) {
            return it.kind != other.kind && it.one == other.one && it.other == other.other &&
                   verb_of(it) == verb_of(other);
        };
        std::vector<SideBySide> all;
        std::ranges::copy_if(found_, std::back_inserter(all), [](const SideBySide& it) {
            return it.kind == Kind::pair_added || it.kind == Kind::pair_removed;
        });
        std::erase_if(found_, [&](const SideBySide& it) {
            return (it.kind == Kind::pair_added || it.kind == Kind::pair_removed) &&
                   std::ranges::any_of(all, [&](const SideBySide& other) { return is_other_name(it, other); });
        });
    }

    // Nobody did either before: a waker in the old code does not know of who waits in the new.
    void compare_waits(const std::string& what, const ByFunction& functions) {
        std::string waiter, waker;
        for (const auto& [name, count] : functions) {
            if (count.took > 0 || count.gave > 0)
                return;
            if (count.takes > 0)
                waiter = name;
            if (count.gives > 0 && before_.functions.contains(name))
                waker = name;
        }
        if (!waiter.empty() && !waker.empty() && waiter != waker)
            found_.push_back({Kind::wait_added, waiter, waker, what});
    }

    const FunctionTexts& before_;
    const FunctionTexts& after_;
    std::set<std::string> changed_;
    std::map<std::string, std::set<std::string>> wholes_;
    std::map<std::string, ByFunction> locks_, references_, waits_, pairs_; // by what
    std::set<std::string> new_takers_;                                     // of any lock
    std::vector<SideBySide> found_;
};

} // namespace

std::vector<SideBySide> compare_side_by_side(const FunctionTexts& before, const FunctionTexts& after) {
    return Comparison(before, after).run();
}

} // namespace klp::source
