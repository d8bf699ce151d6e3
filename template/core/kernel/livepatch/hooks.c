// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the kernel's own core is called by fork, and where we look at exit: ftrace
 * callbacks on
 *
 *	attach_pid(task, PIDTYPE_PID)	copy_process() makes the child visible
 *	detach_pid(task, PIDTYPE_PID)	release_task() takes the task off the list
 *	do_task_dead()			the last function of a task
 *
 * The first two run with tasklist_lock held for writing. Whoever looks at the states
 * of all tasks holds it for reading and thus sees a child either not at all or with
 * the state of its parent, and who is dying either in the list or counted. (The
 * tracepoints of fork and exit come without the lock, and not for the workers of
 * io_uring and vhost.)
 *
 * The callbacks are there as long as the core is, for ever: to unregister them waits
 * for RCU tasks, which one busy kernel thread can put off for as long as it likes.
 * Outside of a transition there is nothing for them to do but to look at a word.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/bug.h>
#include <linux/compiler_types.h>
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include "dying.h"
#include "hooks.h"
#include "imports.h"
#include "tasks.h"

/*
 * fork copies task_struct, the patch state included. But the parent may be switched
 * between that copy and the moment the child becomes visible in the task list; the
 * child would be left in a state that everybody else has gone from. It is therefore
 * copied once more. The parent, being current, cannot be switched meanwhile.
 */
static void klp_attached(struct pt_regs *regs)
{
	struct task_struct *child = (void *)regs_get_kernel_argument(regs, 0);

	/* A new id for a task that exists already (setsid) is not of interest. */
	if (regs_get_kernel_argument(regs, 1) != PIDTYPE_PID)
		return;

	klp_set_patch_state(child, klp_patch_state(current));
	klp_release_task(child);
}

/* Since Linux 6.16 the first argument of detach_pid() is a list. */
#define KLP_DETACHED_TASK						\
	(!__builtin_types_compatible_p(typeof(&detach_pid),		\
				       void (*)(struct task_struct *, enum pid_type)))

static void klp_detached(struct pt_regs *regs)
{
	struct task_struct *task = (void *)regs_get_kernel_argument(regs, KLP_DETACHED_TASK);

	if (regs_get_kernel_argument(regs, KLP_DETACHED_TASK + 1) == PIDTYPE_PID)
		klp_task_left_list(task);
}

static void klp_dead(struct pt_regs *regs)
{
	klp_current_is_dead();
}

/**
 * struct klp_hook - a function of the kernel whose calls we hear of
 * @function:	of the kernel
 * @callback:	of ours, called at its entry
 * @location:	of ftrace's call in the function
 */
static struct klp_hook {
	const char *function;
	void (*callback)(struct pt_regs *regs);
	unsigned long location;
} klp_hooks[] = {
	{ "attach_pid", klp_attached },
	{ "detach_pid", klp_detached },
	{ "do_task_dead", klp_dead },
};

/* At an even address: see klp_check_ftrace(). */
static void notrace __aligned(2)
klp_hook_handler(unsigned long ip, unsigned long parent_ip,
		 struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	int i;

	if (WARN_ON_ONCE(!regs))
		return;

	for (i = 0; i < ARRAY_SIZE(klp_hooks); i++)
		if (klp_hooks[i].location == ip)
			klp_hooks[i].callback(regs);
}

/*
 * Not FTRACE_OPS_FL_PERMANENT: while a function is patched the patch itself
 * keeps ftrace enabled, and without one nothing depends on these callbacks.
 */
static struct ftrace_ops klp_hook_ops = {
	.func = klp_hook_handler,
	.flags = FTRACE_OPS_FL_SAVE_REGS,
};

static int klp_init_hook(struct klp_hook *hook)
{
	unsigned long function = klp_import_function(hook->function);

	if (!function)
		return -ENOENT;

	hook->location = klp_kernel(ftrace_location)(function);
	if (!hook->location) {
		pr_err("%s cannot be traced, cannot live patch this kernel\n",
		       hook->function);
		return -ENOENT;
	}
	return ftrace_set_filter_ip(&klp_hook_ops, hook->location, 0, 0);
}

int klp_init_hooks(void)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(klp_hooks); i++) {
		ret = klp_init_hook(&klp_hooks[i]);
		if (ret)
			goto free;
	}

	ret = register_ftrace_function(&klp_hook_ops);
	if (!ret)
		return 0;
free:
	ftrace_free_filter(&klp_hook_ops);
	return ret;
}

/* Only while the core is being loaded. */
void klp_exit_hooks(void)
{
	WARN_ON(unregister_ftrace_function(&klp_hook_ops));
	ftrace_free_filter(&klp_hook_ops);
}
