// Objects that one pair of functions makes and another takes back.
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace klp::source {

namespace {

enum Pool : uint8_t { slab = 1, pages = 2, cache = 4, mapped = 8, percpu = 16 };

// include/linux/{slab,vmalloc,gfp,percpu}.h. The first row whose beginning a name has counts.
struct Row {
    std::string_view begin;
    uint8_t pools; // what it may give, or takes
};
constexpr std::array makers{
    Row{"kmem_cache_", cache},      Row{"kvmalloc", slab | mapped}, Row{"kvzalloc", slab | mapped},
    Row{"kvcalloc", slab | mapped}, Row{"vmalloc", mapped},         Row{"vzalloc", mapped},
    Row{"alloc_percpu", percpu},    Row{"__alloc_percpu", percpu},  Row{"kmalloc", slab},
    Row{"kzalloc", slab},           Row{"kcalloc", slab},           Row{"alloc_page", pages}};
constexpr std::array takers{Row{"kmem_cache_free", cache}, Row{"kvfree", slab | mapped}, Row{"vfree", mapped},
                            Row{"free_percpu", percpu},    Row{"kfree", slab},           Row{"free_page", pages},
                            Row{"__free_page", pages}};

template <size_t Size>
uint8_t pools_of(std::string_view name, const std::array<Row, Size>& rows) {
    const auto row = std::ranges::find_if(rows, [&](const Row& it) { return name.starts_with(it.begin); });
    return row == rows.end() ? uint8_t(0) : row->pools;
}

struct Return {
    std::string_view by;
    uint8_t pools = 0;
};

// By object: the function that takes it back.
std::map<std::string, Return> returns_of(Words words) {
    std::map<std::string, Return> returns;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        const uint8_t pools = words[at + 1] == "(" ? pools_of(words[at], takers) : uint8_t(0);
        const std::optional<std::vector<Words>> arguments = pools ? arguments_of(words, at + 1) : std::nullopt;
        if (!arguments || arguments->empty())
            continue;
        // kmem_cache_free(cache, object)
        returns[object_of(pools == cache ? arguments->back() : arguments->front())] = {words[at], pools};
    }
    return returns;
}

struct OtherMaker {
    std::string function;
    uint8_t was = 0, is = 0;
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
                    others.push_back({function, old->second, is});
    }
    return others;
}

} // namespace

// Taking back by another function is right where the old one was wrong, so it counts only together with the maker.
//
//     -	ctx = kmalloc(...);	-	kfree(ctx);
//     +	ctx = vmalloc(...);	+	vfree(ctx);	what kmalloc() made comes to vfree()
std::vector<ObjectChange> compare_returned(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    const std::vector<OtherMaker> others = other_makers(texts);
    if (others.empty())
        return found;
    for (const std::string& function : texts.changed) {
        const std::map<std::string, Return> before = returns_of(texts.before.at(function));
        for (const auto& [object, is] : returns_of(texts.after.at(function))) {
            const auto was = before.find(object);
            if (was == before.end() || was->second.pools == is.pools)
                continue;
            for (const OtherMaker& maker : others)
                if (maker.function != function && (maker.was & was->second.pools) && (maker.was & ~is.pools)) {
                    found.push_back({ObjectChange::Kind::allocator, function, maker.function, object,
                                     std::string(was->second.by), std::string(is.by)});
                    break;
                }
        }
    }
    return found;
}

} // namespace klp::source
