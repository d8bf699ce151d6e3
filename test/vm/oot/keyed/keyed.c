// SPDX-License-Identifier: GPL-2.0
/*
 * A module with a static key and a static call of its own: /proc/keyed shows
 * both, and "loud", "quiet", "high" and "low" written to it set them.
 */
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static DEFINE_STATIC_KEY_FALSE(keyed_loud);

static int keyed_low(void)
{
	return 1;
}

static int keyed_high(void)
{
	return 2;
}

DEFINE_STATIC_CALL(keyed_level, keyed_low);

static inline const char *keyed_voice(void)
{
	if (static_branch_unlikely(&keyed_loud))
		return "loud";
	return "quiet";
}

static int keyed_show(struct seq_file *m, void *v)
{
	seq_printf(m, "level %d, %s\n", static_call(keyed_level)(), keyed_voice());
	return 0;
}

static int keyed_open(struct inode *inode, struct file *file)
{
	return single_open(file, keyed_show, NULL);
}

static ssize_t keyed_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	char word[8] = "";

	if (copy_from_user(word, buf, min(count, sizeof(word) - 1)))
		return -EFAULT;
	if (!strncmp(word, "loud", 4))
		static_branch_enable(&keyed_loud);
	else if (!strncmp(word, "quiet", 5))
		static_branch_disable(&keyed_loud);
	else if (!strncmp(word, "high", 4))
		static_call_update(keyed_level, keyed_high);
	else if (!strncmp(word, "low", 3))
		static_call_update(keyed_level, keyed_low);
	else
		return -EINVAL;
	return count;
}

static const struct proc_ops keyed_ops = {
	.proc_open	= keyed_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
	.proc_write	= keyed_write,
};

static int __init keyed_init(void)
{
	return proc_create("keyed", 0600, NULL, &keyed_ops) ? 0 : -ENOMEM;
}

static void __exit keyed_exit(void)
{
	remove_proc_entry("keyed", NULL);
}

module_init(keyed_init);
module_exit(keyed_exit);
MODULE_DESCRIPTION("A static key and a static call that belong to a module");
MODULE_LICENSE("GPL");
