/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_TRANSITION_H
#define _KLP_TRANSITION_H

#include <linux/livepatch.h>

/* The patch whose transition is under way. Written under klp_mutex. */
extern struct klp_patch *klp_transition_patch;
extern int klp_initial_state;

void klp_init_transition(struct klp_patch *patch, int state);
void klp_start_transition(void);
void klp_cancel_transition(void);
void klp_try_complete_transition(void);
void klp_reverse_transition(void);
void klp_force_transition(void);

int klp_switch_target(void);
int klp_try_switch_task(struct task_struct *task);
void klp_switch_at_entry(unsigned long location);
const char *klp_explain_task(struct task_struct *task);

#endif /* _KLP_TRANSITION_H */
