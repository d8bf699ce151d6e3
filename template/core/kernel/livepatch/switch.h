/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_SWITCH_H
#define _KLP_SWITCH_H

struct task_struct;

void klp_open_gate(int state);
void klp_close_gate(void);
int klp_switch_target(void);

int klp_try_switch_task(struct task_struct *task);
void klp_switch_at_entry(unsigned long location);
const char *klp_explain_task(struct task_struct *task);

#endif /* _KLP_SWITCH_H */
