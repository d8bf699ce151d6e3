// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one allocation fail: the N-th, from when N is written to "countdown", of those that
 * are made with a certain function or module on the stack. When "countdown" is 0
 * again, it has failed.
 *
 * The kernel's fault injection has such a filter only since Linux 6.2; what we do need of it
 * are the two functions that it asks at every allocation.
 */

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/stacktrace.h>

#define DEPTH 64

/* The code that must be on the stack. */
static unsigned long start, size;
module_param(start, ulong, 0600);
module_param(size, ulong, 0600);

static atomic_t countdown;
static_assert(sizeof(countdown) == sizeof(int));
module_param_named(countdown, countdown.counter, int, 0600);

static unsigned long address_on_stack(void)
{
	unsigned long entries[DEPTH];
	unsigned int i, count = stack_trace_save(entries, DEPTH, 0);

	for (i = 0; i < count; i++)
		if (entries[i] - start < size)
			return entries[i];
	return 0;
}

/*
 * What the kernel's checkers (debugobjects, kmemleak, stackdepot) take for themselves, and first attempts of
 * those who have a second way, may fail any time and say so by these flags. A checker without memory
 * switches itself off.
 */
static bool is_optional(gfp_t gfp)
{
	gfp_t flags = __GFP_NORETRY | __GFP_NOWARN;

	return (gfp & flags) == flags;
}

static bool is_next(const char *what, gfp_t gfp)
{
	unsigned long address;

	if (!atomic_read(&countdown) || !in_task() || gfp & __GFP_NOFAIL || is_optional(gfp))
		return false;

	address = address_on_stack();
	if (!address || atomic_dec_if_positive(&countdown))
		return false;

	pr_info("failer: no %s for %pS\n", what, (void *)address);
	return true;
}

/* In place of the functions that are asked: yes, this one fails. */
static noinline int no_slab(void)
{
	return -ENOMEM;
}

static noinline bool no_page(void)
{
	return true;
}

static int before_slab(struct kprobe *probe, struct pt_regs *regs)
{
	if (!is_next("object", regs_get_kernel_argument(regs, 1)))
		return 0;
	instruction_pointer_set(regs, (unsigned long)no_slab);
	return 1;
}

static int before_page(struct kprobe *probe, struct pt_regs *regs)
{
	if (!is_next("page", regs_get_kernel_argument(regs, 0)))
		return 0;
	instruction_pointer_set(regs, (unsigned long)no_page);
	return 1;
}

/* A probe that has this may change the instruction pointer. */
static void after(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe slab_probe = {
	.symbol_name = "should_failslab",
	.pre_handler = before_slab,
	.post_handler = after,
};

static struct kprobe page_probe = {
	.symbol_name = "should_fail_alloc_page",
	.pre_handler = before_page,
	.post_handler = after,
};

static struct kprobe *probes[] = { &slab_probe, &page_probe };

static int __init failer_init(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}

static void __exit failer_exit(void)
{
	unregister_kprobes(probes, ARRAY_SIZE(probes));
}

module_init(failer_init);
module_exit(failer_exit);
MODULE_LICENSE("GPL");
