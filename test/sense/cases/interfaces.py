# SPDX-License-Identifier: GPL-2.0-or-later
"""What other code goes by: values of enumerators, prototypes, exports."""

from case import BUILT, EVENTFD, EVENTFD_COUNT, LOOP, Case, refused

CASES = [
    refused("enumerator", ((LOOP, "\tLo_bound,\n", "\tLo_binding,\n\tLo_bound,\n"),),
             r"error\[sense\.enum-changed\]", "Lo_bound is 2, was 1"),
    refused("exported-signature", ((EVENTFD, "void eventfd_ctx_put(struct eventfd_ctx *ctx)\n{\n",
                                     "void eventfd_ctx_put(struct eventfd_ctx *ctx, int more)\n{\n\tif (more)\n\t\treturn;\n"),
                                    (EVENTFD, "eventfd_ctx_put(ctx);", "eventfd_ctx_put(ctx, 0);"),
                                    ("include/linux/eventfd.h", "void eventfd_ctx_put(struct eventfd_ctx *ctx);",
                                     "void eventfd_ctx_put(struct eventfd_ctx *ctx, int more);")),
            r"error\[sense\.prototype-changed\]", "eventfd_ctx_put", "exported",
            r"note\[sense\.version-changed\]", r"eventfd_ctx_put \(0x[0-9a-f]{8}, was 0x[0-9a-f]{8}\)"),
    Case("warned-export", ((EVENTFD, "EXPORT_SYMBOL_GPL(eventfd_ctx_fileget);\n", ""), EVENTFD_COUNT),
         BUILT, (r"warning\[sense\.export-changed\]", "eventfd_ctx_fileget")),
    refused("work-prototype", (("fs/aio.c", "static void free_ioctx(struct work_struct *work)\n{\n",
                                "static void free_ioctx(struct work_struct *work, int more)\n{\n\tif (more)\n\t\treturn;\n"),
                               ("fs/aio.c", "INIT_RCU_WORK(&ctx->free_rwork, free_ioctx);",
                                "INIT_RCU_WORK(&ctx->free_rwork, (work_func_t)free_ioctx);")),
            r"error\[sense\.prototype-changed\]", "free_ioctx", "hands its address out"),
    refused("enum-of-header", (("kernel/kthread.c", "\tKTHREAD_IS_PER_CPU = 0,\n\tKTHREAD_SHOULD_STOP,\n",
                                "\tKTHREAD_SHOULD_STOP = 0,\n\tKTHREAD_IS_PER_CPU,\n"),),
            r"error\[sense\.enum-changed\]", "KTHREAD_IS_PER_CPU is 1, was 0"),
]
