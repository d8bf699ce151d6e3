/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_STRAGGLERS_H
#define _KLP_STRAGGLERS_H

struct task_struct;

void klp_reset_stragglers(void);
void klp_pursue(struct task_struct *task, int why);
void klp_urge_stragglers(void);

#endif /* _KLP_STRAGGLERS_H */
