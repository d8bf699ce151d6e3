// SPDX-License-Identifier: GPL-2.0
/*
 * A livepatch written by hand. It refers to things that the kernel does not export as if they
 * were exported; klp-convert makes livepatch symbols of them.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/seq_file.h>

/* Neither is exported. */
extern char *saved_command_line;
extern unsigned int nr_processes_of_init(void) __attribute__((weak));
extern int nr_threads;

static int patched_cmdline_proc_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%d threads, %s: %s\n", nr_threads,
		   nr_processes_of_init ? "and that" : "by hand", saved_command_line);
	return 0;
}

static struct klp_func funcs[] = {
	{ .old_name = "cmdline_proc_show", .new_func = patched_cmdline_proc_show },
	{ }
};

static struct klp_object objects[] = {
	{ .funcs = funcs },
	{ }
};

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init klp_cmdline_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit klp_cmdline_exit(void)
{
}

module_init(klp_cmdline_init);
module_exit(klp_cmdline_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
