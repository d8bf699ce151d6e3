#include "source/moved_steps.h"

#include "source/call_graph.h"
#include "source/steps.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <tuple>

namespace klp::source {

namespace {

using Does = Step::Does;
using Kind = MovedStep::Kind;

size_t count_same(const std::vector<Step>& steps, const Step& step) {
    return static_cast<size_t>(
        std::ranges::count_if(steps, [&](const Step& other) { return is_same_step(step, other); }));
}

// By its name a function that is called once for each object.
bool is_once(std::string_view function) {
    constexpr std::array ends{std::string_view("_init"),  std::string_view("_create"), std::string_view("_probe"),
                              std::string_view("_alloc"), std::string_view("_setup"),  std::string_view("_new")};
    return std::ranges::any_of(ends, [&](std::string_view end) { return function.ends_with(end); });
}

// By function, read once: many functions are asked about one that they all call.
class StepsOfFunctions {
public:
    StepsOfFunctions(const FunctionWords& functions, const std::string& rest) : functions_(functions), rest_(rest) {}

    const std::vector<Step>& of(std::string_view function) {
        const auto [at, is_new] = steps_.try_emplace(function);
        if (is_new)
            at->second = steps_of(functions_.find(function)->second, rest_);
        return at->second;
    }

private:
    const FunctionWords& functions_;
    const std::string& rest_;
    std::map<std::string_view, std::vector<Step>> steps_;
};

struct Sides {
    std::vector<std::string_view> before, after;
    std::vector<Step> did, does;
};

class Comparison {
public:
    explicit Comparison(const ObjectTexts& texts)
        : texts_(texts), did_(texts.before, texts.text_before.rest), does_(texts.after, texts.text_after.rest) {}

    std::vector<MovedStep> run() {
        for (const std::string& function : texts_.changed)
            if (!runs_once(function))
                read(function);
        for (const auto& [to, sides] : sides_)
            for (const Step& step : sides.does)
                if (count_same(sides.did, step) == 0 && !is_balanced(to, step) && is_news(to, step))
                    look_for_loser(to, step);
        return std::move(found_);
    }

private:
    // What ran when the kernel or module started, or runs when it ends, does not meet other code.
    bool runs_once(const std::string& function) const {
        const Words words = texts_.before.at(function);
        return is_declared(words, "__init") || is_declared(words, "__exit");
    }
    void read(const std::string& function) {
        Sides sides{with_own_helpers(texts_.before, texts_.after, function),
                    with_own_helpers(texts_.after, texts_.before, function),
                    {},
                    {}};
        sides.did = steps_of(sides.before, texts_.text_before.rest);
        sides.does = steps_of(sides.after, texts_.text_after.rest);
        if (!sides.did.empty() || !sides.does.empty())
            sides_.emplace(function, std::move(sides));
    }
    // One reference taken and given back in one function has moved together.
    bool is_balanced(const std::string& function, const Step& step) const {
        if (step.does != Does::takes && step.does != Does::gives_back)
            return false;
        Step other = step;
        other.does = step.does == Does::takes ? Does::gives_back : Does::takes;
        const Sides& sides = sides_.at(function);
        return count_same(sides.did, other) != count_same(sides.does, other);
    }
    // Each once for a function.
    bool is_news(const std::string& to, const Step& step) {
        return told_.emplace(to, step.does, step.family + ' ' + step.object).second;
    }
    bool is_made(Words words, std::string_view function, const Step& step) const {
        return step.is_own || made_variables(function, words).contains(step.base);
    }
    // It makes the object, is called once for it, or makes other members of the kind ready besides.
    bool makes(std::string_view function, const Sides& sides, Words words, const Step& step) const {
        if (is_made(words, function, step) || is_once(function))
            return true;
        const auto is_other = [&](const Step& it) {
            return it.does == Does::readies && !is_same_step(it, step) && count_same(sides.did, it) > 0;
        };
        return std::ranges::any_of(sides.does, is_other);
    }
    void look_for_loser(const std::string& to, const Step& step) {
        const Sides& gainer = sides_.at(to);
        const bool is_made_by_gainer = step.does != Does::readies && is_made(gainer.after, to, step);
        if (is_made_by_gainer || by_calls(to, step).before > by_calls(to, step).after)
            return;
        for (const auto& [from, sides] : sides_) {
            const auto old = std::ranges::find_if(sides.did, [&](const Step& it) { return is_same_step(it, step); });
            if (from == to || old == sides.did.end() || !is_lost(from, sides, gainer, *old, step))
                continue;
            if (old->does != Does::readies && is_made(sides.before, from, *old))
                continue;
            if (is_refactoring(from, to, step.does))
                continue;
            if (const std::optional<Kind> kind = kind_of(from, to, *old, step))
                found_.push_back({*kind, from, to, step.object, std::string(step.by)});
            return;
        }
    }
    bool is_lost(const std::string& from, const Sides& sides, const Sides& gainer, const Step& old, const Step& step) {
        const size_t did = count_same(sides.did, old), does = count_same(sides.does, old);
        const bool is_all = does == 0 && by_calls(from, old).after <= by_calls(from, old).before;
        const bool is_as_many = does < did && did - does == count_same(gainer.does, step);
        return (is_all || (does > 0 && is_as_many && old.does != Does::readies)) && !is_balanced(from, old);
    }
    // How often the functions that it calls do it.
    struct ByCalls {
        size_t before = 0, after = 0;
    };
    ByCalls by_calls(const std::string& function, const Step& step) {
        ByCalls count;
        for (std::string_view callee : before_graph().calls_of(function))
            count.before += count_same(did_.of(callee), step);
        for (std::string_view callee : after_graph().calls_of(function))
            count.after += count_same(does_.of(callee), step);
        return count;
    }
    // What one of them no longer does and the other now does may be done as often as before: a third function calls
    // both. What is made ready there is not for those who come to the user by another way: nobody else may.
    bool is_refactoring(const std::string& from, const std::string& to, Does does) {
        const auto is_one = [&](const CallGraph& graph) {
            const auto is_part = [&](std::string_view caller) {
                return does != Does::readies || (graph.runs_only_in(from, caller) && graph.runs_only_in(to, caller));
            };
            return graph.is_call_between(from, to) || graph.runs_only_in(from, to) || graph.runs_only_in(to, from) ||
                   std::ranges::any_of(graph.callers_of_both(from, to), is_part);
        };
        return is_one(before_graph()) || is_one(after_graph());
    }
    std::optional<Kind> kind_of(const std::string& from, const std::string& to, const Step& old,
                                const Step& step) const {
        switch (step.does) {
        case Does::gives_back:
            return Kind::given_back;
        case Does::takes:
            return Kind::taken;
        case Does::removes:
            return Kind::removed;
        case Does::readies:
            break;
        }
        const Sides &loser = sides_.at(from), &gainer = sides_.at(to);
        const bool was_maker = makes(from, loser, loser.before, old), is_maker = makes(to, gainer, gainer.after, step);
        if (was_maker && is_maker)
            return std::nullopt; // all objects have it, whoever made them
        if (is_maker)
            return Kind::readied_by_maker;
        return was_maker ? Kind::readied_by_user : Kind::readied;
    }
    const CallGraph& before_graph() {
        if (!before_graph_)
            before_graph_.emplace(texts_.before, texts_.text_before.rest);
        return *before_graph_;
    }
    const CallGraph& after_graph() {
        if (!after_graph_)
            after_graph_.emplace(texts_.after, texts_.text_after.rest);
        return *after_graph_;
    }

    const ObjectTexts& texts_;
    StepsOfFunctions did_, does_;
    std::map<std::string, Sides> sides_;
    std::set<std::tuple<std::string, Does, std::string>> told_;
    std::optional<CallGraph> before_graph_, after_graph_;
    std::vector<MovedStep> found_;
};

} // namespace

std::vector<MovedStep> compare_steps(const ObjectTexts& texts) {
    return Comparison(texts).run();
}

} // namespace klp::source
