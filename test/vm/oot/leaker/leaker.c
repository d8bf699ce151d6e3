// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks one object whenever /sys/module/leaker/parameters/leak is written to. It stays loaded, so that no other module is
 * ever where it was: kmemleak reports places in code by the names that they have by then.
 */
#include <linux/module.h>
#include <linux/slab.h>

static void *volatile lost;

static int leak(const char *value, const struct kernel_param *parameter)
{
	lost = kmalloc(64, GFP_KERNEL);
	if (!lost)
		return -ENOMEM;
	lost = NULL;
	return 0;
}

static const struct kernel_param_ops leak_ops = { .set = leak };
module_param_cb(leak, &leak_ops, NULL, 0200);

MODULE_DESCRIPTION("What kmemleak must find");
MODULE_LICENSE("GPL");
