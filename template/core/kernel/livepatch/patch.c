// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sending calls to a function's replacement.
 *
 * Each patched function has one ftrace_ops, however many patches replace it, and
 * a stack of the replacements. The topmost is called, except that during a
 * transition a task in the old world takes the one below, or the original.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/bug.h>
#include <linux/ftrace.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "core.h"
#include "dying.h"
#include "imports.h"
#include "patch.h"
#include "switch.h"
#include "tasks.h"

/**
 * struct klp_ops - a patched function
 * @node:	in klp_ops
 * @func_stack:	its replacements, the newest first; never empty
 * @fops:	what ftrace knows of it
 * @location:	of the call that ftrace makes at the function's entry
 */
struct klp_ops {
	struct list_head node;
	struct list_head func_stack;
	struct ftrace_ops fops;
	unsigned long location;
};

static LIST_HEAD(klp_ops);

#ifndef ftrace_regs_set_instruction_pointer	/* its name since Linux 6.2 */
#define ftrace_regs_set_instruction_pointer	ftrace_instruction_pointer_set
#endif

/*
 * The world of current, which may be a task without a state: one that was off the
 * list of tasks when the states were given, exits, and serves an interrupt.
 */
static __always_inline int klp_state_of_current(void)
{
	int state = klp_patch_state(current);

	return likely(state != KLP_TRANSITION_IDLE) ? state : klp_adopt_current();
}

/* A nop stands for the original: to jump to it would come back here. */
static __always_inline void klp_redirect(struct ftrace_regs *fregs,
					 struct klp_func *func)
{
	if (!func->nop)
		ftrace_regs_set_instruction_pointer(fregs, (unsigned long)func->new_func);
}

/*
 * During a transition: @func, the topmost, or the one below, as current's world has
 * it. A function of its own, so that the handler has no registers to save for it.
 */
static noinline void klp_redirect_by_state(struct klp_ops *ops, struct klp_func *func,
					   unsigned long location,
					   struct ftrace_regs *fregs)
{
	if (klp_task_watched(current))
		klp_switch_at_entry(location);

	if (klp_state_of_current() != KLP_TRANSITION_PATCHED)
		func = list_entry_rcu(func->stack_node.next, struct klp_func, stack_node);

	/* At the end of the stack is the original. */
	if (&func->stack_node != &ops->func_stack)
		klp_redirect(fregs, func);
}

/*
 * Current goes on in the function that it is to run.
 *
 * Called with preemption disabled, in any context, RCU perhaps not watching:
 * klp_synchronize_transition() waits for the end of this.
 */
static __always_inline void klp_choose(struct klp_ops *ops, unsigned long location,
				       struct ftrace_regs *fregs)
{
	struct klp_func *func;

	/*
	 * list_add_rcu() published the entry with func->transition set; the
	 * dependency of the second read on the first keeps them in order.
	 * (model/published.litmus)
	 */
	func = list_first_or_null_rcu(&ops->func_stack, struct klp_func, stack_node);

	/* ftrace lets go of the function before the last replacement is removed. */
	if (WARN_ON_ONCE(!func))
		return;

	/*
	 * Pairs with the release in klp_mark_functions(): who sees a function in
	 * transition also sees that every task has a state, and the initial state
	 * for those that have none. That a task, once switched, sees the function in
	 * transition needs no barrier here: see klp_switch_task().
	 */
	if (likely(!smp_load_acquire(&func->transition)))
		klp_redirect(fregs, func);
	else
		klp_redirect_by_state(ops, func, location, fregs);
}

/* At an even address: see klp_check_ftrace(). */
static void notrace __aligned(2)
klp_ftrace_handler(unsigned long ip, unsigned long parent_ip,
		   struct ftrace_ops *fops, struct ftrace_regs *fregs)
{
	int bit;

	/* Disables preemption, too. */
	bit = ftrace_test_recursion_trylock(ip, parent_ip);
	if (WARN_ON_ONCE(bit < 0))
		return;

	klp_choose(container_of(fops, struct klp_ops, fops), ip, fregs);

	ftrace_test_recursion_unlock(bit);
}

static struct klp_ops *klp_find_ops(void *old_func)
{
	struct klp_ops *ops;
	struct klp_func *func;

	list_for_each_entry(ops, &klp_ops, node) {
		func = list_first_entry(&ops->func_stack, struct klp_func, stack_node);
		if (func->old_func == old_func)
			return ops;
	}
	return NULL;
}

/* The replacement below, NULL: the original function. Under klp_mutex. */
struct klp_func *klp_previous_func(struct klp_func *func)
{
	struct klp_ops *ops = klp_find_ops(func->old_func);

	if (WARN_ON(!ops) || list_is_last(&func->stack_node, &ops->func_stack))
		return NULL;
	return list_next_entry(func, stack_node);
}

/* Where ftrace returns to in the original of a patched function. Under klp_mutex. */
unsigned long klp_return_location(struct klp_func *func)
{
	return klp_find_ops(func->old_func)->location + MCOUNT_INSN_SIZE;
}

static int klp_register_ops(struct klp_ops *ops, const char *name)
{
	int ret;

	ret = ftrace_set_filter_ip(&ops->fops, ops->location, 0, 0);
	if (ret) {
		pr_err("failed to set ftrace filter for function '%s' (%d)\n",
		       name, ret);
		return ret;
	}

	ret = register_ftrace_function(&ops->fops);
	if (ret)
		pr_err("failed to register ftrace handler for function '%s' (%d)\n",
		       name, ret);
	return ret;
}

/* The filter goes as a whole: to take the function out of it would need memory. */
static void klp_free_ops(struct klp_ops *ops)
{
	ftrace_free_filter(&ops->fops);
	list_del(&ops->node);
	kfree(ops);
}

/* The first replacement must be in the stack when the handler may be called. */
static int klp_patch_first(struct klp_func *func)
{
	struct klp_ops *ops;
	int ret;

	ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;

	ops->location = klp_kernel(ftrace_location)((unsigned long)func->old_func);
	if (!ops->location) {
		pr_err("failed to find location for function '%s'\n", func->old_name);
		kfree(ops);
		return -EINVAL;
	}

	ops->fops.func = klp_ftrace_handler;
	ops->fops.flags = FTRACE_OPS_FL_DYNAMIC | FTRACE_OPS_FL_IPMODIFY |
			  FTRACE_OPS_FL_PERMANENT;
	if (!IS_ENABLED(CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS))
		ops->fops.flags |= FTRACE_OPS_FL_SAVE_REGS;

	INIT_LIST_HEAD(&ops->func_stack);
	list_add_rcu(&func->stack_node, &ops->func_stack);
	list_add(&ops->node, &klp_ops);

	ret = klp_register_ops(ops, func->old_name);
	if (ret) {
		list_del_rcu(&func->stack_node);
		klp_free_ops(ops);
	}
	return ret;
}

static int klp_patch_func(struct klp_func *func)
{
	struct klp_ops *ops;
	int ret = 0;

	if (WARN_ON(!func->old_func || func->patched))
		return -EINVAL;

	ops = klp_find_ops(func->old_func);
	if (ops)
		list_add_rcu(&func->stack_node, &ops->func_stack);
	else
		ret = klp_patch_first(func);

	func->patched = !ret;
	return ret;
}

/*
 * A handler may still hold the function: klp_synchronize_transition() has to
 * come before it is freed.
 */
static void klp_unpatch_func(struct klp_func *func)
{
	struct klp_ops *ops = klp_find_ops(func->old_func);

	if (WARN_ON(!ops))
		return;

	if (list_is_singular(&ops->func_stack)) {
		/* Returns when no handler runs any more. */
		WARN_ON(unregister_ftrace_function(&ops->fops));
		list_del_rcu(&func->stack_node);
		klp_free_ops(ops);
	} else {
		list_del_rcu(&func->stack_node);
	}
	func->patched = false;
}

/* On failure none of the object's functions is patched. */
int klp_patch_object(struct klp_object *obj)
{
	struct klp_func *func;
	int ret;

	if (WARN_ON(obj->patched))
		return -EINVAL;

	klp_for_each_func(obj, func) {
		ret = klp_patch_func(func);
		if (ret) {
			klp_unpatch_object(obj);
			return ret;
		}
	}
	obj->patched = true;
	return 0;
}

void klp_unpatch_object(struct klp_object *obj)
{
	struct klp_func *func;

	klp_for_each_func(obj, func)
		if (func->patched)
			klp_unpatch_func(func);
	obj->patched = false;
}

void klp_unpatch_objects(struct klp_patch *patch)
{
	struct klp_object *obj;

	klp_for_each_object(patch, obj)
		if (obj->patched)
			klp_unpatch_object(obj);
}

/* Only the functions that were added on behalf of replaced patches. */
void klp_unpatch_nops(struct klp_patch *patch)
{
	struct klp_object *obj;
	struct klp_func *func;

	klp_for_each_object(patch, obj) {
		klp_for_each_func(obj, func)
			if (func->nop && func->patched)
				klp_unpatch_func(func);
		if (obj->dynamic)
			obj->patched = false;
	}
}
