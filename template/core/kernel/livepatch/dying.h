/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_DYING_H
#define _KLP_DYING_H

#include <linux/types.h>

struct task_struct;

void klp_set_initial_state(int state);
int klp_adopt_current(void);

void klp_task_left_list(struct task_struct *task);
void klp_current_is_dead(void);

bool klp_any_dying(int state);
bool klp_none_dying(void);
int klp_wait_for_dying(void);
void klp_for_each_dying(int state, void (*function)(struct task_struct *task, void *data),
			void *data);

#endif /* _KLP_DYING_H */
