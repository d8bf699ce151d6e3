// SPDX-License-Identifier: GPL-2.0
/* A module that is built outside the kernel's tree: /proc/greeter greets its reader. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include "words.h"

static unsigned int greeted;

static int greeter_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s %s, you are number %u\n", greeter_word(), current->comm, ++greeted);
	return 0;
}

static int __init greeter_init(void)
{
	return proc_create_single("greeter", 0, NULL, greeter_show) ? 0 : -ENOMEM;
}

static void __exit greeter_exit(void)
{
	remove_proc_entry("greeter", NULL);
}

module_init(greeter_init);
module_exit(greeter_exit);
MODULE_DESCRIPTION("Greets whoever reads /proc/greeter");
MODULE_LICENSE("GPL");
