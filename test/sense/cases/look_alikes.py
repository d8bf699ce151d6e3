# SPDX-License-Identifier: GPL-2.0-or-later
"""More look-alikes: each is near to a change that is refused, and is none."""

from case import BINFMT, EVENTFD, EVENTFD_COUNT, TIMERFD, TIMERFD_CODE, harmless

PROC, SIGNALFD, EPOLL = "fs/proc_namespace.c", "fs/signalfd.c", "fs/eventpoll.c"

CASES = [
    # All objects of the type are rows of a table that goes with its only reader.
    harmless("table-column", (PROC, "\tconst char *str;\n};", "\tconst char *str;\n\tint hidden;\n};"),
             (PROC, "if (sb->s_flags & fs_infop->flag)", "if ((sb->s_flags & fs_infop->flag) && !fs_infop->hidden)"),
             (PROC, "{ SB_LAZYTIME, \",lazytime\" },", "{ SB_LAZYTIME, \",lazytime\", 0 },")),
    harmless("table-row", (PROC, "{ SB_DIRSYNC, \",dirsync\" },",
                           "{ SB_DIRSYNC, \",dirsync\" },\n\t\t{ SB_NOUSER, \",nouser\" },")),
    # A type that lives on the stacks of replaced functions only.
    harmless("stack-type", (EVENTFD, "static void eventfd_show_fdinfo(struct seq_file *m, struct file *f)\n{\n",
                            "struct shown {\n\tunsigned long long count;\n\tint more;\n};\n\n"
                            "static void eventfd_show_fdinfo(struct seq_file *m, struct file *f)\n{\n"
                            "\tstruct shown shown = { .count = 1 };\n\n\tbarrier_data(&shown);\n")),
    harmless("comment-in-struct", (TIMERFD, "\tu64 ticks;\n", "\tu64 ticks;\t/* expirations */\n"), TIMERFD_CODE),
    harmless("typedef-of-member", (TIMERFD, "\tktime_t tintv;\n", "\ts64 tintv;\n"), TIMERFD_CODE),
    harmless("pointer-to-const", (EPOLL, "static inline int ep_is_linked(struct epitem *epi)\n{\n",
                                  "static inline int ep_is_linked(const struct epitem *epi)\n{\n\tbarrier();\n")),
    harmless("comment-on-counter", (BINFMT, "\trefcount_t users;", "\trefcount_t users;\t/* of the interpreter */"),
             EVENTFD_COUNT),
    harmless("bool-parameter", (TIMERFD, "static bool timerfd_canceled(struct timerfd_ctx *ctx)\n{\n",
                                "static int timerfd_canceled(struct timerfd_ctx *ctx)\n{\n\tbarrier();\n")),
    harmless("new-enumeration", (SIGNALFD, "struct signalfd_ctx {\n",
                                 "enum {\n\tSIGNALFD_QUIET = 7,\n\tSIGNALFD_LOUD,\n};\n\nstruct signalfd_ctx {\n"),
             (SIGNALFD, "if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))",
              "if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK) && flags != -SIGNALFD_LOUD)")),
    harmless("new-macro", (EVENTFD, "struct eventfd_ctx {\n", "#define EVENTFD_SHOWN 3\n\nstruct eventfd_ctx {\n"),
             EVENTFD_COUNT),
    harmless("static-counter", (SIGNALFD, "static int signalfd_release(struct inode *inode, struct file *file)\n{\n",
                                "static int released;\n\n"
                                "static int signalfd_release(struct inode *inode, struct file *file)\n{\n\treleased++;\n")),
    harmless("forward-function", (TIMERFD, "struct timerfd_ctx {",
                                  "struct timerfd_ctx;\nstatic void timerfd_triggered(struct timerfd_ctx *ctx);\n\n"
                                  "struct timerfd_ctx {"), TIMERFD_CODE),
]
