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
 *
 * The hook is enabled before klp_init_transition() takes the lock. Children that
 * were past it by then are in the list, and get their state from there.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/workqueue.h>
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
 * keeps ftrace enabled, and without one nothing depends on the hook.
 */
static struct ftrace_ops klp_fork_ops = {
	.func = klp_attach_handler,
	.flags = FTRACE_OPS_FL_SAVE_REGS,
};

/* The hook is in place; under klp_mutex. */
static bool klp_fork_hooked;

int klp_init_fork_hook(void)
{
	unsigned long function = klp_lookup_kernel("attach_pid");
	unsigned long location = function ? klp_kernel(ftrace_location)(function) : 0;

	if (!location) {
		pr_err("attach_pid cannot be traced, cannot live patch this kernel\n");
		return -ENOENT;
	}
	return ftrace_set_filter_ip(&klp_fork_ops, location, 0, 0);
}

void klp_exit_fork_hook(void)
{
	ftrace_free_filter(&klp_fork_ops);
}

/* Under klp_mutex. Enabled it stays until klp_disable_fork_hook(). */
int klp_enable_fork_hook(void)
{
	int ret;

	lockdep_assert_held(&klp_mutex);

	if (klp_fork_hooked)
		return 0;

	ret = register_ftrace_function(&klp_fork_ops);
	klp_fork_hooked = !ret;
	return ret;
}

/* ftrace waits for a grace period, that is why nobody else does. */
static void klp_disable_fork_hook_fn(struct work_struct *work)
{
	mutex_lock(&klp_mutex);
	if (klp_fork_hooked && !klp_transition_patch) {
		WARN_ON(unregister_ftrace_function(&klp_fork_ops));
		klp_fork_hooked = false;
	}
	mutex_unlock(&klp_mutex);
}
static DECLARE_WORK(klp_disable_fork_hook_work, klp_disable_fork_hook_fn);

/* Soon, unless another transition begins before. */
void klp_disable_fork_hook(void)
{
	queue_work(system_long_wq, &klp_disable_fork_hook_work);
}
