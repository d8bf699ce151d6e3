/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_TRANSITION_H
#define _KLP_TRANSITION_H

#include <linux/livepatch.h>

/* The patch whose transition is under way. Written under klp_mutex. */
extern struct klp_patch *klp_transition_patch;

void klp_init_transition(struct klp_patch *patch, int state);
void klp_start_transition(void);
void klp_cancel_transition(void);
void klp_try_complete_transition(void);
void klp_reverse_transition(void);
void klp_force_transition(void);
void klp_for_each_dying_blocker(void (*function)(struct task_struct *task, void *data),
				void *data);

#endif /* _KLP_TRANSITION_H */
