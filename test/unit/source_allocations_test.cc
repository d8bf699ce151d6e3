#include "source/allocations.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace klp::source;

namespace {

std::vector<std::string> found(std::string_view text) {
    std::vector<std::string> result;
    for (const Allocation& allocation : allocations_of(text, "box"))
        result.push_back(fmt::format("{} {}", allocation.line, allocation.function));
    return result;
}

using Said = std::vector<std::string>;

} // namespace

TEST_CASE("an object is made where its size is given to an allocator") {
    CHECK(found("void f(void)\n{\n\tp = kzalloc(sizeof(struct box), GFP_KERNEL);\n}\n") == Said{"3 kzalloc"});
    CHECK(found("struct box *b;\nb = kvmalloc_node(sizeof(*b), GFP, 1);\n") == Said{"2 kvmalloc_node"});
    CHECK(found("struct box *b;\nb = kzalloc(struct_size(b, arr, n), GFP);\n") == Said{"2 kzalloc"});
    CHECK(found("c = kmem_cache_create(\"b\", sizeof(struct box),\n\t0, 0, NULL);\nd = KMEM_CACHE(box, SLAB);\n") ==
          Said{"1 kmem_cache_create", "3 KMEM_CACHE"});
    CHECK(found("b->cpu = alloc_percpu(struct box);\n") == Said{"1 alloc_percpu"});
    CHECK(found("struct box *b = kmalloc_obj(*b);\nb = kzalloc_obj(struct box, GFP_NOWAIT);\n") ==
          Said{"1 kmalloc_obj", "2 kzalloc_obj"});
    CHECK(found("b = kmem_cache_zalloc(slab, GFP);\nslab = KMEM_CACHE(box, 0);\n") ==
          Said{"1 kmem_cache_zalloc", "2 KMEM_CACHE"});
}

TEST_CASE("other sizes, other calls, other variables of that name are none") {
    CHECK(found("p = kzalloc(sizeof(struct boxes), GFP); struct box *q;\n").empty());
    CHECK(found("struct box *b;\nmemset(b, 0, sizeof(*b));\n").empty());
    CHECK(found("void f(struct box *b) {}\nvoid g(struct bag *b) { b = kzalloc(sizeof(*b), GFP); }\n").empty());
    CHECK(found("struct box *b;\nb = kzalloc(sizeof(b), GFP);\n").empty());
    CHECK(
        found("static struct bag *\nalloc_bag(struct box *b)\n{\n\treturn kmem_cache_zalloc(bags, GFP);\n}\n").empty());
}

TEST_CASE("a source that may have objects of a type other than variables") {
    CHECK(may_make_objects("struct box *b = kmalloc(sizeof(*b), GFP_KERNEL);", "box"));
    CHECK(may_make_objects("#define CB(skb) ((struct box *)((skb)->cb))", "box"));
    CHECK(may_make_objects("return __seq_open_private(file, &ops, sizeof(struct box));", "box"));
    CHECK_FALSE(may_make_objects("struct box { int a; };\nstatic int f(const struct box *b);\n"
                                 "static void g(void) { struct box b; memset(&b, 0, sizeof(b)); f(&b); }\n",
                                 "box"));
    CHECK_FALSE(may_make_objects("x = (struct other *)y; z = sizeof(struct other);", "box"));
}
