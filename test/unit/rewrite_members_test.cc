// New members that lead back to their object, run later, or are made ready by what only the code knows.
#include "rewrite_units.h"

#include "rewrite/entry_macros.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

std::string entry(const std::string& text) {
    const std::optional<rewrite::EntryEdits> found = rewrite::edits_of_entry(text, 0, "klp_ctx");
    return found ? rewrite::edited(text, found->edits) : "nothing";
}

// A structure with a new member, made in make() and freed in put().
std::string unit(const std::string& member, const std::string& set_up, const std::string& code) {
    return "struct ctx {\n\tint lock;\n\t" + member + " // new\n};\n" + code +
           "struct ctx *make(void *(*how)(int))\n{\n\tstruct ctx *c;\n\n\tc = kzalloc(sizeof(*c), GFP_KERNEL);\n" +
           (set_up.empty() ? "" : "\t" + set_up + " // new\n") +
           "\treturn c;\n}\nvoid put(struct ctx *c)\n{\n\tkfree(c);\n}\n";
}

const std::string handler = "static void handle(struct work_struct *w) // new\n"
                            "{ // new\n"
                            "\tstruct ctx *c = container_of(w, struct ctx, w); // new\n"
                            "\tuse(c->lock); // new\n"
                            "} // new\n";

std::string begin(const std::string& statement) {
    return "void begin(struct ctx *c, struct workqueue_struct **own)\n{\n\tuse(c->lock);\n\t" + statement +
           " // new\n}\n";
}

} // namespace

TEST_CASE("rewrite: from a member back to its object") {
    CHECK(entry("container_of(w, struct ctx, w)") == "container_of(w, struct klp_ctx, w)->object");
    CHECK(entry("container_of(to_delayed_work(w), struct ctx,\n\t d.work)") ==
          "container_of(to_delayed_work(w), struct klp_ctx,\n\t d.work)->object");
    CHECK(entry("list_first_entry(&all, typeof(*c), l)") == "list_first_entry(&all, struct klp_ctx, l)->object");
    CHECK(entry("from_timer(c, t, timer)") == "container_of(t, struct klp_ctx, timer)->object");
    CHECK(entry("list_for_each_entry(c, &all, l)") == "klp_ctx_each(c, &all, l)");
    CHECK(entry("list_for_each_entry_safe(c, n, &all, l)") == "klp_ctx_each_safe(c, n, &all, l)");
    CHECK(entry("list_for_each_entry_rcu(c, &all, l)") == "nothing");
    CHECK(entry("container_of") == "nothing");
    CHECK(entry("container_of(w, struct ctx, w") == "nothing");
}

TEST_CASE("rewrite: a list of objects by a new member") {
    const rewrite::Result result = rewritten(
        unit("struct list_head l;", "INIT_LIST_HEAD(&c->l);",
             "void all(struct list_head *gone)\n{\n\tstruct ctx *c, *n;\n\n"
             "\tlist_for_each_entry_safe(c, n, gone, l) { // new\n\t\tuse(c->lock); // new\n\t} // new\n}\n"));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\tklp_ctx_each_safe(c, n, gone, l) {\n\t\tuse(c->lock);\n\t}\n"));
    CHECK(contains(text_of(result), "struct klp_ctx {\n\tstruct ctx *object;\n\tstruct list_head l;\n};\n"));
    CHECK(contains(text_of(result), "\tnew->object = object;\n"));
}

TEST_CASE("rewrite: a work item ends before its code goes") {
    const auto text = [](const std::string& statement) {
        const rewrite::Result result =
            rewritten(unit("struct work_struct w;", "INIT_WORK(&c->w, handle);", handler + begin(statement)));
        CHECK(codes_of(result) == Codes{});
        return text_of(result);
    };
    const std::string queued = text("schedule_work(&c->w);");
    CHECK(contains(queued, "static void handle(struct work_struct *w);\n"));
    CHECK(contains(queued, "\tINIT_WORK(&new->w, handle);\n"));
    CHECK(contains(queued, "container_of(w, struct klp_ctx, w)->object;"));
    CHECK(contains(queued, "\tflush_workqueue(system_wq);\n"));
    CHECK(contains(queued, "\tklp_ctx_stop();\n\tklp_shadow_free_all("));
    CHECK(contains(text("queue_work(system_wq, &c->w);"), "\tflush_workqueue(system_wq);\n"));
    // Of a queue that is not known, each is asked for.
    const std::string own = text("queue_work(*own, &c->w);");
    CHECK(contains(own, "\t\tcancel_work_sync(&each->w);\n"));
    CHECK(contains(own, "\tlist_add(&new->klp_entry, &klp_ctx_all);\n"));
    CHECK(contains(own, "\tlist_del(&old->klp_entry);\n"));
    CHECK(contains(own, "klp_shadow_free(object, KLP_CTX_ID, klp_ctx_dtor);\n"));
}

TEST_CASE("rewrite: delayed work is cancelled, whatever its queue") {
    const rewrite::Result result = rewritten(unit("struct delayed_work w;", "INIT_DELAYED_WORK(&c->w, handle);",
                                                  "static void handle(struct work_struct *w) // new\n"
                                                  "{ // new\n"
                                                  "\tuse(container_of(w, struct ctx, w.work)->lock); // new\n"
                                                  "} // new\n" +
                                                      begin("schedule_work(&c->w.work);")));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\tuse(container_of(w, struct klp_ctx, w.work)->object->lock);\n"));
    CHECK(contains(text_of(result), "\t\tcancel_delayed_work_sync(&each->w);\n"));
}

TEST_CASE("rewrite: what makes a member ready may need the object, but nothing else") {
    const std::string member = "struct work_struct w;";
    const std::string use_of_it = handler + begin("schedule_work(&c->w);");
    const rewrite::Result result = rewritten(unit(member, "INIT_WORK(&c->w, c->lock ? handle : NULL);", use_of_it));
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "\tstruct ctx *c = object;\n"));
    CHECK(contains(text_of(result), "\tINIT_WORK(&new->w, c->lock ? handle : NULL);\n"));
    CHECK(codes_of(rewritten(unit(member, "INIT_WORK(&c->w, how(1));", use_of_it))) == Codes{"rewrite.no-initialiser"});
}

TEST_CASE("rewrite: only what all new objects have is what old ones count as") {
    const std::string use_of_it = begin("use(c->n);");
    CHECK(contains(text_of(rewritten(unit("long n;", "c->n = 7;", use_of_it))), "\t.n = 7,\n"));
    const rewrite::Result some = rewritten(unit("long n;", "if (how) c->n = 7;", use_of_it));
    CHECK(codes_of(some) == Codes{});
    CHECK(some.remarks.size() == 1);
    CHECK_FALSE(contains(text_of(some), ".n = 7"));
    // What is no constant nobody knows for an old object.
    const rewrite::Result number = rewritten(unit("long n;", "c->n = (long)how;", use_of_it));
    CHECK(codes_of(number) == Codes{});
    CHECK(number.remarks.size() == 1);
    CHECK(codes_of(rewritten(unit("void *n;", "c->n = how(1);", begin("use((long)c->n);")))) ==
          Codes{"rewrite.old-value"});
}

TEST_CASE("rewrite: an object that is kept without its type ends where that is freed") {
    const std::string keeper = "struct keeper {\n\tvoid *data;\n\tvoid *other;\n};\n"
                               "void done(struct keeper *k)\n{\n\tkfree(k->other);\n\tkfree(k->data);\n}\n";
    const std::string text = "struct ctx;\n" + keeper + "struct ctx {\n\tint lock;\n\tlong n; // new\n};\n" +
                             "int make(struct keeper *k)\n{\n\tstruct ctx *c;\n\n"
                             "\tc = kzalloc(sizeof(*c), GFP_KERNEL);\n\tc->n = 1; // new\n"
                             "\tif (!c->lock) {\n\t\tkfree(c);\n\t\treturn 1;\n\t}\n";
    const rewrite::Result kept = rewritten(text + "\tk->data = c;\n\treturn 0;\n}\n" + begin("use(c->n);"));
    CHECK(codes_of(kept) == Codes{});
    CHECK(contains(text_of(kept), "\tkfree(k->other);\n\tklp_ctx_free(k->data);\n\tkfree(k->data);\n"));
    // It is above the structure.
    CHECK(contains(text_of(kept), "\nstruct ctx;\nstatic void klp_ctx_free(struct ctx *object);\n"));
    // What is freed only where making it fails does not show its end.
    CHECK(codes_of(rewritten(text + "\treturn 0;\n}\n" + begin("use(c->n);"))) == Codes{"rewrite.no-free"});
}

TEST_CASE("rewrite: a static function may sleep where all its callers may") {
    const auto flags = [](const std::string& caller) {
        const std::string text = text_of(rewritten(unit("long n;", "",
                                                        "static void inner(struct ctx *c)\n{\n\tuse(c->lock);\n"
                                                        "\tc->n++; // new\n}\n" +
                                                            caller)));
        return contains(text, "get_or_alloc(c, GFP_KERNEL)->n++") ? "GFP_KERNEL" : "GFP_ATOMIC";
    };
    const std::string sleeps = "void one(struct ctx *c, struct mutex *m)\n{\n\tmutex_lock(m);\n\tinner(c);\n}\n";
    CHECK(flags(sleeps) == std::string("GFP_KERNEL"));
    CHECK(flags(sleeps + "void two(struct ctx *c)\n{\n\tinner(c);\n}\n") == std::string("GFP_ATOMIC"));
    CHECK(flags(sleeps + "void (*kept)(struct ctx *) = inner;\n") == std::string("GFP_ATOMIC"));
    CHECK(flags("") == std::string("GFP_ATOMIC"));
}

TEST_CASE("rewrite: a call for memory that may be waited for sleeps, whoever wrote the flags") {
    // kzalloc_obj() of 7.x.
    const std::string macro = "enum { ___GFP_DMA_BIT, ___GFP_DIRECT_RECLAIM_BIT };\n"
                              "#define FLAGS_KERNEL ((gfp_t)(1u << ___GFP_DIRECT_RECLAIM_BIT | 1u))\n"
                              "#define new_object(p) ((typeof(p) *)kzalloc(sizeof(p), FLAGS_KERNEL))\n"
                              "#define new_at_once(p) ((typeof(p) *)kzalloc(sizeof(p), 1u))\n";
    const auto flags = [&](const std::string& before, const std::string& behind) {
        const std::string text =
            text_of(rewritten(macro + unit("long n;", "",
                                           "void f(struct ctx *c, int *l)\n{\n\tlong *m;\n\n\tuse(c->lock);\n\t" +
                                               before + "\n\tc->n++; // new\n\t" + behind + "\n\tuse((long)m);\n}\n")));
        return contains(text, "get_or_alloc(c, GFP_KERNEL)->n++") ? "GFP_KERNEL" : "GFP_ATOMIC";
    };
    CHECK(flags("m = new_object(*m);", "") == std::string("GFP_KERNEL"));
    CHECK(flags("", "m = new_object(*m);") == std::string("GFP_KERNEL"));
    CHECK(flags("m = new_at_once(*m);", "") == std::string("GFP_ATOMIC"));
    CHECK(flags("m = new_object(*m); spin_lock(l);", "spin_unlock(l);") == std::string("GFP_ATOMIC"));
    CHECK(flags("spin_lock(l); m = new_object(*m); spin_unlock(l);", "") == std::string("GFP_ATOMIC"));
}

TEST_CASE("rewrite: of a structure in a header, the author is told of other files") {
    const std::string use_of_it =
        "void f(struct ctx *c)\n{\n\tuse(c->lock);\n}\nvoid put(struct ctx *c)\n{\n\tkfree(c);\n}\n";
    const std::string includes = "#include <kernel.h>\n#include \"ctx.h\"\n";
    std::string counted = use_of_it;
    counted.insert(counted.find("}\n"), "\tc->n++;\n");
    const rewrite::Result result =
        rewritten(Texts{{"ctx.h", "struct ctx {\n\tint lock;\n};\n"}, {"one.c", includes + use_of_it}},
                  Texts{{"ctx.h", "struct ctx {\n\tint lock;\n\tlong n;\n};\n"}, {"one.c", includes + counted}});
    CHECK(codes_of(result) == Codes{});
    REQUIRE(result.remarks.size() == 1);
    CHECK(contains(result.remarks.front(), "klp_ctx_free()"));
}

TEST_CASE("rewrite: a patch of headers only is refused, and why") {
    const auto why = [] {
        try {
            rewritten(Texts{{"ctx.h", "struct ctx {\n\tint lock;\n};\n"}},
                      Texts{{"ctx.h", "struct ctx {\n\tint lock;\n\tlong n;\n};\n"}});
        } catch (const report::Refusal& refusal) {
            return refusal.findings().front().message;
        }
        return std::string();
    };
    CHECK(contains(why(), "headers only"));
}

TEST_CASE("rewrite: who holds an old object was not counted") {
    const std::string counted = unit("refcount_t r;", "refcount_set(&c->r, 1);", begin("refcount_inc(&c->r);"));
    const std::string head = "typedef struct { int refs; } refcount_t;\n"
                             "void refcount_set(refcount_t *, int); void refcount_inc(refcount_t *);\n";
    CHECK(codes_of(rewritten(head + counted)) == Codes{"rewrite.old-value"});
}

TEST_CASE("rewrite: a pointer to a new member may be written through") {
    const auto text = [](const std::string& type) {
        return text_of(
            rewritten("struct pair { long a, b; };\n" + unit("struct pair d;", "",
                                                             "void begin(struct ctx *c)\n{\n\t" + type +
                                                                 "struct pair *own = &c->d; // new\n\tuse(c->lock);\n"
                                                                 "\tuse((long)own); // new\n}\n")));
    };
    CHECK(contains(text(""), "= &klp_ctx_get_or_alloc(c, "));
    CHECK(contains(text("const "), "= &klp_ctx_get(c)->d;"));
}
