// Objects that one pair of functions makes and another takes back.
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace klp::source {

namespace {

using Kind = ObjectChange::Kind;

enum Pool : uint8_t { slab = 1, pages = 2, cache = 4, mapped = 8, percpu = 16, managed = 32, literal = 64 };

// include/linux/{slab,vmalloc,gfp,percpu,device}.h. The first row whose beginning a name has counts.
struct Row {
    std::string_view begin;
    uint8_t pools; // what it may give, or takes
};
constexpr std::array makers{
    Row{"kmem_cache_", cache},
    Row{"kvmalloc", slab | mapped},
    Row{"kvzalloc", slab | mapped},
    Row{"kvcalloc", slab | mapped},
    Row{"kvmemdup", slab | mapped},
    Row{"vmemdup_user", slab | mapped},
    Row{"vmalloc", mapped},
    Row{"vzalloc", mapped},
    Row{"vcalloc", mapped},
    Row{"alloc_percpu", percpu},
    Row{"__alloc_percpu", percpu},
    Row{"kmalloc", slab},
    Row{"kzalloc", slab},
    Row{"kcalloc", slab},
    Row{"kmemdup", slab},
    Row{"memdup_user", slab},
    Row{"kstrdup_const", slab | literal},
    Row{"kstrdup", slab},
    Row{"kasprintf", slab},
    Row{"devm_k", managed}, // goes with its device
    Row{"get_zeroed_page", pages},
    Row{"__get_free_page", pages},
    Row{"alloc_page", pages},
};
constexpr std::array takers{
    Row{"kmem_cache_free", cache}, Row{"kvfree", slab | mapped},       Row{"vfree", mapped}, Row{"free_percpu", percpu},
    Row{"kfree_skb", 0},           Row{"kfree_const", slab | literal}, Row{"kfree", slab},   Row{"devm_kfree", managed},
    Row{"free_page", pages},       Row{"__free_page", pages}};

template <size_t Size>
uint8_t pools_of(std::string_view name, const std::array<Row, Size>& rows) {
    const auto row = std::ranges::find_if(rows, [&](const Row& it) { return name.starts_with(it.begin); });
    return row == rows.end() ? uint8_t(0) : row->pools;
}

struct Return {
    std::string_view by;
    uint8_t pools = 0;
    std::string type; // that the variable points to, or empty
};
using Returns = std::map<std::string, Return>; // by object

Returns returns_of(Words words) {
    Returns returns;
    Pointers pointers;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        pointers.read(words, at);
        const uint8_t pools = words[at + 1] == "(" ? pools_of(words[at], takers) : uint8_t(0);
        const std::optional<std::vector<Words>> arguments = pools ? arguments_of(words, at + 1) : std::nullopt;
        if (!arguments || arguments->empty())
            continue;
        // kmem_cache_free(cache, object), devm_kfree(device, object)
        const bool is_last = pools == cache || pools == managed;
        std::string object = pointer_of(is_last ? arguments->back() : arguments->front());
        std::string type = pointers.type_of(object);
        returns[std::move(object)] = {words[at], pools, std::move(type)};
    }
    return returns;
}

struct OtherMaker {
    std::string function;
    std::string variable, type; // that the object goes to, and its type, or empty
    uint8_t was = 0, is = 0;

    bool makes(const std::string& object, const Return& back) const {
        return variable == object || (!type.empty() && type == back.type);
    }
};

// Who makes objects by a function of another pool than before.
std::vector<OtherMaker> other_makers(const ObjectTexts& texts) {
    std::vector<OtherMaker> others;
    for (const std::string& function : texts.changed) {
        std::map<std::string, uint8_t> was;
        for (const MadeObject& object : made_objects(texts.before.at(function)))
            was[object.variable] = pools_of(object.allocator, makers);
        for (const MadeObject& object : made_objects(texts.after.at(function)))
            if (const auto old = was.find(object.variable); old != was.end())
                if (const uint8_t is = pools_of(object.allocator, makers); is && old->second && is != old->second)
                    others.push_back({function, object.variable, object.type, old->second, is});
    }
    return others;
}

// Taken back by another function than before. What exists is of the old pool; what the new maker makes comes to the old
// taker until all tasks have gone over, and once the patch is disabled.
std::optional<Kind> otherwise(const OtherMaker& maker, const Return& was, const Return& is) {
    if (!(maker.was & was.pools))
        return std::nullopt;
    if (maker.was & ~is.pools)
        return Kind::allocator;
    return (maker.is & ~is.pools) == 0 && (maker.is & ~was.pools) ? std::optional(Kind::new_allocator) : std::nullopt;
}

bool takes_anywhere(const FunctionWords& functions, const std::string& object) {
    return std::ranges::any_of(functions, [&](const auto& one) { return returns_of(one.second).contains(object); });
}

class Comparison {
public:
    Comparison(const ObjectTexts& texts, std::vector<OtherMaker> others) : texts_(texts), others_(std::move(others)) {}

    std::vector<ObjectChange> run() {
        for (const std::string& function : texts_.changed) {
            const Returns before = returns_of(texts_.before.at(function)),
                          after = returns_of(texts_.after.at(function));
            for (const auto& [object, is] : after)
                if (const auto was = before.find(object); was == before.end())
                    add_taken(function, object, is);
                else if (was->second.pools != is.pools)
                    add_other(function, object, was->second, is);
            for (const auto& [object, was] : before)
                if (!after.contains(object))
                    add_left(function, object, was);
        }
        return std::move(found_);
    }

private:
    void add_other(const std::string& function, const std::string& object, const Return& was, const Return& is) {
        // A buffer of its own does not meet other code.
        if (std::ranges::any_of(made_objects(texts_.after.at(function)),
                                [&](const MadeObject& made) { return made.variable == object; }))
            return;
        for (const OtherMaker& maker : others_)
            if (const std::optional<Kind> kind = otherwise(maker, was, is); kind && maker.function != function) {
                found_.push_back({*kind, function, maker.function, object, std::string(was.by), std::string(is.by)});
                return;
            }
    }
    // What went with its device before.
    void add_taken(const std::string& function, const std::string& object, const Return& is) {
        for (const OtherMaker& maker : others_)
            if (maker.function != function && maker.was == managed && (maker.is & is.pools) &&
                maker.makes(object, is) && !takes_anywhere(texts_.before, object)) {
                found_.push_back({Kind::managed, function, maker.function, object, {}, std::string(is.by)});
                return;
            }
    }
    // What goes with its device now.
    void add_left(const std::string& function, const std::string& object, const Return& was) {
        for (const OtherMaker& maker : others_)
            if (maker.function != function && maker.is == managed && (maker.was & was.pools) &&
                maker.makes(object, was)) {
                found_.push_back({Kind::now_managed, function, maker.function, object, std::string(was.by), {}});
                return;
            }
    }

    const ObjectTexts& texts_;
    std::vector<OtherMaker> others_;
    std::vector<ObjectChange> found_;
};

} // namespace

// Taking back by another function is right where the old one was wrong, so it counts only together with the maker.
//
//     -	ctx = kmalloc(...);	-	kfree(ctx);
//     +	ctx = vmalloc(...);	+	vfree(ctx);	what kmalloc() made comes to vfree()
//     +	ctx = kvmalloc(...);	+	kvfree(ctx);	what kvmalloc() made comes to the old kfree()
std::vector<ObjectChange> compare_returned(const ObjectTexts& texts) {
    std::vector<OtherMaker> others = other_makers(texts);
    if (others.empty())
        return {};
    return Comparison(texts, std::move(others)).run();
}

} // namespace klp::source
