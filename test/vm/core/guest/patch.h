/* SPDX-License-Identifier: GPL-2.0 */
/* A patch of klptest and of /proc/cmdline; VERSION and REPLACE are set before. */

#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include "klptest.h"

static int patched_inner(void)
{
	return VERSION;
}

static int patched_outer(int mode)
{
	klptest_judge(VERSION, mode);
	barrier();
	return VERSION;
}

/* No version answers as another or as the original does. */
static int patched_answer(void)
{
	return -(VERSION + 1);
}

static int patched_seldom(bool wait)
{
	return VERSION;
}

static int patched_cmdline(struct seq_file *m, void *v)
{
	seq_printf(m, "klptest version %d\n", VERSION);
	return 0;
}

static struct klp_func klptest_funcs[] = {
	{ .old_name = "klptest_inner", .new_func = patched_inner },
	{ .old_name = "klptest_outer", .new_func = patched_outer },
	{ .old_name = "klptest_answer", .new_func = patched_answer },
	{ .old_name = "klptest_seldom", .new_func = patched_seldom },
	{ }
};

static struct klp_func vmlinux_funcs[] = {
	{ .old_name = "cmdline_proc_show", .new_func = patched_cmdline },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "klptest", .funcs = klptest_funcs },
	{ .funcs = vmlinux_funcs },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
	.replace = REPLACE,
};

static int __init patch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit patch_exit(void)
{
}

module_init(patch_init);
module_exit(patch_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
