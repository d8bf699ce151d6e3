// Where objects end or are copied, with what is kept beside them.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

const std::string kernel = "struct kmem_cache;\nstruct device;\n"
                           "void kmem_cache_free_bulk(struct kmem_cache *, unsigned long, void **);\n"
                           "void devm_kfree(struct device *, const void *);\n"
                           "void free_page(unsigned long);\n"
                           "void free_percpu(void *);\n"
                           "void freeze(void *);\n"
                           "int is_free(void *);\n"
                           "void *memcpy(void *, const void *, unsigned long);\n"
                           "void *kmemdup_noprof(const void *, unsigned long, gfp_t);\n"
                           "#define kmemdup(...) ({ void *_res = kmemdup_noprof(__VA_ARGS__); _res; })\n";

const std::string usual_end = "void put(struct ctx *c)\n{\n\tkfree(c);\n}\n";

// A structure with a new member that f() counts, and other code.
rewrite::Result result_of(const std::string& code) {
    return rewritten(kernel + "struct ctx {\n\tint lock;\n\tlong n; // new\n};\n" +
                     "void f(struct ctx *c)\n{\n\tuse(c->lock);\n\tc->n++; // new\n}\n" + code);
}

std::string end(const std::string& statement) {
    return "void end(struct ctx *c, struct kmem_cache *cache, struct device *d)\n{\n\t" + statement + "\n}\n";
}

std::string outer(const std::string& member, const std::string& use_of_it) {
    return "struct outer {\n\tlong head;\n\tstruct ctx " + member + ";\n};\nvoid g(struct outer *o)\n{\n\tf(" +
           use_of_it + ");\n}\n";
}

} // namespace

TEST_CASE("rewrite: what frees is known by its name and by memory that has no type") {
    for (const char* statement : {"devm_kfree(d, c);", "free_page((unsigned long)c);", "kfree((void *)c);"}) {
        CAPTURE(statement);
        const rewrite::Result result = result_of(end(statement));
        CHECK(codes_of(result) == Codes{});
        CHECK(contains(text_of(result), std::string("\tklp_ctx_free(c);\n\t") + statement));
    }
    for (const char* statement : {"freeze(c);", "use(is_free(c));"}) {
        CAPTURE(statement);
        CHECK(codes_of(result_of(end(statement))) == Codes{"rewrite.no-free"});
    }
}

TEST_CASE("rewrite: objects that are freed several at once are a question") {
    const std::string bulk = "void *gone[4];\n\tint count = 0;\n\n\tgone[count++] = c;\n"
                             "\tkmem_cache_free_bulk(cache, count, gone);";
    CHECK(codes_of(result_of(usual_end + end(bulk))) == Codes{"rewrite.no-free"});
    // Others than these.
    CHECK(codes_of(result_of(usual_end + end("void *gone[4] = {};\n\tlong *other = 0;\n\n\tgone[0] = other;\n"
                                             "\tkmem_cache_free_bulk(cache, 1, gone);"))) == Codes{});
    CHECK(codes_of(result_of(usual_end + end("free_percpu(c);"))) == Codes{"rewrite.no-free"});
    // An array of objects.
    const std::string all = "struct all {\n\tstruct ctx *slots;\n};\n";
    const std::string gone = "void gone(struct all *a)\n{\n\tkfree(a->slots);\n}\n";
    CHECK(codes_of(result_of(all + gone + "void g(struct all *a, int i)\n{\n\tf(&a->slots[i]);\n}\n")) ==
          Codes{"rewrite.no-free"});
    CHECK(codes_of(result_of(all + gone + "void g(struct all *a)\n{\n\tf(a->slots);\n}\n")) == Codes{});
}

TEST_CASE("rewrite: an object that is inside of another one ends with that") {
    CHECK(codes_of(result_of(usual_end + outer("inner", "&o->inner"))) == Codes{"rewrite.no-free"});
    CHECK(codes_of(result_of(usual_end + outer("inner", "&o->inner") +
                             "void gone(struct outer *o)\n{\n\tkfree(o);\n}\n")) == Codes{});
    // One that is never freed, and one that nobody gets to.
    CHECK(codes_of(result_of(usual_end + outer("inner", "&o->inner") +
                             "static struct outer all;\n"
                             "void h(void)\n{\n\tg(&all);\n}\n")) == Codes{});
    CHECK(codes_of(result_of(usual_end + outer("inner", "NULL"))) == Codes{});
    // Nobody goes through an array.
    CHECK(codes_of(result_of(usual_end + outer("inner[4]", "&o->inner[2]") +
                             "void gone(struct outer *o)\n{\n\tkfree(o);\n}\n")) == Codes{"rewrite.no-free"});
}

TEST_CASE("rewrite: a copy of a whole object does not have what is kept beside it") {
    const auto codes = [](const std::string& statement) {
        return codes_of(result_of(usual_end + "void copy(struct ctx *a, struct ctx *b)\n{\n\t" + statement + "\n}\n"));
    };
    CHECK(codes("memcpy(a, b, sizeof(*a));") == Codes{"rewrite.copied"});
    CHECK(codes("a = kmemdup(b, sizeof(*b), GFP_KERNEL);") == Codes{"rewrite.copied"});
    CHECK(codes("*a = *b;") == Codes{"rewrite.copied"});
    CHECK(codes("a->lock = b->lock;") == Codes{});
    CHECK(codes("memcpy(&a->lock, &b->lock, sizeof(a->lock));") == Codes{});
}

TEST_CASE("rewrite: a copy of what nothing is kept beside is no question") {
    const std::string copy = "void copy(struct ctx *a, struct ctx *b)\n{\n\t*a = *b;\n}\n";
    CHECK(codes_of(rewritten("struct ctx {\n\tint lock;\n\tlong n; // new\n};\n" + usual_end + copy +
                             "void f(struct ctx *c)\n{\n\tuse(c->lock);\n\tuse(c->n); // new\n}\n")) == Codes{});
}
