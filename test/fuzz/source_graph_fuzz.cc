// Any bytes as a cached include graph: none, or one that survives being written again.
#include "source/include_graph.h"

#include <cstdint>
#include <cstdlib>

using klp::source::IncludeGraph;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto graph = IncludeGraph::parse({reinterpret_cast<const char*>(data), size});
    if (!graph)
        return 0;
    const std::string text = graph->serialise();
    const auto again = IncludeGraph::parse(text);
    if (!again || again->serialise() != text)
        std::abort();
    return 0;
}
