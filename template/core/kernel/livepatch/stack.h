/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_STACK_H
#define _KLP_STACK_H

#include <linux/livepatch.h>

int klp_prepare_stack_check(struct klp_patch *patch);
void klp_forget_code_of(struct module *mod);
void klp_finish_stack_check(void);
int klp_check_stack(struct task_struct *task, int target, unsigned long entering,
		    const char **function);

#endif /* _KLP_STACK_H */
