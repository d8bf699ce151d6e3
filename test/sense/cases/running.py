# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that runs already: what the patch comes too late for, and what old and new code do side by side."""

from case import BINFMT, BUILT, TIMERFD, Case, refused

PIPE, USER, STRINGS = "fs/pipe.c", "kernel/user.c", "lib/string_helpers.c"
PIPE_SIZE = "static unsigned int pipe_max_size = "
PIPE_OPS = "static const struct super_operations pipefs_ops"
PIPE_HELPERS = (PIPE, "#include <linux/syscalls.h>\n",
                "#include <linux/syscalls.h>\n#include <linux/livepatch_helpers.h>\n")
SHOW = "\tseq_printf(m,\n\t\t   \"clockid"
RELEASE = "\ttimerfd_remove_cancel(ctx);\n\n"
RTNL = (TIMERFD, "#include <linux/rcupdate.h>\n", "#include <linux/rcupdate.h>\n#include <linux/rtnetlink.h>\n")
SETUP = "\tspin_lock(&ctx->cancel_lock);\n\tif ((ctx->clockid"
TRANSITION, NOTIFIER = "kernel/livepatch/transition.c", "kernel/notifier.c"
SWITCHING = "\tread_lock(&tasklist_lock);\n\tfor_each_process_thread(g, task)\n\t\tif (!klp_try_switch_task(task))"
TRAPS, TRAP = "arch/x86/kernel/traps.c", "\tshow_signal(tsk, signr, \"trap \", str, regs, error_code);"
BLOCKING = "\tif (rcu_access_pointer(nh->head)) {\n\t\tdown_read(&nh->rwsem);"
NOCB = "\t\tnocb_cb_wait(rdp);\n"
EPOLL = "fs/eventpoll.c"
EPOLL_WAITS = (*("waitqueue_active(&ep->wq)", "wake_up(&ep->wq);") * 4, "wake_up_sync(&ep->wq);",
               "__add_wait_queue_exclusive(&ep->wq, &wait);", "__remove_wait_queue(&ep->wq, &wait);")
COUNT = (TIMERFD, "static LIST_HEAD(cancel_list);", "static struct percpu_counter shown;\nstatic LIST_HEAD(cancel_list);")
FOU, FOU_NET = "net/ipv4/fou_core.c", "struct fou_net {"
NF_LOG = "net/netfilter/nf_log.c"
NF_MUTEX, NF_RCU = "static DEFINE_MUTEX(nf_log_mutex);\n", "\n\trcu_read_lock();\n\tif (loginfo != NULL)"
NF_SRCU = (NF_LOG, NF_MUTEX, NF_MUTEX + "DEFINE_STATIC_SRCU(nf_log_srcu);\n")
NF_WAITS = (NF_LOG, "\tsynchronize_rcu();\n}\nEXPORT_SYMBOL(nf_log_unregister);",
            "\tsynchronize_srcu(&nf_log_srcu);\n}\nEXPORT_SYMBOL(nf_log_unregister);")
NF_READS = (NF_LOG, NF_RCU, "\tint idx;\n" + NF_RCU.replace("rcu_read_lock()", "idx = srcu_read_lock(&nf_log_srcu)"))
NF_READ = (NF_LOG, "loginfo, prefix);\n\t}\n\trcu_read_unlock();", "loginfo, prefix);\n\t}\n\tsrcu_read_unlock(&nf_log_srcu, idx);")
USER_INSERT = "\thlist_add_head(&up->uidhash_node, hashent);"
USER_CODE = (USER, USER_INSERT, "\tpr_info(\"%u\\n\", __kuid_val(up->uid));\n" + USER_INSERT)
ESCAPE = "static bool escape_octal(unsigned char c, char **dst, char *end)\n{\n\tchar *out = *dst;\n"


def _in(function, code):
    """Code at the beginning of what shows, and what releases, a timer."""
    return (TIMERFD, function, f"\t{code}\n{function}")


def _warned(name, edits, *says):
    return Case(f"warned-{name}", edits, BUILT, (*says, "hint: "))


def _harmless(name, *edits):
    return Case(f"harmless-{name}", edits, alone=True)


def _callback(*statements):
    """A pre-patch callback that does the first, a post-unpatch callback that does the second."""
    code = f"static int set_it(struct klp_object *obj)\n{{\n\t{statements[0]}\n\treturn 0;\n}}\nKLP_PRE_PATCH_CALLBACK(set_it);\n\n"
    if len(statements) > 1:
        code += f"static void undo_it(struct klp_object *obj)\n{{\n\t{statements[1]}\n}}\nKLP_POST_UNPATCH_CALLBACK(undo_it);\n\n"
    return (PIPE, PIPE_OPS, code + PIPE_OPS)


def _shadow(*lines, more=""):
    """What shows a timer uses shadow variables; `more` comes before it."""
    before = f"{more}static void timerfd_show("
    return ((TIMERFD, "#include <linux/rcupdate.h>\n", "#include <linux/rcupdate.h>\n#include <linux/livepatch.h>\n"
             "#include <linux/livepatch_helpers.h>\n"),
            (TIMERFD, "static void timerfd_show(", before), _in(SHOW, "\n\t".join(lines)))


def _alloc(size="8", constructor="NULL"):
    return f"klp_shadow_get_or_alloc(ctx, 0x5601, {size}, GFP_KERNEL, {constructor}, NULL);"


FREE = "klp_shadow_free(ctx, 0x5601, NULL);"
FREE_ALL = ("static void free_all(struct klp_object *obj)\n{\n\tklp_shadow_free_all(0x5601, NULL);\n}\n"
            "KLP_POST_UNPATCH_CALLBACK(free_all);\n\n")
CONSTRUCTOR = "static int construct(void *obj, void *data, void *more)\n{{\n\t{}\n\treturn 0;\n}}\n\n"
SLEEPS = CONSTRUCTOR.format("*(void **)data = kmalloc(64, GFP_KERNEL);")
DOES_NOT = CONSTRUCTOR.format("*(void **)data = kmalloc(64, GFP_ATOMIC);")

CASES = [
    refused("initial-value", ((PIPE, PIPE_SIZE + "1048576;", PIPE_SIZE + "2097152;"),),
            r"error\[diff\.data-changed\]", "pipe_max_size", "hint: take this change out.*KLP_PRE_PATCH_CALLBACK"),
    # What that hint says: a module of a callback alone.
    _harmless("initial-value-by-callback", PIPE_HELPERS, _callback("pipe_max_size = 2097152;", "pipe_max_size = 1048576;")),
    refused("read-only-by-callback", (PIPE_HELPERS, _callback("WRITE_ONCE(*(void **)&pipefifo_fops.fasync, NULL);")),
            r"error\[diff\.read-only-write\]", "set_it: it writes to pipefifo_fops", r"read-only data \(\.rodata"),
    refused("folder-without-ftrace", ((STRINGS, ESCAPE, ESCAPE + "\n\tif (c == 7)\n\t\treturn false;\n"),),
            r"error\[diff\.no-ftrace\].*string_escape_mem", r"lib/Makefile:\d+: ccflags-remove", "seq_escape_mem"),
    # A helper that was inlined into an __init function, which has run, and into others.
    Case("noted-inlined-into-init", (USER_CODE,), BUILT, (r"note\[diff\.init-inlined\].*uid_cache_init",)),
    refused("init", (USER_CODE, (USER, "\tfor(n = 0; n < UIDHASH_SZ; ++n)",
                                 "\tpr_info(\"hash\\n\");\n\tfor(n = 0; n < UIDHASH_SZ; ++n)")),
            r"error\[diff\.init-changed\].*uid_cache_init"),
    _warned("reference", (_in(SHOW, "__module_get(THIS_MODULE);"), _in(RELEASE, "module_put(THIS_MODULE);")),
            r"warning\[sense\.refcount-changed\]: fs/timerfd\.c: timerfd_show", r"timerfd_release\(\) gives back"),
    # What the compiler makes a part of another function that stays as it is in the source.
    _warned("lock-in-helper", ((FOU, FOU_NET, "static DEFINE_MUTEX(fou_mutex);\n\n" + FOU_NET),
                               *((FOU, f"mutex_{word}lock(&fn->fou_lock);", f"mutex_{word}lock(&fou_mutex);")
                                 for word in [""] * 5 + ["un"] * 6)),
            r"warning\[sense\.lock-added\].*fou_exit_net: it takes mutex fou_mutex, and so does"),
    _warned("pair-by-name", (_in(SHOW, "file_start_write(file);"), _in(RELEASE, "file_end_write(file);")),
            r"warning\[sense\.refcount-changed\]: fs/timerfd\.c: timerfd_show: it now does what timerfd_release\(\) now undoes"),
    _warned("count-by-name", (COUNT, _in(SHOW, "percpu_counter_inc(&shown);"), _in(RELEASE, "percpu_counter_dec(&shown);")),
            r"warning\[sense\.refcount-changed\]: fs/timerfd\.c: timerfd_show: it takes a reference or count \(count shown\)"),
    _warned("readers", (NF_SRCU, NF_WAITS, NF_READS, NF_READ),
            r"warning\[sense\.readers-changed\].*nf_log_packet: it reads under srcu nf_log_srcu now, was rcu", r"nf_log_unregister\(\)"),
    _harmless("reference-in-one", _in(SHOW, "__module_get(THIS_MODULE);\n\tmodule_put(THIS_MODULE);")),
    _harmless("reference-missing", _in(RELEASE, "module_put(THIS_MODULE);")),
    _warned("lock-order", ((TIMERFD, SETUP, "\tspin_lock(&cancel_lock);\n" + SETUP),),
            r"warning\[sense\.lock-order\].*timerfd_setup_cancel", "cancel_lock, then spinlock ->cancel_lock"),
    _warned("lock-split", (_in(SHOW, "spin_lock(&cancel_lock);"), _in(RELEASE, "spin_unlock(&cancel_lock);")),
            r"warning\[sense\.lock-split\].*timerfd_show", "timerfd_release"),
    _warned("lock-added", (RTNL, *(_in(place, "rtnl_lock();\n\trtnl_unlock();") for place in (SHOW, RELEASE))),
            r"warning\[sense\.lock-added\].*timerfd_release", r"so does timerfd_show"),
    _warned("wait-moved", tuple((EPOLL, old, old.replace("->wq", "->poll_wait")) for old in EPOLL_WAITS),
            r"warning\[sense\.wait-added\].*wait queue ->poll_wait"),
    Case("noted-lock", (RTNL, _in(SHOW, "rtnl_lock();\n\trtnl_unlock();")), BUILT,
         (r"note\[sense\.lock-added\].*timerfd_show",)),
    _warned("callback-without-undo", (PIPE_HELPERS, _callback("pipe_max_size = 2097152;")),
            r"warning\[sense\.callback-undo\].*set_it"),
    _harmless("callback-that-reports", PIPE_HELPERS, _callback("pr_info(\"pipe %u\\n\", pipe_max_size);")),
    _warned("shadow-leak", _shadow(_alloc()), r"warning\[sense\.shadow-leak\].*timerfd_show", "nothing frees it"),
    _warned("shadow-left", _shadow(_alloc(), FREE), r"warning\[sense\.shadow-leak\].*timerfd_show", "klp_shadow_free_all"),
    _harmless("shadow-freed", *_shadow(_alloc(), FREE, more=FREE_ALL)),
    _warned("shadow-sizes", _shadow(_alloc(), _alloc("16"), FREE, more=FREE_ALL),
            r"warning\[sense\.shadow-size\].*timerfd_show", "8 and 16 bytes"),
    refused("shadow-constructor", _shadow(_alloc(constructor="construct"), FREE, more=SLEEPS + FREE_ALL),
            r"error\[sense\.shadow-constructor\].*construct"),
    _harmless("shadow-constructor", *_shadow(_alloc(constructor="construct"), FREE, more=DOES_NOT + FREE_ALL)),
    _warned("livepatch-itself", ((TRANSITION, SWITCHING, "\tpr_info_once(\"own\\n\");\n" + SWITCHING),),
            r"warning\[sense\.conflict\].*klp_try_complete_transition: it is livepatch's own code"),
    _warned("kprobe-blacklist", ((TRAPS, TRAP, "\tpr_debug(\"trap %d\\n\", trapnr);\n" + TRAP),),
            r"warning\[sense\.conflict\].*do_trap: it is on the kprobe blacklist"),
    _harmless("beside-kprobe-blacklist", (NOTIFIER, BLOCKING, "\tbarrier();\n\tmight_sleep();\n" + BLOCKING)),
    # In 6.1 it asks nobody whether it should stop.
    _warned("thread", (("kernel/rcu/tree_nocb.h", NOCB, NOCB + "\t\tpr_debug(\"callbacks\\n\");\n"),),
            r"warning\[sense\.blocks-transition\].*rcu_nocb_cb_kthread: "),
    _warned("timer-removed", ((TIMERFD, "timerfd_tmrproc(struct hrtimer *htmr)", "timerfd_expired(struct hrtimer *htmr)"),
                              (TIMERFD, "function = timerfd_tmrproc;", "function = timerfd_expired;")),
            r"warning\[sense\.callback-removed\]: fs/timerfd\.c:\d+: timerfd_tmrproc"),
    _harmless("timer-changed", (TIMERFD, "\ttimerfd_triggered(ctx);\n\treturn HRTIMER_NORESTART;",
                               "\tbarrier();\n\ttimerfd_triggered(ctx);\n\tpr_debug(\"expired\\n\");\n\treturn HRTIMER_NORESTART;")),
    _warned("flag-reused", (*((BINFMT, "MISC_FMT_OPEN_FILE", "MISC_FMT_SHARED"),) * 6,
                            (BINFMT, "#define MAX_REGISTER_LENGTH 1920\n", "#define MAX_REGISTER_LENGTH 1900\n")),
            r"warning\[sense\.flag-changed\].*MISC_FMT_SHARED: it has the bit of MISC_FMT_OPEN_FILE \(0x10000000\)"),
    _harmless("flag-spelled-otherwise", (BINFMT, "MISC_FMT_OPEN_FILE (1UL << 28)", "MISC_FMT_OPEN_FILE (1UL << 0x1c)"),
             (BINFMT, "#define MAX_REGISTER_LENGTH 1920\n", "#define MAX_REGISTER_LENGTH 1900\n")),
]
