// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing the patch state of tasks; what it is and where, is told in tasks.h.
 */

#include <linux/cpumask.h>
#include <linux/sched/signal.h>
#include "imports.h"
#include "tasks.h"

static unsigned long klp_state_bits(int state)
{
	switch (state) {
	case KLP_TRANSITION_PATCHED:
		return KLP_TASK_PATCHED;
	case KLP_TRANSITION_UNPATCHED:
		return KLP_TASK_UNPATCHED;
	default:
		return 0;
	}
}

/*
 * All bits change in one step, and others change their bits of the word at the
 * same time: hence the loop. A successful exchange is a full barrier. False, with
 * nothing changed, when the task has one of the bits @unless.
 */
static bool klp_change_task(struct task_struct *task, unsigned long unless,
			    unsigned long clear, unsigned long set)
{
	unsigned long *flags = &task_thread_info(task)->flags;
	unsigned long old = READ_ONCE(*flags);

	do {
		if (old & unless)
			return false;
	} while (!try_cmpxchg(flags, &old, (old & ~clear) | set));
	return true;
}

/*
 * Whatever the state, nobody has to wait for this task any more. One that is dying
 * keeps the state by which it is counted.
 */
void klp_set_patch_state(struct task_struct *task, int state)
{
	klp_change_task(task, KLP_TASK_DYING, KLP_TASK_STATE | KLP_TASK_WATCHED,
			klp_state_bits(state));
}

void klp_watch_task(struct task_struct *task)
{
	if (!klp_task_watched(task))
		klp_change_task(task, 0, 0, KLP_TASK_WATCHED);
}

/* Marks a task as summoned; false when it was already. */
bool klp_summon_task(struct task_struct *task)
{
	return klp_change_task(task, KLP_TASK_SUMMONED, 0, KLP_TASK_SUMMONED);
}

void klp_release_task(struct task_struct *task)
{
	klp_change_task(task, 0, KLP_TASK_SUMMONED, 0);
}

/* This state, unless it has one; returns the one that it has then. */
int klp_give_patch_state(struct task_struct *task, int state)
{
	klp_change_task(task, KLP_TASK_STATE, 0, klp_state_bits(state));
	return klp_patch_state(task);
}

/*
 * The task has this state for ever. False, with nothing changed, when it is dying or
 * dead already, or has the other state.
 */
bool klp_mark_dying(struct task_struct *task, int state)
{
	unsigned long unless = KLP_TASK_DYING | KLP_TASK_DEAD | klp_state_bits(!state);

	return klp_change_task(task, unless, 0, klp_state_bits(state) | KLP_TASK_DYING);
}

/* For ever, too. Returns whether it was marked as dying before. */
bool klp_mark_dead(struct task_struct *task)
{
	klp_change_task(task, 0, 0, KLP_TASK_DEAD);
	return READ_ONCE(task_thread_info(task)->flags) & KLP_TASK_DYING;
}

/* All threads of all processes, kernel threads and the idle task of every CPU. */
void klp_for_each_task(void (*function)(struct task_struct *task))
{
	struct task_struct *process, *task;
	unsigned int cpu;

	read_lock(klp_tasklist_lock);
	for_each_process_thread(process, task)
		function(task);
	read_unlock(klp_tasklist_lock);

	for_each_possible_cpu(cpu)
		function(klp_kernel(idle_task)(cpu));
}
