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
 * What must not be there is laid down in a table before the first task is
 * switched, for both directions since a transition may be reversed, sorted so
 * that an address is found by bisection. Tasks are checked from many contexts
 * (the transition's work, the stopper of a CPU, the task itself on its way to
 * user space); the table is all they need and RCU keeps it for them.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "core.h"
#include "imports.h"
#include "patch.h"
#include "stack.h"
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
 * struct klp_code - places in code, sorted, none within another
 * @count:	ranges
 * @ranges:	see struct klp_range
 */
struct klp_code {
	unsigned int count;
	struct klp_range *ranges;
};

/**
 * struct klp_table - code that a task must not be inside of
 * @rcu:	readers are within preempt-disabled regions
 * @leaving:	by target state: the code that tasks leave on the way there
 * @ranges:	room for both
 */
struct klp_table {
	struct rcu_head rcu;
	struct klp_code leaving[2];
	struct klp_range ranges[];
};

/* For each function and direction: what is left, and the way in. */
#define KLP_RANGES_PER_FUNC 2

static struct klp_table __rcu *klp_table;
static DEFINE_PER_CPU(struct klp_stack, klp_stacks);

static struct klp_range klp_new_code(struct klp_func *func)
{
	unsigned long start = (unsigned long)func->new_func;

	return (struct klp_range){ start, start + func->new_size, func->old_name };
}

/* What was called before this patch: an older replacement or the original. */
static struct klp_range klp_previous_code(struct klp_func *func)
{
	struct klp_func *previous = klp_previous_func(func);
	unsigned long start = (unsigned long)func->old_func;

	if (previous) {
		struct klp_range range = klp_new_code(previous);

		range.function = func->old_name;
		return range;
	}
	return (struct klp_range){ start, start + func->old_size, func->old_name };
}

static struct klp_range klp_way_in(struct klp_func *func)
{
	unsigned long end = klp_return_location(func) + 1;

	return (struct klp_range){ (unsigned long)func->old_func, end, func->old_name };
}

static void klp_add_code(struct klp_code *code, struct klp_func *func,
			 struct klp_range range)
{
	code->ranges[code->count++] = range;

	/* The original contains it. */
	if (range.start != (unsigned long)func->old_func)
		code->ranges[code->count++] = klp_way_in(func);
}

static int klp_compare_ranges(const void *a, const void *b)
{
	const struct klp_range *left = a, *right = b;

	if (left->start == right->start)
		return 0;
	return left->start < right->start ? -1 : 1;
}

static unsigned int klp_count_patched(struct klp_patch *patch)
{
	struct klp_object *obj;
	struct klp_func *func;
	unsigned int count = 0;

	klp_for_each_object(patch, obj)
		klp_for_each_func(obj, func)
			count += func->patched;
	return count;
}

static void klp_fill_table(struct klp_table *table, struct klp_patch *patch)
{
	struct klp_code *old = &table->leaving[KLP_TRANSITION_PATCHED];
	struct klp_code *new = &table->leaving[KLP_TRANSITION_UNPATCHED];
	struct klp_object *obj;
	struct klp_func *func;
	unsigned int i;

	klp_for_each_object(patch, obj) {
		klp_for_each_func(obj, func) {
			if (!func->patched)
				continue;
			klp_add_code(old, func, klp_previous_code(func));
			klp_add_code(new, func, klp_new_code(func));
		}
	}

	for (i = 0; i < ARRAY_SIZE(table->leaving); i++)
		sort(table->leaving[i].ranges, table->leaving[i].count,
		     sizeof(*table->ranges), klp_compare_ranges, NULL);
}

static void klp_publish_table(struct klp_table *table)
{
	table = rcu_replace_pointer(klp_table, table, lockdep_is_held(&klp_mutex));
	if (table)
		kvfree_rcu(table, rcu);
}

/*
 * Lay down the table for the functions of @patch that are in place. To be called
 * before tasks are switched, and again when a module has brought more of them.
 */
int klp_prepare_stack_check(struct klp_patch *patch)
{
	unsigned int room = KLP_RANGES_PER_FUNC * klp_count_patched(patch);
	struct klp_table *table;

	table = kvzalloc(struct_size(table, ranges, 2 * room), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	table->leaving[KLP_TRANSITION_PATCHED].ranges = table->ranges;
	table->leaving[KLP_TRANSITION_UNPATCHED].ranges = table->ranges + room;
	klp_fill_table(table, patch);
	klp_publish_table(table);
	return 0;
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
	if (!low || addr >= ranges[low - 1].end)
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
		if (stack->entries[i] == entering)
			continue;
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
