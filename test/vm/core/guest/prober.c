// SPDX-License-Identifier: GPL-2.0
/*
 * A kprobe on a function of the name `symbol`. With `steers` it may send the call elsewhere, which is what a live patch does,
 * and one function cannot have both.
 */

#include <linux/kprobes.h>
#include <linux/module.h>

static char *symbol;
module_param(symbol, charp, 0444);

static bool steers;
module_param(steers, bool, 0444);

static atomic_t hits;

static int get_hits(char *buffer, const struct kernel_param *param)
{
	return sprintf(buffer, "%d\n", atomic_read(&hits));
}
static const struct kernel_param_ops hits_ops = { .get = get_hits };
module_param_cb(hits, &hits_ops, NULL, 0444);

static int before(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&hits);
	return 0;
}

/* A handler that runs behind the instruction: such a probe keeps ftrace's IPMODIFY for itself (arm_kprobe_ftrace()). */
static void behind(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = { .pre_handler = before };

static int __init prober_init(void)
{
	probe.symbol_name = symbol;
	if (steers)
		probe.post_handler = behind;
	return register_kprobe(&probe);
}

static void __exit prober_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(prober_init);
module_exit(prober_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("a kprobe");
