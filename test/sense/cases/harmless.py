# SPDX-License-Identifier: GPL-2.0-or-later
"""Look-alikes: what changes nothing for objects and callers that are there."""

from case import BINFMT, EVENTFD, EVENTFD_COUNT, LOOP, NOTHING_CHANGED, TIMERFD, TIMERFD_CODE, Case, harmless

CASES = [
    Case("nothing-appended", ((TIMERFD, "\tshort unsigned expired;\n", "\tunsigned short expired;\n"),), NOTHING_CHANGED),
    harmless("code-only", TIMERFD_CODE),
    harmless("new-type", (TIMERFD, "struct timerfd_ctx {", "struct shown { int count; int last; };\n"
                           "static struct shown shown;\n\nstruct timerfd_ctx {"),
              (TIMERFD, "seq_printf(m,\n\t\t   \"clockid", "shown.count++;\n\tseq_printf(m,\n\t\t   \"clockid")),
    harmless("signedness", (TIMERFD, "\tint clockid;\n", "\tunsigned int clockid;\n"), TIMERFD_CODE),
    harmless("other-spelling", (TIMERFD, "\tu64 ticks;\n", "\t__u64 ticks;\n"), TIMERFD_CODE),
    harmless("view", (EVENTFD, "\tint id;\n};", "\tunion {\n\t\tint id;\n\t\tunsigned int number;\n\t};\n};"),
              EVENTFD_COUNT),
    harmless("enumerator-at-end", (LOOP, "\tLo_deleting,\n", "\tLo_deleting,\n\tLo_frozen,\n"),
              (LOOP, "if (lo->lo_state != Lo_unbound)", "if (lo->lo_state != Lo_unbound && lo->lo_state != Lo_frozen)")),
    harmless("static-signature", (TIMERFD, "static ktime_t timerfd_get_remaining(struct timerfd_ctx *ctx)\n{\n",
                                   "static ktime_t timerfd_get_remaining(struct timerfd_ctx *ctx, int zero)\n{\n"
                                   "\tif (zero)\n\t\treturn 0;\n"),
              (TIMERFD, "timerfd_get_remaining(ctx))", "timerfd_get_remaining(ctx, ctx->ticks == 77))"),
              *((TIMERFD, "timerfd_get_remaining(ctx))", "timerfd_get_remaining(ctx, 0))"),) * 2),
    harmless("forward-declaration", (TIMERFD, "struct timerfd_ctx {",
              "struct timerfd_ctx;\nstruct never_seen;\n\nstruct timerfd_ctx {"),
              TIMERFD_CODE),
    harmless("shadow", (TIMERFD, "#include <linux/syscalls.h>\n",
                         "#include <linux/syscalls.h>\n#include <linux/livepatch.h>\n"),
              (TIMERFD, "seq_printf(m,\n\t\t   \"clockid",
               "u64 *shown = klp_shadow_get_or_alloc(ctx, 0x5601, sizeof(*shown), GFP_KERNEL, NULL, NULL);\n\n"
               "\tif (shown)\n\t\t(*shown)++;\n\tseq_printf(m,\n\t\t   \"clockid"),
              (TIMERFD, "\tkfree_rcu(ctx, rcu);\n\treturn 0;",
               "\tklp_shadow_free(ctx, 0x5601, NULL);\n\tkfree_rcu(ctx, rcu);\n\treturn 0;"),
              (TIMERFD, "static void timerfd_show(", "#include <linux/livepatch_helpers.h>\n"
               "static void free_all(struct klp_object *obj)\n{\n\tklp_shadow_free_all(0x5601, NULL);\n}\n"
               "KLP_POST_UNPATCH_CALLBACK(free_all);\n\nstatic void timerfd_show(")),
    harmless("const-parameter", (TIMERFD, "static inline bool isalarm(struct timerfd_ctx *ctx)",
                                  "static inline bool isalarm(const struct timerfd_ctx *ctx)"), TIMERFD_CODE),
    harmless("size-of-buffer", (BINFMT, "#define MAX_REGISTER_LENGTH 1920\n", "#define MAX_REGISTER_LENGTH 1900\n")),
]
