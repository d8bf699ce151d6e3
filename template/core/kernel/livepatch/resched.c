// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel threads that are always busy.
 *
 * The stopper of a CPU finds such a thread where it next offers to be preempted.
 * If that is always inside of a function concerned, the thread is never switched,
 * though it may leave the function a thousand times a second. The last resort is
 * to make it look at itself whenever it calls cond_resched(). The kernel's own
 * core has a hook there; we take one when the other ways have failed for a while,
 * because everybody calls cond_resched().
 *
 * On a kernel with full preemption cond_resched() does nothing, and the stopper
 * finds the thread anywhere.
 */

#include <linux/sched.h>
#include "hook.h"
#include "tasks.h"
#include "transition.h"

static void notrace klp_resched_handler(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *ops,
					struct ftrace_regs *fregs)
{
	int target;

	if (!(current->flags & PF_KTHREAD) || !in_task())
		return;

	target = klp_switch_target();
	if (target != KLP_TRANSITION_IDLE && klp_task_state(current) != target)
		klp_try_switch_task(current);
}

struct klp_hook klp_resched_hook = KLP_HOOK("__cond_resched", klp_resched_handler);
