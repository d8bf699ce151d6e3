# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects that exist: made, filled in and stored by the old code, with the layout that the new code expects as well."""

from case import BUILT, EVENTFD, TIMERFD, Case, harmless, refused

SIGNALFD, AIO, FUTEX, USER, TRACE = "fs/signalfd.c", "fs/aio.c", "kernel/futex/core.c", "kernel/user.c", "kernel/trace/bpf_trace.c"
EPOLL, MQUEUE, TUN = "fs/eventpoll.c", "ipc/mqueue.c", "drivers/net/tun.c"
COMPARES = "return (p1->file > p2->file ? +1:\n\t        (p1->file < p2->file ? -1 : p1->fd - p2->fd));"
EVENTFD_ALLOC = "ctx = kmalloc(sizeof(*ctx), GFP_KERNEL);"
EVENTFD_POLL = "count = READ_ONCE(ctx->count);"
EVENTFD_INCLUDE = "#include <linux/kref.h>\n"
EVENTFD_END = "\teventfd_ctx_put(ctx);\n\treturn 0;"
TIMERFD_MADE = "\tspin_lock_init(&ctx->cancel_lock);\n\tctx->clockid"
TIMERFD_SHOW = "\tseq_printf(m,\n\t\t   \"clockid"
SIGNALFD_SHOW = "\tstruct signalfd_ctx *ctx = f->private_data;\n\tsigset_t sigmask;\n"
SIGNALFD_SHOW_OLD = "\tstruct signalfd_ctx *ctx = f->private_data;\n"
PIPE, SIMPLE, FAILOVER, RING, VIRTIO = ("fs/pipe.c", "net/sched/act_simple.c", "net/core/failover.c", "io_uring/io_uring.c",
                                       "drivers/virtio/virtio_pci_common.c")
FAILOVER_OPS, FAILOVER_END = "\trcu_assign_pointer(failover->ops, ops);", "\tkfree(failover);\n}\nEXPORT_SYMBOL_GPL(failover_unregister);"
RING_ALLOC, RING_WORK = "static __cold struct io_ring_ctx *io_ring_ctx_alloc(", "\tINIT_WORK(&ctx->exit_work, io_ring_exit_work);\n"
RING_MADE = "\tinit_completion(&ctx->ref_comp);\n"
VIRTIO_CONFIG = "vp_config_changed(int irq, void *opaque)\n{\n\tstruct virtio_pci_device *vp_dev = opaque;\n"
VIRTIO_GIVEN = "vp_config_changed, 0, vp_dev->msix_names[v],\n\t\t\t  vp_dev);"
WORK = "\tstruct kioctx *ctx = container_of(to_rcu_work(work), struct kioctx,\n\t\t\t\t\t  free_rwork);\n"


def _warned(name, edits, *says):
    return Case(f"warned-{name}", edits, BUILT, (*says, "hint: "))


CASES = [
    _warned("allocation-size", ((EVENTFD, EVENTFD_ALLOC, "ctx = kmalloc(sizeof(*ctx) + sizeof(u64), GFP_KERNEL);"),
                                (EVENTFD, EVENTFD_POLL, EVENTFD_POLL + "\n\tcount += *(u64 *)(ctx + 1);")),
            r"warning\[sense\.allocation-changed\].*do_eventfd", "objects that exist have the old size"),
    _warned("first-references", ((EVENTFD, "kref_init(&ctx->kref);", "refcount_set(&ctx->kref.refcount, 2);"),
                                 (EVENTFD, EVENTFD_END, "\teventfd_ctx_put(ctx);\n" + EVENTFD_END)),
            r"warning\[sense\.refcount-changed\].*do_eventfd: it makes objects with 2 references in ->kref, was 1"),
    _warned("first-value", ((TIMERFD, TIMERFD_MADE, "\tINIT_LIST_HEAD(&ctx->clist);\n" + TIMERFD_MADE),
                            (TIMERFD, "\ttimerfd_remove_cancel(ctx);\n\n", "\ttimerfd_remove_cancel(ctx);\n\tlist_del_init(&ctx->clist);\n\n")),
            r"warning\[sense\.first-value\].*timerfd_create: it gives ->clist a first value", r"timerfd_release\(\) now goes by it"),
    _warned("first-flag", ((TIMERFD, "struct timerfd_ctx {", "#define TIMERFD_MADE 0x4000\n\nstruct timerfd_ctx {"),
                           (TIMERFD, TIMERFD_MADE, "\tctx->settime_flags = TIMERFD_MADE;\n" + TIMERFD_MADE),
                           (TIMERFD, TIMERFD_SHOW, "\tif (ctx->settime_flags & TIMERFD_MADE)\n\t\tseq_puts(m, \"made\\n\");\n" + TIMERFD_SHOW)),
            r"warning\[sense\.first-value\].*TIMERFD_MADE, which timerfd_show\(\) goes by"),
    refused("allocator", ((EVENTFD, EVENTFD_ALLOC, "ctx = vmalloc(sizeof(*ctx));"), (EVENTFD, "\tkfree(ctx);", "\tvfree(ctx);"),
                          (EVENTFD, EVENTFD_INCLUDE, EVENTFD_INCLUDE + "#include <linux/vmalloc.h>\n")),
            r"error\[sense\.allocator-changed\].*eventfd_free_ctx: it gives `ctx` back by vfree\(\) now, was kfree\(\)", "do_eventfd"),
    refused("size-by-constant", ((SIMPLE, "#define SIMP_MAX_DATA\t32", "#define SIMP_MAX_DATA\t64"),),
            r"error\[sense\.allocation-changed\].*alloc_defdata: it makes `->tcfd_defdata` by kzalloc\(SIMP_MAX_DATA",
            "is 64 now, was 32.*code writes as much there"),
    _warned("allocator-of-new", ((PIPE, "pipe->bufs = kcalloc(", "pipe->bufs = kvcalloc("),
                                 (PIPE, "\tkfree(pipe->bufs);", "\tkvfree(pipe->bufs);")),
            r"warning\[sense\.allocator-changed\].*free_pipe_info: it gives `->bufs` back by kvfree\(\) now, was kfree\(\)"),
    _warned("own-copy", ((FAILOVER, FAILOVER_OPS, "\tops = kmemdup(ops, sizeof(*ops), GFP_KERNEL);\n" + FAILOVER_OPS),
                         (FAILOVER, FAILOVER_END, "\tkfree(rcu_access_pointer(failover->ops));\n" + FAILOVER_END)),
            r"warning\[sense\.allocator-changed\].*failover_unregister: it gives back what ->ops leads to", r"failover_register\(\)"),
    _warned("cookie", ((VIRTIO, VIRTIO_CONFIG, VIRTIO_CONFIG.replace("struct virtio_pci_device *vp_dev = opaque;",
                                                                     "struct pci_dev *pdev = opaque;\n\tstruct virtio_pci_device *vp_dev = pci_get_drvdata(pdev);")),
                       (VIRTIO, "\t\tvp_config_changed(irq, opaque);", "\t\tvp_config_changed(irq, vp_dev->pci_dev);"),
                       (VIRTIO, VIRTIO_GIVEN, VIRTIO_GIVEN.replace("vp_dev);", "vp_dev->pci_dev);"))),
            r"warning\[sense\.pointer-changed\].*vp_config_changed: it takes its argument `opaque` for a struct pci_dev now"),
    _warned("first-value-moved", ((RING, RING_WORK, ""), (RING, RING_MADE, RING_MADE + RING_WORK),
                                  (RING, RING_ALLOC, "static __cold void io_ring_exit_work(struct work_struct *work);\n\n" + RING_ALLOC)),
            r"warning\[sense\.first-value\].*io_ring_ctx_alloc: it gives ->exit_work a first value", "io_ring_ctx_wait_and_kill"),
    _warned("first-value-by-store", ((TIMERFD, TIMERFD_MADE, "\tWRITE_ONCE(ctx->settime_flags, 0x4000);\n" + TIMERFD_MADE),
                                     (TIMERFD, TIMERFD_SHOW, "\tif (READ_ONCE(ctx->settime_flags) & 0x4000)\n\t\tseq_puts(m, \"made\\n\");\n" + TIMERFD_SHOW)),
            r"warning\[sense\.first-value\].*timerfd_create: it gives ->settime_flags a first value", r"timerfd_show\(\) now goes by it"),
    refused("private-data", ((SIGNALFD, "struct signalfd_ctx {", "struct signalfd_box {\n\tu64 seen;\n\tstruct signalfd_ctx *ctx;\n};\n\nstruct signalfd_ctx {"),
                             *((SIGNALFD, "struct signalfd_ctx *ctx = file->private_data;",
                                "struct signalfd_box *box = file->private_data;\n\tstruct signalfd_ctx *ctx = box->ctx;"),) * 2,
                             (SIGNALFD, SIGNALFD_SHOW_OLD, "\tstruct signalfd_box *box = f->private_data;\n\tstruct signalfd_ctx *ctx = box->ctx;\n")),
            r"error\[sense\.pointer-changed\].*->private_data leads to for a struct signalfd_box, was struct signalfd_ctx"),
    refused("container", ((AIO, WORK, "\tstruct freeing {\n\t\tstruct rcu_work free_rwork;\n\t\tstruct kioctx *ctx;\n\t} *box =\n"
                           "\t\tcontainer_of(to_rcu_work(work), struct freeing, free_rwork);\n\tstruct kioctx *ctx = box->ctx;\n"),),
            r"error\[sense\.pointer-changed\].*free_ioctx: it takes what .* leads to for a struct freeing, was struct kioctx"),
    _warned("hash", ((FUTEX, "\t\t\t  key->both.offset);\n\n\treturn &futex", "\t\t\t  key->both.offset + 1);\n\n\treturn &futex"),),
            r"warning\[sense\.hash-changed\].*futex_hash: it hashes by"),
    _warned("hash-macro", ((USER, "(((uid >> UIDHASH_BITS) + uid)", "(((uid >> (UIDHASH_BITS + 1)) + uid)"),),
            r"warning\[sense\.hash-changed\].*__uidhashfn"),
    _warned("hash-by-name", ((TUN, "return rxhash & TUN_MASK_FLOW_ENTRIES;", "return (rxhash >> 7) & TUN_MASK_FLOW_ENTRIES;"),),
            r"warning\[sense\.hash-changed\].*tun_hashfn: it hashes by"),
    _warned("tree-order", ((MQUEUE, "else if (msg->m_type < leaf->priority) {", "else if (msg->m_type > leaf->priority) {"),),
            r"warning\[sense\.order-changed\].*msg_insert: it compares in another way"),
    _warned("tree-comparator", ((EPOLL, COMPARES, COMPARES.replace("+1", "-2").replace("-1", "+1").replace("-2", "-1")),),
            r"warning\[sense\.order-changed\].*ep_cmp_ffd: .*ep_\w+\(\) walks a sorted tree"),
    refused("kfunc", ((TRACE, "bpf_lookup_system_key(u64 id)\n{\n", "bpf_lookup_system_key(u64 id, u64 more)\n{\n\tif (more)\n\t\treturn NULL;\n"),),
            r"error\[sense\.prototype-changed\].*bpf_lookup_system_key", "BPF programs"),

    harmless("comparator-spelling", (EPOLL, COMPARES, "if (p1->file > p2->file)\n\t\treturn 1;\n\tif (p1->file < p2->file)\n\t\t"
                                     "return -1;\n\treturn p1->fd - p2->fd;"),
             (EPOLL, "\tif (flags & ~EPOLL_CLOEXEC)\n", "\tbarrier();\n\tif (flags & ~EPOLL_CLOEXEC)\n")),
    harmless("tree-walk", (MQUEUE, "\tif (info->node_cache) {\n\t\tleaf = info->node_cache;",
                           "\tif (info->node_cache) {\n\t\tbarrier();\n\t\tleaf = info->node_cache;")),
    harmless("zeroed", (EVENTFD, EVENTFD_ALLOC, "ctx = kzalloc(sizeof(struct eventfd_ctx), GFP_KERNEL);")),
    harmless("freed-by-either", (EVENTFD, "\tkfree(ctx);", "\tkvfree(ctx);"),
             (EVENTFD, EVENTFD_INCLUDE, EVENTFD_INCLUDE + "#include <linux/mm.h>\n")),
    harmless("first-value-alone", (TIMERFD, TIMERFD_MADE, "\tINIT_LIST_HEAD(&ctx->clist);\n" + TIMERFD_MADE)),
    harmless("references-otherwise", (EVENTFD, "kref_init(&ctx->kref);", "refcount_set(&ctx->kref.refcount, 1);")),
    harmless("pointer-elsewhere", (SIGNALFD, SIGNALFD_SHOW, "\tvoid *private = f->private_data;\n\tstruct signalfd_ctx *ctx = private;\n"
                                   "\tsigset_t sigmask;\n\n\tbarrier();\n")),
    harmless("hash-of-variable", (FUTEX, "\tu32 hash = jhash2((u32 *)key, offsetof(typeof(*key), both.offset) / 4,\n\t\t\t  key->both.offset);\n",
                                  "\tu32 hash;\n\n\thash = jhash2((u32 *)key, offsetof(typeof(*key), both.offset) / 4,\n\t\t      key->both.offset);\n\tbarrier();\n")),
]
