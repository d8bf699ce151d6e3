// A new member of a structure becomes a shadow variable. The result is read by Clang once more, so it compiles.
#include "rewrite_units.h"

#include "rewrite/shadow_code.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

// A structure with a new member, and an end of its objects.
std::string unit(const std::string& member, const std::string& code, const std::string& end = "kfree(c);") {
    return "struct ctx {\n\tint lock;\n\t" + member + " // new\n};\n" + code +
           "void put(struct ctx *c, int last)\n{\n\t" + end + "\n}\n";
}

std::string function(const std::string& statement) {
    return "void f(struct ctx *c, int i)\n{\n\tuse(c->lock);\n\t" + statement + " // new\n}\n";
}

bool becomes(const std::string& member, const std::string& statement, const std::string& expected) {
    const rewrite::Result result = rewritten(unit(member, function(statement)));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "struct ctx {\n\tint lock;\n};\n"));
    CAPTURE(text_of(result));
    return contains(text_of(result), "\n\t" + expected + "\n");
}

} // namespace

TEST_CASE("rewrite: what only reads takes what is there") {
    CHECK(becomes("long n;", "use(c->n);", "use(klp_ctx_get(c)->n);"));
    CHECK(becomes("long n[4];", "use(c->n[i]);", "use(klp_ctx_get(c)->n[i]);"));
    CHECK(becomes("long n[4];", "use(i[c->n]);", "use(i[klp_ctx_get(c)->n]);"));
    CHECK(becomes("unsigned n : 3;", "use(c->n);", "use(klp_ctx_get(c)->n);"));
    CHECK(becomes("struct list_head *n;", "use((long)c->n->next);", "use((long)klp_ctx_get(c)->n->next);"));
    CHECK(becomes("atomic_t n;", "use(atomic_read(&c->n));", "use(atomic_read(&klp_ctx_get(c)->n));"));
    CHECK(becomes("long n;", "use(READ_ONCE(c->n));", "use(READ_ONCE(klp_ctx_get(c)->n));"));
    CHECK(becomes("long n;", "use(sizeof(c->n));", "use(sizeof(klp_ctx_get(c)->n));"));
}

TEST_CASE("rewrite: what may write makes it") {
    const std::string object = "klp_ctx_get_or_alloc(c, GFP_ATOMIC)";
    CHECK(becomes("long n;", "c->n++;", object + "->n++;"));
    CHECK(becomes("long n;", "c->n = i;", object + "->n = i;"));
    CHECK(becomes("long n[4];", "c->n[i] = 1;", object + "->n[i] = 1;"));
    CHECK(becomes("unsigned n : 3;", "c->n = 5;", object + "->n = 5;"));
    CHECK(becomes("atomic_t n;", "atomic_inc(&c->n);", "atomic_inc(&" + object + "->n);"));
    CHECK(becomes("struct { int x; } n;", "c->n.x |= i;", object + "->n.x |= i;"));
    CHECK(
        becomes("struct ctx *n;", "c->n->n = NULL;", "klp_ctx_get_or_alloc(klp_ctx_get(c)->n, GFP_ATOMIC)->n = NULL;"));
}

TEST_CASE("rewrite: an object that is no pointer is taken the address of") {
    const rewrite::Result result =
        rewritten(unit("long n;", "struct outer {\n\tlong head;\n\tstruct ctx inner;\n};\n"
                                  "void f(struct outer *o)\n{\n\tuse(o->head);\n\tuse(o->inner.n); // new\n}\n"
                                  "void gone(struct outer *o)\n{\n\tkfree(o);\n}\n"));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "use(klp_ctx_get(&o->inner)->n);"));
    CHECK(contains(text_of(result), "\tklp_ctx_free(&o->inner);\n\tkfree(o);\n"));
}

TEST_CASE("rewrite: it is freed with the object, whatever stands around the statement") {
    const auto ends = [](const std::string& end) {
        return text_of(rewritten(unit("long n;", function("c->n++;"), end)));
    };
    CHECK(contains(ends("kfree(c);"), "\tklp_ctx_free(c);\n\tkfree(c);\n"));
    CHECK(contains(ends("if (last)\n\t\tkfree(c);"), "\tif (last) {\n\t\tklp_ctx_free(c);\n\t\tkfree(c);\n\t}\n"));
    CHECK(contains(ends("switch (last) {\n\tcase 1:\n\t\tkfree(c);\n\t}"), "\t\tklp_ctx_free(c);\n\t\tkfree(c);\n"));
    CHECK(contains(ends("kfree(container_of(&c->lock, struct ctx, lock));"),
                   "\tklp_ctx_free(container_of(&c->lock, struct ctx, lock));\n\tkfree("));
    CHECK(contains(ends("kfree(c);"), "klp_shadow_free_all(KLP_CTX_ID, NULL);"));
}

TEST_CASE("rewrite: what a member points to is freed of objects that are left, as the patch frees it") {
    const std::string set = function("c->p = 0;");
    const rewrite::Result result = rewritten(unit("void *p;", set, "kfree(c->p); // new\n\tkfree(c);"));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\tkfree(klp_ctx_get(c)->p);"));
    CHECK(contains(text_of(result), "\tkfree(old->p);\n"));
    CHECK(contains(text_of(result), "klp_shadow_free_all(KLP_CTX_ID, klp_ctx_left);"));
    // Whoever only looks at it has no part in it.
    CHECK(contains(text_of(rewritten(unit("void *p;", "void look(void *);\n" + function("look(c->p);")))),
                   "klp_shadow_free_all(KLP_CTX_ID, NULL);"));
}

TEST_CASE("rewrite: what may sleep when it gives back what a member points to is a question") {
    const std::string head = "struct device;\nvoid put_device(struct device *);\n";
    CHECK(codes_of(rewritten(unit("struct device *d;", head + function("c->d = NULL;"),
                                  "put_device(c->d); // new\n\tkfree(c);"))) == Codes{"rewrite.owner"});
}

TEST_CASE("rewrite: it is freed where a callback frees the object") {
    const std::string code =
        "struct kmem_cache;\nvoid kmem_cache_free(struct kmem_cache *, void *);\n"
        "static struct kmem_cache *cache;\n"
        "static void late(int *lock)\n{\n\tstruct ctx *c = container_of(lock, struct ctx, lock);\n\n"
        "\tkmem_cache_free(cache, c);\n}\nvoid (*later)(int *) = late;\n";
    const rewrite::Result result = rewritten(unit("long n;", code + function("c->n++;"), "use(last);"));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\tklp_ctx_free(c);\n\tkmem_cache_free(cache, c);\n"));
}

TEST_CASE("rewrite: it goes where all of the object is overwritten") {
    const std::string reset = "void reset(struct outer *o)\n{\n\tmemset(&o->inner, 0, sizeof(o->inner));\n}\n";
    CHECK(contains(text_of(rewritten(unit("long n;", "struct outer {\n\tlong head;\n\tstruct ctx inner;\n};\n" + reset +
                                                         function("c->n++;")))),
                   "\tklp_ctx_free(&o->inner);\n\tmemset("));
}

TEST_CASE("rewrite: where no object is freed, the author is asked and nothing can be built") {
    const rewrite::Result result = rewritten(unit("long n;", function("c->n++;"), "use(last);"));
    CHECK(codes_of(result) == Codes{"rewrite.no-free"});
    CHECK(contains(text_of(result), "\n#error "));
    // What is freed twice when it is written twice.
    CHECK(codes_of(rewritten(unit("long n;", function("c->n++;"), "struct ctx *d = c;\n\tkfree(d++);")))
              .contains("rewrite.no-free"));
}

TEST_CASE("rewrite: objects that never go need no free") {
    const rewrite::Result result = rewritten(unit(
        "long n;", "static struct ctx all;\nvoid f(void)\n{\n\tuse(all.lock);\n\tall.n++; // new\n}\n", "use(last);"));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "klp_ctx_get_or_alloc(&all, GFP_ATOMIC)->n++;"));
}

TEST_CASE("rewrite: what new objects are set up with is what old ones count as") {
    const rewrite::Result result = rewritten(
        unit("long n;", "struct ctx *make(void)\n{\n\tstruct ctx *c = NULL;\n\n\tc = kzalloc(sizeof(*c), GFP_KERNEL);\n"
                        "\tif (!c)\n\t\treturn NULL;\n\tc->n = 7; // new\n\treturn c;\n}\n" +
                            function("use(c->n);")));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "static const struct klp_ctx klp_ctx_default = {\n\t.n = 7,\n};"));
    CHECK(contains(text_of(result), "\tklp_ctx_get_or_alloc(c, GFP_KERNEL)->n = 7;\n"));
    // What an unpatched task left at that address.
    CHECK(contains(text_of(result), "GFP_KERNEL);\n\tklp_ctx_free(c);\n"));
}

TEST_CASE("rewrite: allocations are seen through the blocks that macros make of them") {
    // kzalloc_obj() and alloc_hooks() of 7.x.
    const std::string macros =
        "void *_kzalloc_noprof(unsigned long, gfp_t);\nint profiled(void);\n"
        "#define hooked(call) ({ typeof(call) _res; if (profiled()) { _res = call; } else _res = call; _res; })\n"
        "#define kzalloc_obj(what) ({ const unsigned long size = sizeof(what); "
        "(typeof(what) *)hooked(_kzalloc_noprof(size, GFP_KERNEL)); })\n";
    const rewrite::Result result =
        rewritten(unit("long n;", macros +
                                      "struct ctx *make(void)\n{\n\tstruct ctx *c = NULL;\n\n\tc = kzalloc_obj(*c);\n"
                                      "\tif (!c)\n\t\treturn NULL;\n\tc->n = 7; // new\n\treturn c;\n}\n" +
                                      function("use(c->n);")));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\n\t.n = 7,\n"));
    CHECK(contains(text_of(result), "c = kzalloc_obj(*c);\n\tklp_ctx_free(c);\n"));
}

TEST_CASE("rewrite: a structure may be a member without a name, if the kernel's compiler is told so") {
    for (const char* option : {"-fms-extensions", "-fms-anonymous-structs"}) {
        CAPTURE(option);
        rewrite::Request request =
            request_of("struct head { long a, b; };\nstruct name { struct head; char rest[8]; };\n"
                       "_Static_assert(sizeof(struct name) == 24, \"\");\n" +
                       unit("long n;", function("c->n++;")));
        for (source::CompileCommand* command : {&request.units[0].original, &request.units[0].patched})
            command->argv.insert(command->argv.begin() + 1, option);
        CHECK(contains(text_of(rewrite::rewrite(request)), "klp_ctx_get_or_alloc(c, GFP_ATOMIC)->n++;"));
    }
}

TEST_CASE("rewrite: a lock is made ready, and there is always memory for it") {
    const rewrite::Result result =
        rewritten(unit("struct mutex m;", function("mutex_lock(&c->m); use(i); mutex_unlock(&c->m);")));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\tmutex_init(&new->m);\n"));
    CHECK(contains(text_of(result), "mutex_lock(&klp_ctx_get_or_alloc(c, GFP_KERNEL | __GFP_NOFAIL)->m);"));
}

TEST_CASE("rewrite: what must be there and comes where nothing may sleep is made of what the kernel sets aside") {
    const rewrite::Result result =
        rewritten(unit("struct list_head l;", "struct list_head all;\n" + function("list_add(&c->l, &all);")));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "klp_ctx_get_or_alloc(c, GFP_ATOMIC | __GFP_MEMALLOC)->l"));
    // What is shared is made ready once, and never again while it is in use.
    CHECK(contains(text_of(result), "if (!xchg(&is_ready, 1))\n\t\tklp_ctx_ctor("));
    CHECK_FALSE(contains(text_of(result), "lost = klp_ctx_default"));
    CHECK(result.remarks.size() == 1);
}

TEST_CASE("rewrite: uses that no accessor can stand for are questions") {
    const std::string macro = "#define N(c) (c)->n\n" + function("use(N(c));");
    CHECK(codes_of(rewritten(unit("long n;", macro))) == Codes{"rewrite.use"});
    CHECK(codes_of(rewritten(unit("long n;", function("use(__builtin_offsetof(struct ctx, n));")))) ==
          Codes{"rewrite.use"});
    const std::string copy = function("struct ctx here = { .n = 1 }; use(here.lock);");
    CHECK(codes_of(rewritten(unit("long n;", copy))) == Codes{"rewrite.use", "rewrite.on-stack"});
}

TEST_CASE("rewrite: what else happens to the structure is a question") {
    const std::string end = "void put(struct ctx *c)\n{\n\tkfree(c);\n}\n";
    const rewrite::Result result =
        rewritten(Texts{{"unit.c", "#include <kernel.h>\nstruct ctx {\n\tint a;\n};\n" + end}},
                  Texts{{"unit.c", "#include <kernel.h>\nstruct ctx {\n\tlong a;\n\tlong n;\n};\n" + end +
                                       "void f(struct ctx *c)\n{\n\tc->n++;\n}\n"}});
    CHECK(codes_of(result) == Codes{"rewrite.other-change"});
}

TEST_CASE("rewrite: two units share the accessors by a header") {
    const std::string includes = "#include <kernel.h>\n#include \"ctx.h\"\n";
    const std::string one = "void one(struct ctx *c)\n{\n", two = "void two(struct ctx *c)\n{\n\tkfree(c);\n";
    const rewrite::Result result =
        rewritten(Texts{{"ctx.h", "struct ctx {\n\tint lock;\n};\n"},
                        {"one.c", includes + one + "}\n"},
                        {"two.c", includes + two + "}\n"}},
                  Texts{{"ctx.h", "struct ctx {\n\tint lock;\n\t/* How many. */\n\tlong n;\n};\n"},
                        {"one.c", includes + one + "\tc->n++;\n}\n"},
                        {"two.c", includes + two + "}\n"}});
    CHECK(codes_of(result) == Codes{});
    CHECK(text_of(result, "ctx.h") == "struct ctx {\n\tint lock;\n};\n");
    CHECK(contains(text_of(result, "klp_ctx.h"), "struct klp_ctx {\n\t/* How many. */\n\tlong n;\n};\n"));
    CHECK(contains(text_of(result, "one.c"), "#include \"klp_ctx.h\"\n"));
    CHECK(contains(text_of(result, "one.c"), "KLP_POST_UNPATCH_CALLBACK("));
    CHECK(contains(text_of(result, "two.c"), "#include \"klp_ctx.h\"\n"));
    CHECK_FALSE(contains(text_of(result, "two.c"), "KLP_POST_UNPATCH_CALLBACK("));
}

TEST_CASE("rewrite: a patch without anything of the kind is refused") {
    CHECK_THROWS_AS(rewritten("void f(int i)\n{\n\tuse(i);\n\tuse(2); // new\n}\n"), report::Refusal);
}

TEST_CASE("rewrite: ids are stable and of their own") {
    rewrite::Shadow one;
    one.origin = "fs/a.c struct a n";
    rewrite::Shadow same = one, other = one;
    same.declarations = "\tlong n;\n";
    other.origin = "fs/b.c struct a n";
    CHECK(rewrite::id_of(one) == rewrite::id_of(same));
    CHECK(rewrite::id_of(one) != rewrite::id_of(other));
}
