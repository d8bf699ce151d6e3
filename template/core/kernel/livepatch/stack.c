// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which functions are on a task's stack.
 *
 * A task may change worlds when it is inside none of the functions that it
 * would leave: the previous ones when it goes to the new, the new ones when it
 * goes back. A stack that the unwinder does not vouch for never counts as safe.
 *
 * Nor may it be on the way in: the handler has chosen, but the choice is not on
 * the stack before the trampoline returns to it. What is there is where ftrace was
 * called from, in the original, whatever was chosen.
 *
 * A compiler may put what a function seldom does elsewhere, under the name FUNCTION.cold:
 * being there is being inside of it. (The kernel's own core does not look there.) The
 * symbol table does not say whose part it is when several functions have that name; then
 * all of them count.
 *
 * What must not be there is laid down in a table before the first task is
 * switched, for both directions since a transition may be reversed, sorted so
 * that an address is found by bisection. Tasks are checked from many contexts
 * (the transition's work, the stopper of a CPU, the task itself on its way to
 * user space); the table is all they need and RCU keeps it for them.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "core.h"
#include "imports.h"
#include "patch.h"
#include "stack.h"
#include "symbols.h"
#include "tasks.h"

#define KLP_STACK_ENTRIES 100

/**
 * struct klp_stack - a stack that is looked at
 * @busy:	on this CPU, now
 * @entries:	return addresses, the innermost first
 */
struct klp_stack {
	bool busy;
	unsigned long entries[KLP_STACK_ENTRIES];
};

struct klp_range {
	unsigned long start;
	unsigned long end;
	const char *function;
};

/**
 * struct klp_code - places in code, sorted, none partly within another
 * @count:	ranges
 * @room:	for how many there is memory
 * @ranges:	see struct klp_range
 */
struct klp_code {
	unsigned int count;
	unsigned int room;
	struct klp_range *ranges;
};

/**
 * struct klp_table - code that a task must not be inside of
 * @rcu:	readers are within preempt-disabled regions
 * @leaving:	by target state: the code that tasks leave on the way there
 */
struct klp_table {
	struct rcu_head rcu;
	struct klp_code leaving[2];
};

static struct klp_table __rcu *klp_table;
static DEFINE_PER_CPU(struct klp_stack, klp_stacks);

static int klp_add_range(struct klp_code *code, struct klp_range range)
{
	struct klp_range *ranges;
	unsigned int room;

	if (code->count == code->room) {
		room = max(2 * code->room, 16U);
		ranges = kvmalloc_array(room, sizeof(range), GFP_KERNEL);
		if (!ranges)
			return -ENOMEM;
		if (code->count)
			memcpy(ranges, code->ranges, code->count * sizeof(range));
		kvfree(code->ranges);
		code->ranges = ranges;
		code->room = room;
	}
	code->ranges[code->count++] = range;
	return 0;
}

/**
 * struct klp_cold - the parts of a function that are elsewhere are being added
 * @code:	to this
 * @function:	whose they are
 */
struct klp_cold {
	struct klp_code *code;
	const char *function;
};

static int klp_add_cold_part(void *data, unsigned long addr)
{
	struct klp_cold *cold = data;
	unsigned long size;

	if (!klp_kernel(kallsyms_lookup_size_offset)(addr, &size, NULL))
		return -ENOENT;
	return klp_add_range(cold->code, (struct klp_range){ addr, addr + size, cold->function });
}

/* @objname has a function @name, or code that was made of @function for a patch. */
static int klp_add_cold_parts(struct klp_code *code, const char *objname,
			      const char *name, const char *function)
{
	struct klp_cold cold = { .code = code, .function = function };
	char symbol[KSYM_NAME_LEN];

	if (snprintf(symbol, sizeof(symbol), "%s.cold", name) >= sizeof(symbol))
		return 0;
	return klp_for_each_symbol(objname, symbol, klp_add_cold_part, &cold);
}

/* The cold parts of a replacement go by the replacement's own name. */
static int klp_add_new_cold_parts(struct klp_code *code, struct klp_func *func,
				  const char *function)
{
	char symbol[KSYM_SYMBOL_LEN];
	char *module;

	/* "name [module]" */
	sprint_symbol_no_offset(symbol, (unsigned long)func->new_func);
	module = strchr(symbol, '[');
	if (!module)
		return 0;
	module[-1] = '\0';
	module[strlen(module) - 1] = '\0';
	return klp_add_cold_parts(code, module + 1, symbol, function);
}

static int klp_add_new_code(struct klp_code *code, struct klp_func *func, const char *function)
{
	unsigned long start = (unsigned long)func->new_func;
	int ret;

	ret = klp_add_range(code, (struct klp_range){ start, start + func->new_size, function });
	return ret ?: klp_add_new_cold_parts(code, func, function);
}

static int klp_add_original(struct klp_code *code, struct klp_object *obj, struct klp_func *func)
{
	unsigned long start = (unsigned long)func->old_func;
	int ret;

	ret = klp_add_range(code, (struct klp_range){ start, start + func->old_size, func->old_name });
	return ret ?: klp_add_cold_parts(code, obj->name, func->old_name, func->old_name);
}

/* Where the handler decides, in the original whatever is chosen. */
static int klp_add_way_in(struct klp_code *code, struct klp_func *func)
{
	unsigned long start = (unsigned long)func->old_func;
	unsigned long end = klp_return_location(func) + 1;

	return klp_add_range(code, (struct klp_range){ start, end, func->old_name });
}

/* What was called before this patch: an older replacement or the original. */
static int klp_add_previous(struct klp_code *code, struct klp_object *obj, struct klp_func *func)
{
	struct klp_func *previous = klp_previous_func(func);

	/* The original contains the way in, and a nop stands for it. */
	if (!previous || previous->nop)
		return klp_add_original(code, obj, func);
	return klp_add_new_code(code, previous, func->old_name) ?: klp_add_way_in(code, func);
}

static int klp_add_next(struct klp_code *code, struct klp_object *obj, struct klp_func *func)
{
	if (func->nop)
		return klp_add_original(code, obj, func);
	return klp_add_new_code(code, func, func->old_name) ?: klp_add_way_in(code, func);
}

static int klp_fill_table(struct klp_table *table, struct klp_patch *patch)
{
	struct klp_object *obj;
	struct klp_func *func;
	int ret;

	klp_for_each_object(patch, obj) {
		klp_for_each_func(obj, func) {
			if (!func->patched)
				continue;
			ret = klp_add_previous(&table->leaving[KLP_TRANSITION_PATCHED], obj, func);
			ret = ret ?: klp_add_next(&table->leaving[KLP_TRANSITION_UNPATCHED], obj, func);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Of two that begin at one address, as functions with two names do, the longer is last. */
static int klp_compare_ranges(const void *a, const void *b)
{
	const struct klp_range *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	if (left->end != right->end)
		return left->end < right->end ? -1 : 1;
	return 0;
}

static void klp_free_table(struct klp_table *table)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table->leaving); i++)
		kvfree(table->leaving[i].ranges);
	kfree(table);
}

static void klp_free_table_rcu(struct rcu_head *rcu)
{
	klp_free_table(container_of(rcu, struct klp_table, rcu));
}

static void klp_publish_table(struct klp_table *table)
{
	table = rcu_replace_pointer(klp_table, table, lockdep_is_held(&klp_mutex));
	if (table)
		call_rcu(&table->rcu, klp_free_table_rcu);
}

/*
 * Lay down the table for the functions of @patch that are in place. To be called
 * before tasks are switched, and again when a module has brought more of them.
 */
int klp_prepare_stack_check(struct klp_patch *patch)
{
	struct klp_table *table;
	int i, ret;

	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	ret = klp_fill_table(table, patch);
	if (ret) {
		klp_free_table(table);
		return ret;
	}
	for (i = 0; i < ARRAY_SIZE(table->leaving); i++)
		sort(table->leaving[i].ranges, table->leaving[i].count,
		     sizeof(struct klp_range), klp_compare_ranges, NULL);
	klp_publish_table(table);
	return 0;
}

/*
 * A module leaves in mid-transition: another one may come to its place. Readers see a
 * range of it as it was, or as an empty one. Under klp_mutex.
 */
void klp_forget_code_of(struct module *mod)
{
	struct klp_table *table = rcu_dereference_protected(klp_table, lockdep_is_held(&klp_mutex));
	struct klp_range *range;
	int i;

	if (!table)
		return;
	for (i = 0; i < ARRAY_SIZE(table->leaving); i++) {
		struct klp_code *code = &table->leaving[i];

		for (range = code->ranges; range < code->ranges + code->count; range++)
			if (within_module(range->start, mod))
				WRITE_ONCE(range->end, range->start);
	}
}

void klp_finish_stack_check(void)
{
	klp_publish_table(NULL);
}

/* The last range that does not start behind the address, if it holds it. */
static const struct klp_range *klp_find_range(const struct klp_code *code,
					      unsigned long addr)
{
	const struct klp_range *ranges = code->ranges;
	unsigned int low = 0, high = code->count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (ranges[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr >= READ_ONCE(ranges[low - 1].end))
		return NULL;
	return &ranges[low - 1];
}

static const struct klp_range *klp_find_on_stack(const struct klp_stack *stack, int count,
						 const struct klp_code *code,
						 unsigned long entering)
{
	const struct klp_range *range;
	int i;

	for (i = 0; i < count; i++) {
		/* Only the innermost: further out current is inside of the function. */
		if (stack->entries[i] == entering) {
			entering = 0;
			continue;
		}
		range = klp_find_range(code, stack->entries[i]);
		if (range)
			return range;
	}
	return NULL;
}

/**
 * klp_check_stack() - may this task be switched?
 * @task:	current, or a task that is kept from running
 * @target:	the state it would be switched to
 * @entering:	where ftrace returns to in the function that current is about to
 *		enter, which it is not inside of yet; otherwise 0
 * @function:	set to the function that it is inside of, if it is
 *
 * Return: 0 when it may, -EINVAL when the stack cannot be trusted, -EADDRINUSE
 * when it is inside a function. Preemption must be disabled.
 */
int klp_check_stack(struct task_struct *task, int target, unsigned long entering,
		    const char **function)
{
	struct klp_stack *stack = this_cpu_ptr(&klp_stacks);
	const struct klp_range *range;
	struct klp_table *table;
	int count;

	lockdep_assert_preemption_disabled();

	table = rcu_dereference_sched(klp_table);
	if (!table)
		return -EINVAL;

	/* The unwinder has called a function that is patched, and the handler us. */
	if (stack->busy)
		return -EINVAL;

	stack->busy = true;
	count = klp_kernel(stack_trace_save_tsk_reliable)(task, stack->entries,
							  KLP_STACK_ENTRIES);
	stack->busy = false;
	if (count < 0)
		return -EINVAL;

	range = klp_find_on_stack(stack, count, &table->leaving[target], entering);
	if (!range)
		return 0;
	*function = range->function;
	return -EADDRINUSE;
}
