// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Children inherit the patch state of their parent.
 *
 * fork copies task_struct, the state included. But the parent may be switched
 * between that copy and the moment the child becomes visible in the task list;
 * the child would be left in a world that everybody else has gone from. The
 * state is therefore copied once more, when the child enters the list.
 *
 * That is the moment when copy_process() calls attach_pid(child, PIDTYPE_PID),
 * with tasklist_lock held for writing. Whoever looks at the states of all tasks
 * holds it for reading and thus sees a child either not at all or with the state
 * of its parent; the parent, being current, cannot be switched meanwhile. A
 * tracepoint would come later, without the lock, and not for the workers of
 * io_uring and vhost.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/ftrace.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include "core.h"
#include "fork.h"
#include "imports.h"
#include "tasks.h"
#include "transition.h"

static void notrace klp_attach_handler(unsigned long ip, unsigned long parent_ip,
				       struct ftrace_ops *ops,
				       struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	struct task_struct *child;

	if (WARN_ON_ONCE(!regs))
		return;

	/* A new id for a task that exists already (setsid) is not of interest. */
	if (regs_get_kernel_argument(regs, 1) != PIDTYPE_PID)
		return;

	child = (struct task_struct *)regs_get_kernel_argument(regs, 0);
	klp_set_task_state(child, klp_task_state(current));
	klp_release_task(child);
}

/*
 * Not FTRACE_OPS_FL_PERMANENT: while a function is patched the patch itself
 * keeps ftrace enabled, and without one there is no state to get wrong.
 */
static struct ftrace_ops klp_attach_ops = {
	.func = klp_attach_handler,
	.flags = FTRACE_OPS_FL_SAVE_REGS,
};
static bool klp_watching;

int klp_init_forks(void)
{
	unsigned long function = klp_lookup_kernel("attach_pid");
	unsigned long location = function ? klp_kernel(ftrace_location)(function) : 0;

	if (!location) {
		pr_err("attach_pid cannot be traced, cannot live patch this kernel\n");
		return -ENOENT;
	}
	return ftrace_set_filter_ip(&klp_attach_ops, location, 0, 0);
}

void klp_exit_forks(void)
{
	ftrace_free_filter(&klp_attach_ops);
}

/*
 * From here on no child slips in with an outdated state. Those that are past
 * attach_pid() by now are in the task list before the lock is free for us.
 */
int klp_watch_forks(void)
{
	int ret;

	lockdep_assert_held(&klp_mutex);

	if (klp_watching)
		return 0;

	ret = register_ftrace_function(&klp_attach_ops);
	if (!ret)
		klp_watching = true;
	return ret;
}

/* Waits for a grace period, which is why the transition does not wait for it. */
static void klp_unwatch_work_fn(struct work_struct *work)
{
	mutex_lock(&klp_mutex);
	if (klp_watching && !klp_transition_patch) {
		WARN_ON(unregister_ftrace_function(&klp_attach_ops));
		klp_watching = false;
	}
	mutex_unlock(&klp_mutex);
}
static DECLARE_WORK(klp_unwatch_work, klp_unwatch_work_fn);

void klp_unwatch_forks(void)
{
	queue_work(system_long_wq, &klp_unwatch_work);
}
