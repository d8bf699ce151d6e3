// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tasks that have left the task list and still run.
 *
 * Interrupts take the patch state of the task that they meet, and nobody can change
 * that of a task which is not in the list any more. A transition must not end while
 * such a task may be in the state that is given up: an interrupt would begin with the
 * old functions and end with the new. (The kernel's own core does not know of them.)
 *
 * So the dying are counted, by their state:
 *
 *	klp_task_left_list()	release_task() takes it off the list: counted, unless
 *				it is dead already and was only waited for
 *	klp_adopt_current()	it was off the list when the states were given, and
 *				needs one now: the initial state, and counted
 *	klp_current_is_dead()	it enters do_task_dead(): not counted any more
 *
 * and from there on it has preemption disabled, until it is off its CPU for good:
 * klp_synchronize_transition() waits for that. When its memory is freed is of no
 * interest: that may take as long as somebody holds a reference.
 *
 * Those that died when nobody looked have no KLP_TASK_DEAD, but TASK_DEAD for their
 * state, since klp_init_transition() has waited for those in between.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include "dying.h"
#include "tasks.h"

#define KLP_DYING_TIMEOUT	(10 * HZ)

/* The state of who was off the list when the states were given. */
static int klp_initial_state = KLP_TRANSITION_IDLE;

/* By state. A moment too early up, a moment too late down: never too small. */
static atomic_t klp_dying[2];

/*
 * Some of them, for people. A task is here from before it is counted until before it
 * is dead, which is more than an RCU grace period before its memory is freed.
 */
static struct task_struct *klp_known_dying[16];

void klp_set_initial_state(int state)
{
	WRITE_ONCE(klp_initial_state, state);
}

static void klp_know_dying(struct task_struct *task)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(klp_known_dying); i++)
		if (!cmpxchg(&klp_known_dying[i], NULL, task))
			return;
}

static void klp_forget_dying(struct task_struct *task)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(klp_known_dying); i++)
		if (cmpxchg(&klp_known_dying[i], task, NULL) == task)
			return;
}

static void klp_add_dying(struct task_struct *task, int state)
{
	klp_know_dying(task);
	atomic_inc(&klp_dying[state]);
}

static void klp_remove_dying(struct task_struct *task, int state)
{
	klp_forget_dying(task);
	atomic_dec(&klp_dying[state]);
}

/*
 * With the state that it has, or @initial if it has none. Counted first: it may be
 * dead, on its own CPU, as soon as it is marked. And it may be switched until then.
 */
static void klp_count_dying(struct task_struct *task, int initial)
{
	int state;

	while (!klp_task_dying_or_dead(task)) {
		state = klp_patch_state(task);
		if (state == KLP_TRANSITION_IDLE)
			state = initial;

		klp_add_dying(task, state);
		if (klp_mark_dying(task, state))
			return;
		klp_remove_dying(task, state);
	}
}

/* Under tasklist_lock, held for writing. */
void klp_task_left_list(struct task_struct *task)
{
	int state = klp_patch_state(task);

	/* Outside of a transition nobody has a state. */
	if (state != KLP_TRANSITION_IDLE && READ_ONCE(task->__state) != TASK_DEAD)
		klp_count_dying(task, state);
}

/*
 * Current has no state: it left the list before the states were given. From now on it
 * has one. Called with preemption disabled, in any context: an interrupt may be faster.
 */
int klp_adopt_current(void)
{
	int state = READ_ONCE(klp_initial_state);

	if (WARN_ON_ONCE(!READ_ONCE(current->exit_state)))
		return state;

	klp_count_dying(current, state);
	return klp_give_patch_state(current, state);
}

/* At the entry of do_task_dead(), with preemption disabled until the end. */
void klp_current_is_dead(void)
{
	if (klp_mark_dead(current))
		klp_remove_dying(current, klp_patch_state(current));
}

/* Is anybody dying in this state? Not those that are dead, but may still be on a CPU. */
bool klp_any_dying(int state)
{
	return atomic_read(&klp_dying[state]);
}

bool klp_none_dying(void)
{
	return !klp_any_dying(KLP_TRANSITION_UNPATCHED) &&
	       !klp_any_dying(KLP_TRANSITION_PATCHED);
}

/**
 * klp_wait_for_dying() - wait for those that are still dying of the last transition
 *
 * Their state would mean something else in the next one. Not under klp_mutex. They only
 * need a CPU, and mostly there are none.
 *
 * Return: 0, or -EBUSY when they did not get one for long
 */
int klp_wait_for_dying(void)
{
	unsigned long end = jiffies + KLP_DYING_TIMEOUT;

	while (!klp_none_dying()) {
		if (time_after(jiffies, end)) {
			pr_err("tasks of the last transition do not exit, try again later\n");
			return -EBUSY;
		}
		msleep(20);
	}
	return 0;
}

/* Those that are known and dying in this state. */
void klp_for_each_dying(int state, void (*function)(struct task_struct *task, void *data),
			void *data)
{
	struct task_struct *task;
	int i;

	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(klp_known_dying); i++) {
		task = READ_ONCE(klp_known_dying[i]);
		if (task && klp_patch_state(task) == state)
			function(task, data);
	}
	rcu_read_unlock();
}
