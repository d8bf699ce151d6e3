# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of patches: what is edited, how klp-build ends, what it says of types and interfaces."""

import dataclasses

BUILT, REFUSED, NOTHING_CHANGED = 0, 1, 3


@dataclasses.dataclass(frozen=True)
class Case:
    """
    name    of the case
    edits   (file, old text, new text): each replaces the first such place
    status  klp-build's
    says    regular expressions that the output must match; without any it must not speak of types or interfaces
    """

    name: str
    edits: tuple
    status: int = BUILT
    says: tuple = ()

    @property
    def is_harmless(self):
        """Built, and nothing to say."""
        return self.status == BUILT and not self.says


def _refused(name, edits, *says):
    return Case(f"unsafe-{name}", edits, REFUSED, (*says, "hint: "))


def _layout(name, edits, *says):
    return _refused(name, edits, r"error\[sense\.layout-changed\]", *says)


def _harmless(name, *edits):
    return Case(f"harmless-{name}", edits)


EVENTFD, TIMERFD = "fs/eventfd.c", "fs/timerfd.c"
LOOP, BINFMT = "drivers/block/loop.c", "fs/binfmt_misc.c"

# Changes of code that go with a change of data: what else the patch does.
EVENTFD_COUNT = (EVENTFD, '"eventfd-count: %16llx\\n', '"eventfd-sum: %16llx\\n')
TIMERFD_CODE = (TIMERFD, "spin_unlock_irq(&ctx->wqh.lock);\n\n\tseq_printf(m,",
                "spin_unlock_irq(&ctx->wqh.lock);\n\n\tbarrier();\n\tseq_puts(m, \"timer\\n\");\n\tseq_printf(m,")
TIMERFD_END = "\tspinlock_t cancel_lock;\n\tbool might_cancel;\n"

CASES = [
    _layout("appended", ((TIMERFD, TIMERFD_END, TIMERFD_END + "\tu64 shown;\n"),
                         (TIMERFD, "seq_printf(m,\n\t\t   \"clockid", "ctx->shown++;\n\tseq_printf(m,\n\t\t   \"clockid")),
            r"fs/timerfd\.c:\d+: struct timerfd_ctx", r"`shown` \(u64\) is new at offset \d+", "klp_shadow_get_or_alloc"),
    _layout("first", ((EVENTFD, "struct eventfd_ctx {\n", "struct eventfd_ctx {\n\tu64 seen;\n"),
                      (EVENTFD, "spin_lock_irq(&ctx->wqh.lock);", "spin_lock_irq(&ctx->wqh.lock);\n\tctx->seen++;")),
            "struct eventfd_ctx", r"`seen` \(u64\) is new at offset 0", r"`kref` is at offset 8, was at offset 0"),
    _layout("mutex-at-end", ((EVENTFD, "\tint id;\n};", "\tint id;\n\tstruct mutex lock;\n};"),
                             (EVENTFD, "ctx->flags = flags;", "ctx->flags = flags;\n\tmutex_init(&ctx->lock);")),
            "struct eventfd_ctx", r"`lock` \(struct mutex\) is new"),
    _layout("removed", (("net/packet/internal.h", "\tunsigned long\ttov_in_jiffies;\n", ""),
                        ("net/packet/af_packet.c", "\tp1->tov_in_jiffies = msecs_to_jiffies(p1->retire_blk_tov);\n", ""),
                        ("net/packet/af_packet.c", "pkc->tov_in_jiffies", "msecs_to_jiffies(pkc->retire_blk_tov)")),
            "struct tpacket_kbdq_core", r"`tov_in_jiffies` \(long unsigned int\) at offset \d+ is gone",
            "part of struct packet_ring_buffer, struct packet_sock"),
    _layout("widened", ((TIMERFD, "\tshort unsigned expired;\n", "\tunsigned int expired;\n"), TIMERFD_CODE),
            "struct timerfd_ctx", "`expired` is unsigned int, was short unsigned int"),
    _layout("swapped", ((TIMERFD, "\tktime_t tintv;\n\tktime_t moffs;\n", "\tktime_t moffs;\n\tktime_t tintv;\n"),),
            "`tintv` is at offset (\\d+), was at offset"),
    _layout("middle-of-module", ((LOOP, "\tstruct list_head cmd_list;\n", "\tint depth;\n\tstruct list_head cmd_list;\n"),),
            "struct loop_worker", "`depth`"),
    _layout("bit-field", ((EVENTFD, "\tunsigned int flags;\n\tint id;\n",
                           "\tunsigned int flags : 31;\n\tunsigned int seen : 1;\n\tint id;\n"),),
            "struct eventfd_ctx", "`flags` is unsigned int:31, was unsigned int"),
    _layout("union", ((TIMERFD, "\t\tstruct alarm alarm;\n", "\t\tstruct alarm alarm;\n\t\tu64 space[64];\n"),),
            "struct timerfd_ctx", "its size is"),
    _layout("macro-size", (("kernel/audit.h", "#define AUDIT_NAMES\t5\n", "#define AUDIT_NAMES\t6\n"),),
            "struct audit_context", r"`preallocated_names` is struct audit_names\[6\], was struct audit_names\[5\]"),
    _layout("mutex-in-socket", (("net/packet/internal.h", "\tint\t\t\tcopy_thresh;\n",
                                 "\tint\t\t\tcopy_thresh;\n\tstruct mutex\t\tmore;\n"),),
            "struct packet_sock", r"net/packet/internal\.h:\d+"),
    _layout("embedded", (("drivers/block/zram/zram_drv.h", "\tatomic64_t miss_free;", "\tatomic64_t more;\n\tatomic64_t miss_free;"),),
            "struct zram_stats", "part of struct zram"),
    _layout("typedef", ((BINFMT, "\trefcount_t users;", "\tu64 hits;\n\trefcount_t users;"),), ": Node: ",
            r"`hits` \(u64\) is new"),
    _layout("wide-header", (("include/linux/bpf.h", "\tvoid *security;\n#endif\n\tenum bpf_map_type map_type;\n",
                             "\tvoid *security;\n#endif\n\tunsigned long more;\n\tenum bpf_map_type map_type;\n"),),
            "struct bpf_map", r"the patch reaches \d{3,4} units"),
    # Assembly knows where members of a task are: that is as true a reason.
    _refused("wide-header-of-assembly", (("include/linux/sched.h", "\tunsigned int\t\t\tptrace;\n",
                                          "\tunsigned int\t\t\tptrace;\n\tunsigned long\t\t\tmore;\n"),),
             r"error\[plan\.generated-input\]", "asm-offsets", "struct task_struct"),
    _refused("enumerator", ((LOOP, "\tLo_bound,\n", "\tLo_binding,\n\tLo_bound,\n"),),
             r"error\[sense\.enum-changed\]", "Lo_bound is 2, was 1"),
    _refused("exported-signature", ((EVENTFD, "void eventfd_ctx_put(struct eventfd_ctx *ctx)\n{\n",
                                     "void eventfd_ctx_put(struct eventfd_ctx *ctx, int more)\n{\n\tif (more)\n\t\treturn;\n"),
                                    (EVENTFD, "eventfd_ctx_put(ctx);", "eventfd_ctx_put(ctx, 0);"),
                                    ("include/linux/eventfd.h", "void eventfd_ctx_put(struct eventfd_ctx *ctx);",
                                     "void eventfd_ctx_put(struct eventfd_ctx *ctx, int more);")),
             r"error\[sense\.prototype-changed\]", "eventfd_ctx_put", "exported"),

    Case("warned-hole", ((EVENTFD, "\tstruct kref kref;\n", "\tstruct kref kref;\n\tu32 seen;\n"),
                         (EVENTFD, "spin_lock_irq(&ctx->wqh.lock);", "spin_lock_irq(&ctx->wqh.lock);\n\tctx->seen++;")),
         BUILT, (r"warning\[sense\.hole-filled\]", "struct eventfd_ctx", "`seen`", "hint: ")),
    Case("warned-export", ((EVENTFD, "EXPORT_SYMBOL_GPL(eventfd_ctx_fileget);\n", ""), EVENTFD_COUNT),
         BUILT, (r"warning\[sense\.export-changed\]", "eventfd_ctx_fileget")),
    Case("nothing-appended", ((TIMERFD, "\tshort unsigned expired;\n", "\tunsigned short expired;\n"),), NOTHING_CHANGED),

    _harmless("code-only", TIMERFD_CODE),
    _harmless("new-type", (TIMERFD, "struct timerfd_ctx {", "struct shown { int count; int last; };\n"
                           "static struct shown shown;\n\nstruct timerfd_ctx {"),
              (TIMERFD, "seq_printf(m,\n\t\t   \"clockid", "shown.count++;\n\tseq_printf(m,\n\t\t   \"clockid")),
    _harmless("signedness", (TIMERFD, "\tint clockid;\n", "\tunsigned int clockid;\n"), TIMERFD_CODE),
    _harmless("other-spelling", (TIMERFD, "\tu64 ticks;\n", "\t__u64 ticks;\n"), TIMERFD_CODE),
    _harmless("view", (EVENTFD, "\tint id;\n};", "\tunion {\n\t\tint id;\n\t\tunsigned int number;\n\t};\n};"),
              EVENTFD_COUNT),
    _harmless("enumerator-at-end", (LOOP, "\tLo_deleting,\n", "\tLo_deleting,\n\tLo_frozen,\n"),
              (LOOP, "if (lo->lo_state != Lo_unbound)", "if (lo->lo_state != Lo_unbound && lo->lo_state != Lo_frozen)")),
    _harmless("static-signature", (TIMERFD, "static ktime_t timerfd_get_remaining(struct timerfd_ctx *ctx)\n{\n",
                                   "static ktime_t timerfd_get_remaining(struct timerfd_ctx *ctx, int zero)\n{\n"
                                   "\tif (zero)\n\t\treturn 0;\n"),
              (TIMERFD, "timerfd_get_remaining(ctx))", "timerfd_get_remaining(ctx, ctx->ticks == 77))"),
              *((TIMERFD, "timerfd_get_remaining(ctx))", "timerfd_get_remaining(ctx, 0))"),) * 2),
    _harmless("forward-declaration", (TIMERFD, "struct timerfd_ctx {",
              "struct timerfd_ctx;\nstruct never_seen;\n\nstruct timerfd_ctx {"),
              TIMERFD_CODE),
    _harmless("shadow", (TIMERFD, "#include <linux/syscalls.h>\n",
                         "#include <linux/syscalls.h>\n#include <linux/livepatch.h>\n"),
              (TIMERFD, "seq_printf(m,\n\t\t   \"clockid",
               "u64 *shown = klp_shadow_get_or_alloc(ctx, 0x5601, sizeof(*shown), GFP_KERNEL, NULL, NULL);\n\n"
               "\tif (shown)\n\t\t(*shown)++;\n\tseq_printf(m,\n\t\t   \"clockid"),
              (TIMERFD, "\tkfree_rcu(ctx, rcu);\n\treturn 0;",
               "\tklp_shadow_free(ctx, 0x5601, NULL);\n\tkfree_rcu(ctx, rcu);\n\treturn 0;")),
    _harmless("const-parameter", (TIMERFD, "static inline bool isalarm(struct timerfd_ctx *ctx)",
                                  "static inline bool isalarm(const struct timerfd_ctx *ctx)"), TIMERFD_CODE),
    _harmless("size-of-buffer", (BINFMT, "#define MAX_REGISTER_LENGTH 1920\n", "#define MAX_REGISTER_LENGTH 1900\n")),
]
