// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tasks that are born and die while a transition runs.
 *
 * fork copies task_struct, the patch state included. But the parent may be
 * switched between that copy and the moment the child becomes visible in the task
 * list; the child would be left in a world that everybody else has gone from. The
 * state is therefore copied once more, when the child enters the list.
 *
 * A task that exits leaves the list before it stops running, and interrupts go on
 * to take its state, which nobody can change any more. A transition must not end
 * while such a task may be in the world that is given up: an interrupt would begin
 * in the one and end in the other. The dying are counted, from when they leave the
 * list until they are freed, by their state. (The kernel's own core does not know
 * of them.)
 *
 * While a transition runs all of this is seen, by ftrace callbacks
 *
 *	attach_pid(task, PIDTYPE_PID)	copy_process() makes the child visible
 *	detach_pid(task, PIDTYPE_PID)	release_task() takes the task off the list
 *
 * and a probe of the tracepoint sched_process_free, which comes when the task is
 * off its CPU for good. The first two run with tasklist_lock held for writing.
 * Whoever looks at the states of all tasks holds it for reading and thus sees a
 * child either not at all or with the state of its parent, and who is dying either
 * in the list or counted. The parent, being current, cannot be switched meanwhile.
 * (The tracepoints of fork and exit come without the lock, and not for the workers
 * of io_uring and vhost.)
 *
 * The callbacks are there before klp_init_transition() takes the lock. Children
 * that were past it by then are in the list, and get their state from there. Who
 * left the list before has no state: it is adopted when it first needs one.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/atomic.h>
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/tracepoint.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "core.h"
#include "imports.h"
#include "lifetime.h"
#include "tasks.h"
#include "transition.h"

#define KLP_DYING_TIMEOUT	(30 * HZ)

/* By state: those that are off the list, and may still run. */
static atomic_t klp_dying[2];

/* Woken when the last one of a state is freed. */
static DECLARE_WAIT_QUEUE_HEAD(klp_dying_wait);

/* Whoever has no state yet gets this one. */
static void klp_count_dying(struct task_struct *task, int state)
{
	if (klp_mark_dying(task, state))
		atomic_inc(&klp_dying[klp_task_state(task)]);
}

/* Is anybody dying in this state? */
bool klp_any_dying(int state)
{
	return atomic_read(&klp_dying[state]);
}

/*
 * Current has no state: it left the list before the states were given. From now
 * on it has one, and is counted. Called with preemption disabled, in any context:
 * an interrupt may be faster.
 */
int klp_adopt_current(void)
{
	int state = READ_ONCE(klp_initial_state);

	if (WARN_ON_ONCE(!READ_ONCE(current->exit_state)))
		return state;

	klp_count_dying(current, state);
	return klp_task_state(current);
}

static void klp_attached(struct pt_regs *regs)
{
	struct task_struct *child = (void *)regs_get_kernel_argument(regs, 0);

	/* A new id for a task that exists already (setsid) is not of interest. */
	if (regs_get_kernel_argument(regs, 1) != PIDTYPE_PID)
		return;

	klp_set_task_state(child, klp_task_state(current));
	klp_release_task(child);
}

static void klp_detached(struct pt_regs *regs)
{
	struct task_struct *task = (void *)regs_get_kernel_argument(regs, 0);
	int state = klp_task_state(task);

	if (regs_get_kernel_argument(regs, 1) != PIDTYPE_PID)
		return;

	/* Outside of a transition nobody has a state. */
	if (state != KLP_TRANSITION_IDLE)
		klp_count_dying(task, state);
}

static void klp_freed(void *unused, struct task_struct *task)
{
	if (klp_task_dying(task) &&
	    atomic_dec_and_test(&klp_dying[klp_task_state(task)]))
		wake_up(&klp_dying_wait);
}

static bool klp_none_dying(void)
{
	return !klp_any_dying(KLP_TRANSITION_UNPATCHED) &&
	       !klp_any_dying(KLP_TRANSITION_PATCHED);
}

/*
 * The state of who is still dying of the last transition would mean something else
 * in the next one. It is a matter of milliseconds, unless RCU is stuck.
 */
static int klp_wait_for_dying(void)
{
	if (wait_event_timeout(klp_dying_wait, klp_none_dying(), KLP_DYING_TIMEOUT))
		return 0;

	pr_err("tasks of the last transition do not exit, try again later\n");
	return -EBUSY;
}

/**
 * struct klp_event - something that happens to a task
 * @function:	of the kernel, which is called then
 * @callback:	of ours, called at its entry
 * @location:	of ftrace's call in the function
 */
static struct klp_event {
	const char *function;
	void (*callback)(struct pt_regs *regs);
	unsigned long location;
} klp_events[] = {
	{ "attach_pid", klp_attached },
	{ "detach_pid", klp_detached },
};

static void notrace klp_lifetime_handler(unsigned long ip, unsigned long parent_ip,
					 struct ftrace_ops *ops,
					 struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	int i;

	if (WARN_ON_ONCE(!regs))
		return;

	for (i = 0; i < ARRAY_SIZE(klp_events); i++)
		if (klp_events[i].location == ip)
			klp_events[i].callback(regs);
}

/*
 * Not FTRACE_OPS_FL_PERMANENT: while a function is patched the patch itself
 * keeps ftrace enabled, and without one nothing depends on these callbacks.
 */
static struct ftrace_ops klp_lifetime_ops = {
	.func = klp_lifetime_handler,
	.flags = FTRACE_OPS_FL_SAVE_REGS,
};

/* The callbacks are in place; under klp_mutex. */
static bool klp_following;

static struct tracepoint *klp_free_tracepoint;

static int klp_init_event(struct klp_event *event)
{
	unsigned long function = klp_lookup_kernel(event->function);

	event->location = function ? klp_kernel(ftrace_location)(function) : 0;
	if (!event->location) {
		pr_err("%s cannot be traced, cannot live patch this kernel\n",
		       event->function);
		return -ENOENT;
	}
	return ftrace_set_filter_ip(&klp_lifetime_ops, event->location, 0, 0);
}

int klp_init_lifetime(void)
{
	int i, ret;

	klp_free_tracepoint = (void *)klp_import("__tracepoint_sched_process_free");
	if (!klp_free_tracepoint)
		return -ENOENT;

	for (i = 0; i < ARRAY_SIZE(klp_events); i++) {
		ret = klp_init_event(&klp_events[i]);
		if (ret) {
			klp_exit_lifetime();
			return ret;
		}
	}
	return 0;
}

void klp_exit_lifetime(void)
{
	ftrace_free_filter(&klp_lifetime_ops);
}

/*
 * To be called before a transition, under klp_mutex. The callbacks stay until
 * klp_leave_lifetimes().
 */
int klp_follow_lifetimes(void)
{
	int ret;

	lockdep_assert_held(&klp_mutex);

	if (klp_following)
		return klp_wait_for_dying();

	ret = tracepoint_probe_register(klp_free_tracepoint, klp_freed, NULL);
	if (ret)
		return ret;

	ret = register_ftrace_function(&klp_lifetime_ops);
	if (ret)
		tracepoint_probe_unregister(klp_free_tracepoint, klp_freed, NULL);
	klp_following = !ret;
	return ret;
}

static void klp_leave_lifetimes_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(klp_leave_work, klp_leave_lifetimes_fn);

/*
 * ftrace waits for a grace period, that is why nobody else does. Whoever was
 * counted has to be seen freed, or the next transition would wait for it in vain.
 */
static void klp_leave_lifetimes_fn(struct work_struct *work)
{
	mutex_lock(&klp_mutex);
	if (klp_transition_patch || !klp_following)
		goto out;

	if (!klp_none_dying()) {
		queue_delayed_work(system_long_wq, &klp_leave_work, max(HZ / 10, 1));
		goto out;
	}

	WARN_ON(unregister_ftrace_function(&klp_lifetime_ops));
	tracepoint_probe_unregister(klp_free_tracepoint, klp_freed, NULL);
	klp_following = false;
out:
	mutex_unlock(&klp_mutex);
}

/* Soon, unless another transition begins before. */
void klp_leave_lifetimes(void)
{
	mod_delayed_work(system_long_wq, &klp_leave_work, 0);
}
