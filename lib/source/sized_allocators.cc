#include "source/sized_allocators.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// include/linux/{slab,vmalloc,gfp,bitmap,device,dma-mapping,percpu}.h, and which of their arguments the size is.
struct Row {
    std::string_view name;
    size_t first, count;
    bool is_of_type = false; // the first argument is the type, or an expression of it
};
constexpr std::array rows{Row{"kmalloc", 0, 1},
                          Row{"kzalloc", 0, 1},
                          Row{"kmalloc_node", 0, 1},
                          Row{"kzalloc_node", 0, 1},
                          Row{"kvmalloc", 0, 1},
                          Row{"kvzalloc", 0, 1},
                          Row{"kvmalloc_node", 0, 1},
                          Row{"kvzalloc_node", 0, 1},
                          Row{"vmalloc", 0, 1},
                          Row{"vzalloc", 0, 1},
                          Row{"vmalloc_node", 0, 1},
                          Row{"vzalloc_node", 0, 1},
                          Row{"vmalloc_user", 0, 1},
                          Row{"vmalloc_array", 0, 2},
                          Row{"vcalloc", 0, 2},
                          Row{"kcalloc", 0, 2},
                          Row{"kcalloc_node", 0, 2},
                          Row{"kvcalloc", 0, 2},
                          Row{"kmalloc_array", 0, 2},
                          Row{"kmalloc_array_node", 0, 2},
                          Row{"kvmalloc_array", 0, 2},
                          Row{"kmalloc_obj", 0, 1, true},
                          Row{"kzalloc_obj", 0, 1, true},
                          Row{"kvmalloc_obj", 0, 1, true},
                          Row{"kvzalloc_obj", 0, 1, true},
                          Row{"kmalloc_objs", 0, 2, true},
                          Row{"kzalloc_objs", 0, 2, true},
                          Row{"kvmalloc_objs", 0, 2, true},
                          Row{"kvzalloc_objs", 0, 2, true},
                          Row{"bitmap_alloc", 0, 1},
                          Row{"bitmap_zalloc", 0, 1},
                          Row{"devm_kzalloc", 1, 1},
                          Row{"devm_kmalloc", 1, 1},
                          Row{"devm_kcalloc", 1, 2},
                          Row{"devm_kmalloc_array", 1, 2},
                          Row{"dma_alloc_coherent", 1, 1},
                          Row{"dmam_alloc_coherent", 1, 1},
                          Row{"alloc_pages", 1, 1},
                          Row{"__get_free_pages", 1, 1},
                          Row{"__alloc_percpu", 0, 1},
                          Row{"sock_kmalloc", 1, 1}};

} // namespace

std::vector<std::vector<std::string_view>> size_arguments(std::string_view allocator,
                                                          const std::vector<Words>& arguments) {
    const auto row = std::ranges::find(rows, allocator, &Row::name);
    std::vector<std::vector<std::string_view>> sizes;
    if (row == rows.end())
        return sizes;
    for (size_t at = row->first; at < std::min(row->first + row->count, arguments.size()); ++at) {
        std::vector<std::string_view>& size = sizes.emplace_back();
        const bool is_type = row->is_of_type && at == row->first;
        if (is_type)
            size = {"sizeof", "("};
        size.insert(size.end(), arguments[at].begin(), arguments[at].end());
        if (is_type)
            size.emplace_back(")");
    }
    return sizes;
}

} // namespace klp::source
