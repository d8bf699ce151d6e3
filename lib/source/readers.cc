#include "source/readers.h"

#include "source/primitives.h"
#include "source/words.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace klp::source {

namespace {

using Kind = ReaderChange::Kind;
using Names = std::set<std::string, std::less<>>;

// What a function does, each time by what: "rcu", "srcu s".
struct Acts {
    Names reads, waits;        // RCU
    Names reads_again, writes; // sequence locks
    Names locks;
};

enum class Does : uint8_t { reads, waits, reads_again, writes };

// include/linux/{rcupdate,srcu,rcupdate_trace,seqlock}.h. The first row whose beginning a name has counts.
struct Row {
    std::string_view begin;
    Does does;
    std::string_view what;
    bool is_of_argument = false; // there are several of the kind
};
constexpr std::array rows{Row{"srcu_read_lock", Does::reads, "srcu", true},
                          Row{"rcu_read_lock_trace", Does::reads, "rcu tasks"},
                          Row{"rcu_read_lock", Does::reads, "rcu"},
                          Row{"synchronize_srcu", Does::waits, "srcu", true},
                          Row{"call_srcu", Does::waits, "srcu", true},
                          Row{"synchronize_rcu_tasks", Does::waits, "rcu tasks"},
                          Row{"call_rcu_tasks", Does::waits, "rcu tasks"},
                          Row{"synchronize_rcu", Does::waits, "rcu"},
                          Row{"synchronize_net", Does::waits, "rcu"},
                          Row{"call_rcu", Does::waits, "rcu"},
                          Row{"kfree_rcu", Does::waits, "rcu"},
                          Row{"kvfree_rcu", Does::waits, "rcu"},
                          Row{"read_seqbegin", Does::reads_again, "", true},
                          Row{"read_seqcount_begin", Does::reads_again, "", true},
                          Row{"raw_read_seqcount_begin", Does::reads_again, "", true},
                          Row{"write_seqlock", Does::writes, "", true},
                          Row{"write_seqcount_begin", Does::writes, "", true},
                          Row{"raw_write_seqcount_begin", Does::writes, "", true}};

bool is_guard(std::string_view word) {
    return word == "guard" || word == "scoped_guard";
}

Names& names_of(Acts& acts, Does does) {
    switch (does) {
    case Does::reads:
        return acts.reads;
    case Does::waits:
        return acts.waits;
    case Does::reads_again:
        return acts.reads_again;
    case Does::writes:
        break;
    }
    return acts.writes;
}

Acts acts_of(std::string_view text) {
    Acts acts;
    const std::vector<std::string_view> words = words_of(text);
    for (size_t at = 0; at + 2 < words.size(); ++at) {
        if (words[at + 1] != "(")
            continue;
        // guard(rcu)()
        if (is_guard(words[at]) && words[at + 2] == "rcu")
            acts.reads.insert("rcu");
        const auto row = std::ranges::find_if(rows, [&](const Row& it) { return words[at].starts_with(it.begin); });
        if (row == rows.end())
            continue;
        const std::string argument = row->is_of_argument ? object_of(Words(words).subspan(at + 2)) : std::string();
        const std::string space = row->what.empty() || argument.empty() ? "" : " ";
        names_of(acts, row->does).insert(std::string(row->what).append(space).append(argument));
    }
    for (const PrimitiveUse& use : primitive_uses(text))
        if (use.does == PrimitiveUse::Does::locks)
            acts.locks.insert(use.what);
    return acts;
}

struct Change {
    Acts was, is;
};

// The first that is in `from` only; empty if there is none.
std::string only_in(const Names& from, const Names& other) {
    const auto found = std::ranges::find_if(from, [&](const std::string& name) { return !other.contains(name); });
    return found == from.end() ? std::string() : *found;
}

class Comparison {
public:
    Comparison(const FunctionTexts& before, const FunctionTexts& after) {
        for (const auto& [name, text] : after.functions)
            if (const auto was = before.functions.find(name); was != before.functions.end() && was->second != text)
                changed_.emplace(name, Change{acts_of(was->second), acts_of(text)});
        for (const auto& [name, text] : before.functions)
            if (text.find("seq") != std::string::npos)
                for (const std::string& lock : acts_of(text).reads_again)
                    known_.insert(lock);
    }

    std::vector<ReaderChange> run() {
        for (const auto& [reader, change] : changed_)
            for (const auto& [writer, other] : changed_)
                if (reader != writer) {
                    compare_periods(reader, change, writer, other);
                    compare_sequences(reader, change, writer, other);
                }
        return std::move(found_);
    }

private:
    void add(Kind kind, const std::string& reader, const std::string& writer, std::string was, std::string is) {
        // One of each reader is enough.
        if (std::ranges::none_of(found_,
                                 [&](const ReaderChange& it) { return it.kind == kind && it.reader == reader; }))
            found_.push_back({kind, reader, writer, std::move(was), std::move(is)});
    }
    void compare_periods(const std::string& reader, const Change& read, const std::string& writer,
                         const Change& write) {
        const std::string is = only_in(read.is.reads, read.was.reads);
        const bool waits_now = !is.empty() && write.is.waits.contains(is) && !write.was.waits.contains(is);
        if (!waits_now)
            return;
        const std::string was = only_in(read.was.reads, read.is.reads);
        if (!was.empty() && write.was.waits.contains(was) && !write.is.waits.contains(was))
            return add(Kind::grace_period, reader, writer, was, is);
        // A lock that the writer takes on both sides, and the reader no more.
        for (const std::string& lock : read.was.locks)
            if (!read.is.locks.contains(lock) && write.was.locks.contains(lock) && write.is.locks.contains(lock))
                return add(Kind::unlocked, reader, writer, lock, is);
    }
    void compare_sequences(const std::string& reader, const Change& read, const std::string& writer,
                           const Change& write) {
        const std::string is = only_in(read.is.reads_again, read.was.reads_again);
        if (!is.empty() && !known_.contains(is) && write.is.writes.contains(is) && !write.was.writes.contains(is))
            add(Kind::sequence, reader, writer, {}, is);
    }

    std::map<std::string, Change> changed_;
    Names known_; // sequence locks that somebody read by before
    std::vector<ReaderChange> found_;
};

} // namespace

std::vector<ReaderChange> compare_readers(const FunctionTexts& before, const FunctionTexts& after) {
    return Comparison(before, after).run();
}

} // namespace klp::source
