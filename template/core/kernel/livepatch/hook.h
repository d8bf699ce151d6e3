/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places in the kernel where the core looks in, while a transition runs.
 */
#ifndef _KLP_HOOK_H
#define _KLP_HOOK_H

#include <linux/ftrace.h>

/**
 * struct klp_hook - a callback at the entry of a function of the kernel
 * @function:	its name
 * @ops:	with the callback
 * @location:	of ftrace's call in the function, 0: it cannot be hooked
 * @enabled:	the callback is called; under klp_mutex
 */
struct klp_hook {
	const char *function;
	struct ftrace_ops ops;
	unsigned long location;
	bool enabled;
};

/*
 * Not FTRACE_OPS_FL_PERMANENT: while a function is patched the patch itself
 * keeps ftrace enabled, and without one nothing depends on a hook.
 */
#define KLP_HOOK(name, callback)					\
	{								\
		.function = name,					\
		.ops = {						\
			.func = callback,				\
			.flags = FTRACE_OPS_FL_SAVE_REGS,		\
		},							\
	}

extern struct klp_hook klp_fork_hook;		/* fork.c */
extern struct klp_hook klp_resched_hook;	/* resched.c */

int klp_init_hooks(void);
void klp_exit_hooks(void);
int klp_enable_hook(struct klp_hook *hook);
void klp_disable_hooks(void);

#endif /* _KLP_HOOK_H */
