// What one pair of functions acquires and releases, other than memory (returned_objects.cc): what the one acquires,
// only its own partner may release.
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <optional>

namespace klp::source {

namespace {

// include/linux/mm.h, asm-generic/io.h, include/linux/{io,dma-mapping,dmapool}.h. Every name that begins so.
struct Family {
    std::string_view acquires, releases;
    std::string_view also_releases{};
};
constexpr std::array families{
    Family{"get_user_page", "put_page", "release_pages"}, // counts one
    Family{"pin_user_page", "unpin_user_page"},           // counts GUP_PIN_COUNTING_BIAS
    Family{"ioremap", "iounmap"},
    Family{"memremap", "memunmap"},
    Family{"dma_alloc_coherent", "dma_free_coherent"},
    Family{"dma_alloc_pages", "dma_free_pages"},
    Family{"dma_alloc_noncoherent", "dma_free_noncoherent"},
    Family{"dma_pool_", "dma_pool_free"},
};

std::string_view acquired_by(std::string_view callee) {
    const auto family = std::ranges::find_if(families, [&](const Family& it) {
        return callee.starts_with(it.acquires) && !callee.starts_with(it.releases) &&
               (it.acquires != "dma_pool_" || callee.find("alloc") != callee.npos);
    });
    return family == families.end() ? std::string_view() : family->acquires;
}

std::string_view released_by(std::string_view callee) {
    const auto family = std::ranges::find_if(families, [&](const Family& it) {
        return callee.starts_with(it.releases) || (!it.also_releases.empty() && callee.starts_with(it.also_releases));
    });
    return family == families.end() ? std::string_view() : family->acquires;
}

struct Release {
    std::string_view by, family;
};

struct Acts {
    std::set<std::string_view> acquired;     // families
    std::map<std::string, Release> released; // by object
};

Acts acts_of(Words words) {
    Acts acts;
    for (size_t at = 0; at + 2 < words.size(); ++at) {
        if (words[at + 1] != "(" || !is_identifier(words[at]))
            continue;
        if (const std::string_view family = acquired_by(words[at]); !family.empty())
            acts.acquired.insert(family);
        else if (const std::string_view of = released_by(words[at]); !of.empty())
            // Of dma_free_coherent() that is the device, which does as well: both sides are asked for one key.
            if (const auto arguments = arguments_of(words, at + 1); arguments && !arguments->empty())
                acts.released.emplace(pointer_of(arguments->front()), Release{words[at], of});
    }
    return acts;
}

} // namespace

//     -	get_user_pages_fast(start, n, 0, b->pages);	-	put_page(b->pages[i]);
//     +	pin_user_pages_fast(start, n, 0, b->pages);	+	unpin_user_page(b->pages[i]);
std::vector<ObjectChange> compare_acquired(const ObjectTexts& texts) {
    std::map<std::string, std::pair<Acts, Acts>> all;
    for (const std::string& function : texts.changed)
        all.emplace(function, std::pair(acts_of(texts.before.at(function)), acts_of(texts.after.at(function))));
    const auto has_other = [](const std::pair<Acts, Acts>& acts, const Release& was, const Release& is) {
        return acts.first.acquired.contains(was.family) && !acts.first.acquired.contains(is.family) &&
               acts.second.acquired.contains(is.family) && !acts.second.acquired.contains(was.family);
    };
    std::vector<ObjectChange> found;
    for (const auto& [function, acts] : all)
        for (const auto& [object, is] : acts.second.released) {
            const auto was = acts.first.released.find(object);
            // What a function acquires and releases itself does not meet other code.
            if (was == acts.first.released.end() || was->second.family == is.family ||
                acts.second.acquired.contains(is.family))
                continue;
            const auto maker = std::ranges::find_if(
                all, [&](const auto& one) { return one.first != function && has_other(one.second, was->second, is); });
            if (maker != all.end()) {
                found.push_back({ObjectChange::Kind::allocator, function, maker->first, object,
                                 std::string(was->second.by), std::string(is.by)});
                break;
            }
        }
    return found;
}

} // namespace klp::source
