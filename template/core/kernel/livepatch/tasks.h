/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The patch state of each task.
 *
 * During a transition every task is in one of two worlds: it calls the old
 * functions or the new ones. The kernel's own core has a field of task_struct
 * for this. Ours are the topmost bits of thread_info.flags: x86-64 has 64 of
 * them and gives a meaning to the lower 32 only, all its accesses are atomic
 * read-modify-writes of single bits, and a mask of known bits guards every
 * loop that looks at them. So
 *
 *  - the handler finds the state of current with one load, also in NMI context,
 *  - fork copies it with the rest of task_struct (see hooks.c for the rest),
 *  - exit needs nothing but to be counted (see dying.c),
 *  - outside a transition there is no cost, and no allocation can fail within.
 */
#ifndef _KLP_TASKS_H
#define _KLP_TASKS_H

#include <linux/bits.h>
#include <linux/sched.h>

enum {
	KLP_TRANSITION_IDLE = -1,	/* no transition */
	KLP_TRANSITION_UNPATCHED = 0,
	KLP_TRANSITION_PATCHED = 1,
};

#define KLP_TASK_DEAD		BIT(58)	/* enters no patched function but in an interrupt */
#define KLP_TASK_DYING		BIT(59)	/* was counted, see dying.c; keeps its state */
#define KLP_TASK_WATCHED	BIT(60)	/* is looked at by the handler, too */
#define KLP_TASK_SUMMONED	BIT(61)	/* has a task_work of ours, see stragglers.c */
#define KLP_TASK_UNPATCHED	BIT(62)
#define KLP_TASK_PATCHED	BIT(63)
#define KLP_TASK_STATE		(KLP_TASK_UNPATCHED | KLP_TASK_PATCHED)

static __always_inline int klp_patch_state(struct task_struct *task)
{
	unsigned long flags = READ_ONCE(task_thread_info(task)->flags);

	if (flags & KLP_TASK_PATCHED)
		return KLP_TRANSITION_PATCHED;
	if (flags & KLP_TASK_UNPATCHED)
		return KLP_TRANSITION_UNPATCHED;
	return KLP_TRANSITION_IDLE;
}

static __always_inline bool klp_task_dying_or_dead(struct task_struct *task)
{
	return READ_ONCE(task_thread_info(task)->flags) & (KLP_TASK_DYING | KLP_TASK_DEAD);
}

/* Is it a straggler? See stragglers.c. */
static __always_inline bool klp_task_watched(struct task_struct *task)
{
	return READ_ONCE(task_thread_info(task)->flags) & KLP_TASK_WATCHED;
}

void klp_set_patch_state(struct task_struct *task, int state);
void klp_watch_task(struct task_struct *task);
bool klp_summon_task(struct task_struct *task);
void klp_release_task(struct task_struct *task);
int klp_give_patch_state(struct task_struct *task, int state);
bool klp_mark_dying(struct task_struct *task, int state);
bool klp_mark_dead(struct task_struct *task);

void klp_for_each_task(void (*function)(struct task_struct *task));

#endif /* _KLP_TASKS_H */
