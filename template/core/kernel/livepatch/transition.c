// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The transition: from the first task that uses a new function to the last.
 *
 *	klp_init_transition()	every task has a state, every function is marked:
 *				the handler asks each task. Nothing changes yet.
 *	klp_start_transition()	opens the gate: tasks may be switched.
 *	klp_try_complete_transition()
 *				switches whom it can, again and again, until
 *				all are. The others are gone after by
 *				stragglers.c.
 *	klp_complete_transition()
 *				closes the gate, ends the asking.
 *
 * Tasks are switched by this file's work, by the stopper of their CPU and by
 * themselves, the latter two without klp_mutex. What they may do is said by one
 * variable, the gate: the state that tasks may be switched to now.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/cpu.h>
#include <linux/ftrace.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include "core.h"
#include "imports.h"
#include "lifetime.h"
#include "object.h"
#include "patch.h"
#include "replace.h"
#include "stack.h"
#include "stragglers.h"
#include "tasks.h"
#include "transition.h"

/* Between two attempts to switch the rest, in the end. */
#define KLP_LAST_DELAY		HZ

struct klp_patch *klp_transition_patch;

/* Where the transition goes; under klp_mutex. */
static int klp_target_state = KLP_TRANSITION_IDLE;

/* The state of whom klp_init_transition() did not see: see lifetime.c. */
int klp_initial_state = KLP_TRANSITION_IDLE;

/* Where tasks may go now; KLP_TRANSITION_IDLE: nowhere, the gate is closed. */
static int klp_gate = KLP_TRANSITION_IDLE;

static unsigned long klp_delay;

static void klp_transition_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(klp_transition_work, klp_transition_work_fn);

static const char *klp_direction(void)
{
	return klp_target_state == KLP_TRANSITION_PATCHED ? "patching" : "unpatching";
}

static DEFINE_PER_CPU(struct work_struct, klp_sync_works);

static void klp_sync_fn(struct work_struct *work)
{
}

/*
 * Waits for every handler that runs, and for every switch of a task.
 *
 * Both run with preemption disabled, so a context switch on each CPU comes after
 * them. synchronize_rcu() would not do: functions are patched that are called
 * where RCU is not watching. Nor would schedule_on_each_cpu(): it allocates, and
 * what cannot be waited for cannot be taken back.
 */
static void klp_synchronize_transition(void)
{
	unsigned int cpu;

	lockdep_assert_held(&klp_mutex);

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct work_struct *work = per_cpu_ptr(&klp_sync_works, cpu);

		INIT_WORK(work, klp_sync_fn);
		schedule_work_on(cpu, work);
	}
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&klp_sync_works, cpu));
	cpus_read_unlock();
}

static void klp_open_gate(void)
{
	/*
	 * Orders everything that was prepared - marked functions, states, the
	 * table of stack.c - before the switch of any task. Pairs with the
	 * acquire in klp_switch_target().
	 */
	smp_store_release(&klp_gate, klp_target_state);
}

/* A switch that went through the gate before may still be on its way. */
static void klp_close_gate(void)
{
	WRITE_ONCE(klp_gate, KLP_TRANSITION_IDLE);
}

/* The state that tasks may be switched to. */
int klp_switch_target(void)
{
	/* Pairs with the release in klp_open_gate(). */
	return smp_load_acquire(&klp_gate);
}

/**
 * struct klp_attempt - to switch a task
 * @entering:	see klp_check_stack()
 * @target:	the state it is switched to
 * @function:	the one that it is inside of, when this is what prevents it; valid
 *		as long as preemption is disabled or klp_mutex is held
 */
struct klp_attempt {
	unsigned long entering;
	int target;
	const char *function;
};

/*
 * The task is current or kept from running by task_call_func(), so nobody else
 * switches it and its stack does not change.
 *
 * The acquire of the gate came before, the exchange in klp_set_task_state() is a
 * full barrier, and the task runs on only after us, or on another CPU after a
 * context switch: with its new state it sees all marks of klp_init_transition().
 */
static int klp_switch_task(struct task_struct *task, void *data)
{
	struct klp_attempt *attempt = data;
	int ret;

	if (task != current && klp_kernel(task_curr)(task))
		return -EBUSY;

	ret = klp_check_stack(task, attempt->target, attempt->entering,
			      &attempt->function);
	if (!ret)
		klp_set_task_state(task, attempt->target);
	return ret;
}

/**
 * klp_attempt_switch() - switch a task if it is safe
 * @task:	any task; the caller sees to it that it does not go away
 * @attempt:	zeros, but for @entering
 *
 * Preemption is disabled: klp_synchronize_transition() waits for the end of this.
 *
 * Return: 0 when it is in the target state, else why not: -EBUSY: it runs,
 * -EADDRINUSE: it is inside a function concerned, -EINVAL: its stack cannot be
 * trusted, -EAGAIN: nobody is switched now.
 */
static int klp_attempt_switch(struct task_struct *task, struct klp_attempt *attempt)
{
	attempt->target = klp_switch_target();
	if (attempt->target == KLP_TRANSITION_IDLE)
		return -EAGAIN;
	if (klp_task_state(task) == attempt->target)
		return 0;

	if (task == current)
		return klp_switch_task(task, attempt);
	return klp_kernel(task_call_func)(task, klp_switch_task, attempt);
}

/* See klp_attempt_switch() for what is returned. */
int klp_try_switch_task(struct task_struct *task)
{
	struct klp_attempt attempt = { };
	int ret;

	preempt_disable();

	ret = klp_attempt_switch(task, &attempt);
	switch (ret) {
	case -EBUSY:
		pr_debug("%s: %s:%d is running\n", __func__, task->comm, task->pid);
		break;
	case -EINVAL:
		pr_debug("%s: %s:%d has an unreliable stack\n", __func__,
			 task->comm, task->pid);
		break;
	case -EADDRINUSE:
		pr_debug("%s: %s:%d is sleeping on function %s\n", __func__,
			 task->comm, task->pid, attempt.function);
		break;
	}

	preempt_enable();
	return ret;
}

/**
 * klp_switch_at_entry() - switch current before it enters a patched function
 * @location:	of the call that ftrace makes at the function's entry
 *
 * For the handler. Where RCU is not watching there is no table of stack.c; and
 * nothing is logged, since printk() itself may call the function.
 */
void klp_switch_at_entry(unsigned long location)
{
	struct klp_attempt attempt = { .entering = location + MCOUNT_INSN_SIZE };

	if (in_task() && rcu_is_watching())
		klp_attempt_switch(current, &attempt);
}

/**
 * klp_explain_task() - why a task is not in the target state yet
 * @task:	any task
 *
 * Under klp_mutex. A task that could be switched is, while we are at it.
 *
 * Return: the name of a function that it is inside of, or another reason in
 * brackets; NULL when it is in the target state.
 */
const char *klp_explain_task(struct task_struct *task)
{
	struct klp_attempt attempt = { };
	int ret;

	preempt_disable();
	ret = klp_attempt_switch(task, &attempt);
	preempt_enable();

	switch (ret) {
	case 0:
		return NULL;
	case -EADDRINUSE:
		return attempt.function;
	case -EBUSY:
		return "[running]";
	default:
		return "[unreliable stack]";
	}
}

static void klp_set_initial_state(struct task_struct *task)
{
	klp_set_task_state(task, klp_initial_state);
	klp_release_task(task);
}

static void klp_mark_functions(bool transition)
{
	struct klp_object *obj;
	struct klp_func *func;

	/*
	 * The release orders the states of all tasks, and the initial state,
	 * before the mark. Pairs with the acquire in klp_choose(). When the mark
	 * is taken away it orders nothing, and costs nothing.
	 */
	klp_for_each_object(klp_transition_patch, obj)
		klp_for_each_func(obj, func)
			smp_store_release(&func->transition, transition);
}

/*
 * After this tasks behave as before, but because of their state and no longer
 * for lack of one. The callbacks of lifetime.c are in place: children have a state
 * as well.
 */
void klp_init_transition(struct klp_patch *patch, int state)
{
	WARN_ON_ONCE(klp_target_state != KLP_TRANSITION_IDLE);

	klp_transition_patch = patch;
	klp_target_state = state;
	WRITE_ONCE(klp_initial_state, !state);

	pr_debug("'%s': initializing %s transition\n", patch->mod->name,
		 klp_direction());

	klp_for_each_task(klp_set_initial_state);
	klp_mark_functions(true);
}

void klp_start_transition(void)
{
	pr_notice("'%s': starting %s transition\n",
		  klp_transition_patch->mod->name, klp_direction());

	klp_delay = 0;
	klp_reset_stragglers();
	klp_open_gate();
}

static void klp_clear_state(struct task_struct *task)
{
	WARN_ON_ONCE(klp_task_state(task) == !klp_target_state);
	klp_set_task_state(task, KLP_TRANSITION_IDLE);
}

static void klp_clear_any_state(struct task_struct *task)
{
	klp_set_task_state(task, KLP_TRANSITION_IDLE);
}

static void klp_call_post_callbacks(void)
{
	struct klp_object *obj;

	klp_for_each_object(klp_transition_patch, obj) {
		if (!klp_is_object_loaded(obj))
			continue;
		if (klp_target_state == KLP_TRANSITION_PATCHED)
			klp_post_patch_callback(obj);
		else
			klp_post_unpatch_callback(obj);
	}
}

/*
 * Either way, wait between what makes the handlers stop asking and the moment
 * when there is no answer any more:
 *
 *  - patched: the marks are gone, then a handler that saw a mark is done, then
 *    the states go;
 *  - unpatched: the functions are gone, then a handler that holds one is done,
 *    then the marks go, which would make it take the new code, and the states.
 *
 * Nothing is switched meanwhile: either all tasks have the target state, or the
 * gate was never opened.
 */
static void klp_complete_transition(void (*clear)(struct task_struct *task))
{
	bool patched = klp_target_state == KLP_TRANSITION_PATCHED;
	struct klp_patch *patch = klp_transition_patch;

	pr_debug("'%s': completing %s transition\n", patch->mod->name,
		 klp_direction());

	klp_close_gate();
	klp_finish_stack_check();

	if (patched) {
		if (patch->replace) {
			klp_unpatch_replaced(patch);
			klp_discard_nops(patch);
		}
		klp_mark_functions(false);
		klp_synchronize_transition();
	} else {
		klp_unpatch_objects(patch);
		klp_synchronize_transition();
		klp_mark_functions(false);
	}
	klp_for_each_task(clear);

	klp_call_post_callbacks();

	pr_notice("'%s': %s complete\n", patch->mod->name, klp_direction());

	klp_target_state = KLP_TRANSITION_IDLE;
	klp_transition_patch = NULL;
	klp_leave_lifetimes();
}

/* Enabling failed before any task was switched. */
void klp_cancel_transition(void)
{
	if (WARN_ON_ONCE(klp_target_state != KLP_TRANSITION_PATCHED))
		return;

	pr_debug("'%s': canceling patching transition, going to unpatch\n",
		 klp_transition_patch->mod->name);

	klp_target_state = KLP_TRANSITION_UNPATCHED;
	klp_complete_transition(klp_clear_any_state);
}

static bool klp_switch_processes(void)
{
	struct task_struct *process, *task;
	bool complete = true;
	int ret;

	read_lock(klp_tasklist_lock);
	for_each_process_thread(process, task) {
		ret = klp_try_switch_task(task);
		if (ret) {
			klp_pursue(task, ret);
			complete = false;
		}
	}
	read_unlock(klp_tasklist_lock);

	return complete;
}

static bool klp_switch_idle_tasks(void)
{
	struct task_struct *task;
	bool complete = true;
	unsigned int cpu;
	int ret;

	cpus_read_lock();
	for_each_possible_cpu(cpu) {
		task = klp_kernel(idle_task)(cpu);

		/* The idle task of a CPU that is off is inside nothing. */
		if (!cpu_online(cpu)) {
			klp_set_task_state(task, klp_target_state);
			continue;
		}

		ret = klp_try_switch_task(task);
		if (ret) {
			klp_pursue(task, ret);
			complete = false;
		}
	}
	cpus_read_unlock();

	return complete;
}

static void klp_free_unused_patches(struct klp_patch *patch)
{
	if (!patch->enabled)
		klp_free_patch_async(patch);
	else if (patch->replace)
		klp_free_replaced(patch);
}

/*
 * All tasks of the list are switched; is anybody left in the other world? Not who
 * is adopted after this.
 */
static bool klp_settle_dying(void)
{
	WRITE_ONCE(klp_initial_state, klp_target_state);
	klp_synchronize_transition();
	return !klp_any_dying(!klp_target_state);
}

/*
 * Switch whom it can; when all are switched, complete the transition, otherwise
 * come back. Soon at first, since most stragglers are only running and meet their
 * task_work or the stopper within microseconds.
 */
void klp_try_complete_transition(void)
{
	struct klp_patch *patch = klp_transition_patch;
	bool complete;

	complete = klp_switch_processes();
	complete &= klp_switch_idle_tasks();

	if (!complete || !klp_settle_dying()) {
		klp_urge_stragglers();
		schedule_delayed_work(&klp_transition_work, klp_delay);
		klp_delay = clamp_t(unsigned long, 2 * klp_delay, 1, KLP_LAST_DELAY);
		return;
	}

	klp_complete_transition(klp_clear_state);
	klp_free_unused_patches(patch);
}

static void klp_transition_work_fn(struct work_struct *work)
{
	mutex_lock(&klp_mutex);
	if (klp_transition_patch)
		klp_try_complete_transition();
	mutex_unlock(&klp_mutex);
}

/*
 * Turn round. A switch in the old direction that is under way must be over before
 * the target changes, or it could come after the task was found to be in the new
 * target state already.
 */
void klp_reverse_transition(void)
{
	pr_debug("'%s': reversing transition from %s\n",
		 klp_transition_patch->mod->name,
		 klp_target_state == KLP_TRANSITION_PATCHED ?
		 "patching to unpatching" : "unpatching to patching");

	klp_close_gate();
	klp_synchronize_transition();

	klp_transition_patch->enabled = !klp_transition_patch->enabled;
	klp_target_state = !klp_target_state;

	klp_start_transition();
	mod_delayed_work(system_wq, &klp_transition_work, 0);
}

static void klp_force_task(struct task_struct *task)
{
	klp_set_task_state(task, klp_target_state);
}

/*
 * The administrator knows better. Tasks may be inside of functions that they
 * leave, for ever: the modules with the code can never be removed.
 */
void klp_force_transition(void)
{
	struct klp_patch *patch;

	pr_warn("forcing remaining tasks to the patched state\n");

	klp_for_each_task(klp_force_task);
	mod_delayed_work(system_wq, &klp_transition_work, 0);

	if (klp_target_state == KLP_TRANSITION_UNPATCHED) {
		klp_transition_patch->forced = true;
		return;
	}
	if (!klp_transition_patch->replace)
		return;
	klp_for_each_patch(patch)
		if (patch != klp_transition_patch)
			patch->forced = true;
}
