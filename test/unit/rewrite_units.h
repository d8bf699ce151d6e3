// Small units in memory, before and after a patch, for the tests of lib/rewrite.
#pragma once

#include "rewrite/rewrite.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace klp::test {

using Texts = std::map<std::string, std::string>; // by name: "unit.c"

// What the units take from the kernel.
inline const std::string kernel_h = "typedef unsigned gfp_t;\n"
                                    "typedef unsigned long long u64;\n"
                                    "#define NULL ((void *)0)\n"
                                    "typedef _Bool bool;\n"
                                    "#define true 1\n"
                                    "#define false 0\n"
                                    "#define GFP_KERNEL 1u\n"
                                    "#define GFP_ATOMIC 2u\n"
                                    "#define __GFP_NOFAIL 4u\n"
                                    "#define __GFP_MEMALLOC 8u\n"
                                    "#define noinline __attribute__((noinline))\n"
                                    "#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))\n"
                                    "#define container_of(p, t, m) ((t *)((char *)(p) - __builtin_offsetof(t, m)))\n"
                                    "struct mutex { long owner; };\n"
                                    "struct list_head { struct list_head *next, *prev; };\n"
                                    "#define list_for_each_entry_safe(pos, n, head, member) "
                                    "for (pos = container_of((head)->next, __typeof__(*pos), member), n = pos; "
                                    "&pos->member != (head); pos = n, n = container_of(n->member.next, __typeof__(*n), "
                                    "member))\n"
                                    "#define LIST_HEAD(name) struct list_head name\n"
                                    "#define list_for_each_entry(pos, head, member) list_for_each_entry_safe(pos, pos, "
                                    "head, member)\n"
                                    "void list_add(struct list_head *, struct list_head *);\n"
                                    "void list_del(struct list_head *);\n"
                                    "struct work_struct { struct list_head entry; };\n"
                                    "struct delayed_work { struct work_struct work; };\n"
                                    "struct workqueue_struct;\n"
                                    "extern struct workqueue_struct *system_wq;\n"
                                    "void init_work(struct work_struct *, void (*)(struct work_struct *));\n"
                                    "#define INIT_WORK(w, f) init_work(w, f)\n"
                                    "#define INIT_DELAYED_WORK(d, f) init_work(&(d)->work, f)\n"
                                    "void queue_work(struct workqueue_struct *, struct work_struct *);\n"
                                    "void schedule_work(struct work_struct *);\n"
                                    "void flush_workqueue(struct workqueue_struct *);\n"
                                    "int cancel_work_sync(struct work_struct *);\n"
                                    "int cancel_delayed_work_sync(struct delayed_work *);\n"
                                    "#define WARN_ONCE(c, ...) ((void)(c))\n"
                                    "int xchg(int *, int);\n"
                                    "typedef struct { int counter; } atomic_t;\n"
                                    "void mutex_init(struct mutex *);\n"
                                    "void mutex_lock(struct mutex *);\n"
                                    "void mutex_unlock(struct mutex *);\n"
                                    "void INIT_LIST_HEAD(struct list_head *);\n"
                                    "void spin_lock(int *);\n"
                                    "void spin_unlock(int *);\n"
                                    "int atomic_read(const atomic_t *);\n"
                                    "void atomic_inc(atomic_t *);\n"
                                    "void *kzalloc(unsigned long, gfp_t);\n"
                                    "void kfree(const void *);\n"
                                    "void *memset(void *, int, unsigned long);\n"
                                    "void use(unsigned long);\n";

inline const std::string livepatch_h = "struct klp_object;\n"
                                       "void *klp_shadow_get(void *, unsigned long);\n"
                                       "void *klp_shadow_get_or_alloc(void *, unsigned long, unsigned long, gfp_t, int "
                                       "(*)(void *, void *, void *), void *);\n"
                                       "void klp_shadow_free(void *, unsigned long, void *);\n"
                                       "void klp_shadow_free_all(unsigned long, void *);\n";

inline const std::string helpers_h =
    "#define KLP_IGNORE_FUNCTION(fn) static void *ignored_##fn = fn\n"
    "#define KLP_PRE_PATCH_CALLBACK(fn) static int (*patch)(struct klp_object *) = fn\n"
    "#define KLP_POST_UNPATCH_CALLBACK(fn) static void (*unpatch)(struct klp_object *) = fn\n";

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::string line;
    for (std::istringstream in(text); std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// A line is the next one of the old text that is the same, else the patch brought it.
inline std::vector<uint32_t> origins_of(const std::string& before, const std::string& after) {
    const std::vector<std::string> old = lines_of(before);
    std::vector<uint32_t> origins;
    auto next = old.begin();
    for (const std::string& line : lines_of(after)) {
        const auto found = std::find(next, old.end(), line);
        origins.push_back(found == old.end() ? 0 : static_cast<uint32_t>(found - old.begin()) + 1);
        next = found == old.end() ? next : found + 1;
    }
    return origins;
}

inline rewrite::Request request_of(Texts before, Texts after) {
    rewrite::Request request;
    request.patched_root = "/new";
    for (const auto& [name, text] : after) {
        request.files["/new/" + name] = {text, origins_of(before[name], text)};
        request.originals["/old/" + name] = before[name];
        if (name.ends_with(".c"))
            request.units.push_back({{"/old", name, {"gcc", "-I/inc", "-c", name}},
                                     {"/new", name, {"gcc", "-I/inc", "-c", name}},
                                     "vmlinux"});
    }
    for (const auto& [path, text] : Texts{{"/inc/kernel.h", kernel_h},
                                          {"/inc/linux/livepatch.h", livepatch_h},
                                          {"/inc/linux/livepatch_helpers.h", helpers_h}}) {
        request.originals[path] = text;
        request.files[path] = {text, origins_of(text, text)};
    }
    return request;
}

// One unit; `text` is with its patch, and its lines that end in "// new" are what the patch brings.
inline rewrite::Request request_of(const std::string& text) {
    std::string before, after, line;
    for (std::istringstream in("#include <kernel.h>\n" + text); std::getline(in, line);) {
        const bool is_new = line.ends_with("// new");
        line = line.substr(0, is_new ? line.find_last_not_of(' ', line.size() - 7) + 1 : line.size()) + "\n";
        after += line;
        before += is_new ? "" : line;
    }
    return request_of(Texts{{"unit.c", before}}, Texts{{"unit.c", after}});
}

inline rewrite::Result rewritten(const Texts& before, const Texts& after) {
    return rewrite::rewrite(request_of(before, after));
}

inline rewrite::Result rewritten(const std::string& text) {
    return rewrite::rewrite(request_of(text));
}

inline std::string text_of(const rewrite::Result& result, const std::string& name = "unit.c") {
    return result.files.at("/new/" + name);
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::multiset<std::string> codes_of(const rewrite::Result& result) {
    std::multiset<std::string> codes;
    for (const report::Finding& question : result.questions)
        codes.insert(question.code);
    return codes;
}

} // namespace klp::test
