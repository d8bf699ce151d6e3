// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tasks that could not be switched when they were looked at.
 *
 *  - A task of user space is summoned: a task_work makes it try to switch itself
 *    on its way out of the kernel, where its stack holds nothing but that way.
 *    The kernel's own core has a hook there; a task_work comes to the same place
 *    at the same time.
 *  - A kernel thread that runs, and the idle task of a CPU, is put aside for a
 *    moment by the stopper of its CPU, and switched there if its stack allows.
 *  - Whoever sleeps inside a function concerned is asked again later. After 15
 *    seconds it is woken as if by a signal, system calls restart afterwards.
 *  - All of them are watched: where one is about to enter a patched function, the
 *    ftrace handler looks as well. That gets hold of the thread that is met
 *    inside of one whenever it is looked at, since it leaves it only to come
 *    back. (The kernel's own core has a hook in cond_resched() for it, but not
 *    in 6.1. Without that core cond_resched() is nothing on a fully preemptible
 *    kernel.)
 *
 * All of these try, with the check of stack.c. None of them switches blindly, so
 * it does no harm when they come late, or for a transition that is long over.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/task_work.h>
#include "core.h"
#include "imports.h"
#include "stragglers.h"
#include "switch.h"
#include "tasks.h"

#define KLP_SIGNAL_PERIOD	(15 * HZ)

static unsigned long klp_next_signal;
static bool klp_signaled;

/* In the context of the task, about to return to user space. */
static void klp_leave_kernel(struct callback_head *work)
{
	kfree(work);

	/* Summon it again, should it not be switched now. */
	klp_release_task(current);
	klp_try_switch_task(current);
}

/* Without memory the task is not summoned this time. Under tasklist_lock. */
static void klp_summon(struct task_struct *task)
{
	struct callback_head *work;

	if (!klp_summon_task(task))
		return;

	work = kmalloc(sizeof(*work), GFP_ATOMIC | __GFP_NOWARN);
	if (work) {
		init_task_work(work, klp_leave_kernel);
		if (!klp_kernel(task_work_add)(task, work, TWA_RESUME))
			return;
		kfree(work);	/* it exits */
	}
	klp_release_task(task);
}

/**
 * struct klp_stopper - a CPU's stopper on its way to put a task aside
 * @work:	for the stopper
 * @task:	the task, with a reference; NULL: the stopper is not under way
 */
struct klp_stopper {
	struct cpu_stop_work work;
	struct task_struct *task;
};
static DEFINE_PER_CPU(struct klp_stopper, klp_stoppers);

/* The task is off its CPU as long as we are on it, unless it has moved away. */
static int klp_stop_fn(void *data)
{
	struct klp_stopper *stopper = data;
	struct task_struct *task = stopper->task;

	klp_try_switch_task(task);
	put_task_struct(task);

	/* Pairs with the acquire in klp_put_aside(): we are done with both. (model/stopper.litmus) */
	smp_store_release(&stopper->task, NULL);
	return 0;
}

/* One task of a CPU at a time; only one is running on it anyway. */
static void klp_put_aside(struct task_struct *task)
{
	unsigned int cpu = task_cpu(task);
	struct klp_stopper *stopper = per_cpu_ptr(&klp_stoppers, cpu);

	/* Pairs with the release in klp_stop_fn(). */
	if (smp_load_acquire(&stopper->task))
		return;

	/*
	 * A CPU's stopper is there as long as it is active, and cannot go while we are
	 * not preempted: that would take a stopper of ours. (Since Linux 7.3
	 * stop_one_cpu_nowait() does not say whether it was there.)
	 */
	preempt_disable();
	if (cpu_active(cpu)) {
		stopper->task = get_task_struct(task);
		klp_kernel(stop_one_cpu_nowait)(cpu, klp_stop_fn, stopper, &stopper->work);
	}
	preempt_enable();
}

/* Do what brings this task to be switched. Under klp_mutex. */
void klp_pursue(struct task_struct *task, int why)
{
	klp_watch_task(task);

	if (!(task->flags & PF_KTHREAD))
		klp_summon(task);
	else if (why == -EBUSY)
		klp_put_aside(task);
}

void klp_reset_stragglers(void)
{
	klp_next_signal = jiffies + KLP_SIGNAL_PERIOD;
	klp_signaled = false;
}

/*
 * Wakes an interruptible sleeper. No signal is delivered: the task finds none,
 * its task_work runs, and the system call is restarted.
 */
static void klp_signal(struct task_struct *task)
{
	if (task->flags & PF_KTHREAD) {
		klp_kernel(wake_up_state)(task, TASK_INTERRUPTIBLE);
		return;
	}
	if (!test_and_set_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL) &&
	    !klp_kernel(wake_up_state)(task, TASK_INTERRUPTIBLE))
		kick_process(task);
}

static void klp_wake_stragglers(void)
{
	struct task_struct *process, *task;
	int target = klp_switch_target();

	if (!klp_signaled)
		pr_notice("signaling remaining tasks\n");
	klp_signaled = true;

	read_lock(klp_tasklist_lock);
	for_each_process_thread(process, task)
		if (klp_patch_state(task) != target)
			klp_signal(task);
	read_unlock(klp_tasklist_lock);
}

/* After an attempt that did not reach all: stronger means, when it is time. */
void klp_urge_stragglers(void)
{
	if (time_after_eq(jiffies, klp_next_signal)) {
		klp_next_signal = jiffies + KLP_SIGNAL_PERIOD;
		klp_wake_stragglers();
	}
}
