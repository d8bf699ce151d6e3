#include "source/other_queues.h"

#include "source/object_texts.h"
#include "source/primitives.h"

#include <algorithm>
#include <array>
#include <optional>

namespace klp::source {

namespace {

using Kind = OtherQueue::Kind;
using Names = std::set<std::string, std::less<>>;

// include/linux/workqueue.h: which argument the queue is; schedule_work(&w) queues to system_wq.
struct Row {
    std::string_view name;
    bool queues;
    size_t queue;
};
constexpr std::array rows{
    Row{"queue_work", true, 0},        Row{"queue_delayed_work", true, 0},    Row{"mod_delayed_work", true, 0},
    Row{"queue_work_on", true, 1},     Row{"queue_delayed_work_on", true, 1}, Row{"mod_delayed_work_on", true, 1},
    Row{"flush_workqueue", false, 0},  Row{"drain_workqueue", false, 0},      Row{"__flush_workqueue", false, 0},
    Row{"destroy_workqueue", false, 0}};

// What a function does at which queue.
struct Acts {
    std::map<std::string, Names> queued; // by queue: the work
    Names flushed, waited, woken;
};

void read_work(Words words, Acts& acts) {
    for (size_t at = 0; at + 2 < words.size(); ++at) {
        const auto row = std::ranges::find(rows, words[at], &Row::name);
        const bool is_system = words[at] == "schedule_work" || words[at] == "schedule_delayed_work";
        if (words[at + 1] != "(" || (row == rows.end() && !is_system))
            continue;
        const auto arguments = arguments_of(words, at + 1);
        if (!arguments || arguments->empty())
            continue;
        if (is_system)
            acts.queued["system_wq"].insert(object_of(arguments->front()));
        else if (row->queues && arguments->size() > row->queue + 1)
            acts.queued[pointer_of((*arguments)[row->queue])].insert(object_of((*arguments)[row->queue + 1]));
        else if (!row->queues)
            acts.flushed.insert(pointer_of(arguments->front()));
    }
}

Acts acts_of(Words words, const std::string& text) {
    Acts acts;
    read_work(words, acts);
    for (const PrimitiveUse& use : primitive_uses(text)) {
        if (use.does == PrimitiveUse::Does::waits)
            acts.waited.insert(use.what);
        if (use.does == PrimitiveUse::Does::wakes)
            acts.woken.insert(use.what);
    }
    return acts;
}

// One name for another.
struct Swap {
    std::string was, is;
    auto operator<=>(const Swap&) const = default;
};

// Of those that are gone and those that are new, each pair.
std::set<Swap> swaps_of(const Names& before, const Names& after) {
    std::set<Swap> swaps;
    for (const std::string& was : before)
        for (const std::string& is : after)
            if (!after.contains(was) && !before.contains(is))
                swaps.insert({was, is});
    return swaps;
}

std::set<Swap> swaps_of(const Acts& before, const Acts& after) {
    std::set<Swap> swaps;
    for (const auto& [was, works] : before.queued)
        for (const auto& [is, others] : after.queued) {
            const auto stays = after.queued.find(was);
            const auto had = before.queued.find(is);
            for (const std::string& work : works)
                if (was != is && others.contains(work) &&
                    (stays == after.queued.end() || !stays->second.contains(work)) &&
                    (had == before.queued.end() || !had->second.contains(work)))
                    swaps.insert({was, is});
        }
    return swaps;
}

// "->wait" of "wait queue ->wait".
std::string without_kind(const std::string& what) {
    return what.substr(what.find_last_of(' ') + 1);
}

} // namespace

std::vector<OtherQueue> compare_queues(const ObjectTexts& texts) {
    std::map<Swap, std::string> queued, flushed, waited, woken; // the first function that does so
    const auto note = [](std::map<Swap, std::string>& all, const std::set<Swap>& swaps, const std::string& function) {
        for (const Swap& swap : swaps)
            all.emplace(swap, function);
    };
    for (const std::string& function : texts.changed) {
        const Acts was = acts_of(texts.before.at(function), texts.text_before.functions.at(function));
        const Acts is = acts_of(texts.after.at(function), texts.text_after.functions.at(function));
        note(queued, swaps_of(was, is), function);
        note(flushed, swaps_of(was.flushed, is.flushed), function);
        note(waited, swaps_of(was.waited, is.waited), function);
        note(woken, swaps_of(was.woken, is.woken), function);
    }
    std::vector<OtherQueue> found;
    for (const auto& [swap, function] : queued)
        if (const auto other = flushed.find(swap); other != flushed.end())
            found.push_back({Kind::work, function, other->second, swap.was, swap.is});
    for (const auto& [swap, function] : waited)
        if (const auto other = woken.find(swap); other != woken.end() && other->second != function)
            found.push_back({Kind::waiter, function, other->second, without_kind(swap.was), without_kind(swap.is)});
    return found;
}

} // namespace klp::source
