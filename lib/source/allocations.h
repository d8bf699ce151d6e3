// Where the sources make objects of a structure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct Allocation {
    unsigned line = 0;
    std::string function; // that allocates: "kzalloc", "kmem_cache_create", "KMEM_CACHE"
};

// The calls in `text`, by the names that the kernel gives such functions, whose size is that of `struct TAG`:
//     p = kzalloc(sizeof(struct TAG), ...)    struct TAG *p; ... p = kmalloc(sizeof(*p), ...)    struct_size(p, ...)
//     kmem_cache_create("tag", sizeof(struct TAG), ...)    KMEM_CACHE(TAG, ...)
//     alloc_percpu(struct TAG)    kmalloc_obj(struct TAG)    kmalloc_obj(*p)
//     slab = KMEM_CACHE(TAG, ...); ... kmem_cache_zalloc(slab, ...)
// In the order of the text; macros are not expanded.
std::vector<Allocation> allocations_of(std::string_view text, std::string_view tag);

// Whether the text, which declares `struct TAG`, may have objects of it other than variables: it allocates one, speaks
// of the size of the type, or takes something else for one by a cast (`(struct TAG *)skb->cb`).
bool may_make_objects(std::string_view text, std::string_view tag);

} // namespace klp::source
