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

#include <linux/pid.h>
#include <linux/ptrace.h>
#include "hook.h"
#include "tasks.h"

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

struct klp_hook klp_fork_hook = KLP_HOOK("attach_pid", klp_attach_handler);
