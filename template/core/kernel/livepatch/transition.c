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
 * How a task is switched, and what the gate is, is told in switch.c.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/workqueue.h>
#include "core.h"
#include "dying.h"
#include "imports.h"
#include "object.h"
#include "patch.h"
#include "replace.h"
#include "stack.h"
#include "stragglers.h"
#include "switch.h"
#include "sync.h"
#include "tasks.h"
#include "transition.h"

/* Between two attempts to switch the rest, in the end. */
#define KLP_LAST_DELAY		HZ

struct klp_patch *klp_transition_patch;

/* Where the transition goes; under klp_mutex. */
static int klp_target_state = KLP_TRANSITION_IDLE;

/* The administrator ended it: nobody is waited for. */
static bool klp_forced;

static unsigned long klp_delay;

static void klp_transition_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(klp_transition_work, klp_transition_work_fn);

static const char *klp_direction(void)
{
	return klp_target_state == KLP_TRANSITION_PATCHED ? "patching" : "unpatching";
}

static void klp_init_task(struct task_struct *task)
{
	klp_set_patch_state(task, !klp_target_state);
	klp_release_task(task);
}

static void klp_mark_functions(bool transition)
{
	struct klp_object *obj;
	struct klp_func *func;

	/*
	 * The release orders the states of all tasks, and the initial state,
	 * before the mark. Pairs with the acquire in klp_choose(). When the mark
	 * is taken away it orders nothing, and costs nothing. (model/mark.litmus)
	 */
	klp_for_each_object(klp_transition_patch, obj)
		klp_for_each_func(obj, func)
			smp_store_release(&func->transition, transition);
}

/*
 * After this tasks behave as before, but because of their state and no longer
 * for lack of one. By the callbacks of hooks.c children have a state as well. Who
 * entered do_task_dead() when the callbacks were not there is dead after the wait.
 */
void klp_init_transition(struct klp_patch *patch, int state)
{
	WARN_ON_ONCE(klp_target_state != KLP_TRANSITION_IDLE);

	klp_transition_patch = patch;
	klp_target_state = state;
	klp_forced = false;
	klp_set_initial_state(!state);
	klp_synchronize_transition();

	pr_debug("'%s': initializing %s transition\n", patch->mod->name,
		 klp_direction());

	klp_for_each_task(klp_init_task);
	klp_mark_functions(true);
}

void klp_start_transition(void)
{
	pr_notice("'%s': starting %s transition\n",
		  klp_transition_patch->mod->name, klp_direction());

	klp_delay = 0;
	klp_reset_stragglers();
	klp_open_gate(klp_target_state);
}

static void klp_clear_state(struct task_struct *task)
{
	WARN_ON_ONCE(klp_patch_state(task) == !klp_target_state);
	klp_set_patch_state(task, KLP_TRANSITION_IDLE);
}

static void klp_clear_any_state(struct task_struct *task)
{
	klp_set_patch_state(task, KLP_TRANSITION_IDLE);
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
 *    the states go (model/patched.litmus);
 *  - unpatched: the functions are gone, then a handler that holds one is done,
 *    then the marks go, which would make it take the new code, and the states
 *    (model/unpatched.litmus).
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
			klp_set_patch_state(task, klp_target_state);
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
 * All tasks of the list are switched; is anybody left in the other state? Not who is
 * adopted after the first wait (model/adopted.litmus). The second is for those that are not counted any more,
 * but were not off their CPU yet. (model/dying.litmus)
 */
static bool klp_settle_dying(void)
{
	klp_set_initial_state(klp_target_state);
	klp_synchronize_transition();
	if (klp_any_dying(!klp_target_state))
		return false;
	klp_synchronize_transition();
	return true;
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

	if (!complete || !(klp_forced || klp_settle_dying())) {
		klp_urge_stragglers();
		schedule_delayed_work(&klp_transition_work, klp_delay);
		klp_delay = clamp_t(unsigned long, 2 * klp_delay, 1, KLP_LAST_DELAY);
		return;
	}

	klp_complete_transition(klp_clear_state);
	klp_free_unused_patches(patch);
}

/* Those that left the task list in the state that is given up. Under klp_mutex. */
void klp_for_each_dying_blocker(void (*function)(struct task_struct *task, void *data),
				void *data)
{
	klp_for_each_dying(!klp_target_state, function, data);
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
 * target state already. (model/reversed.litmus)
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
	klp_forced = false;

	klp_start_transition();
	mod_delayed_work(system_wq, &klp_transition_work, 0);
}

static void klp_force_task(struct task_struct *task)
{
	klp_set_patch_state(task, klp_target_state);
}

/*
 * The administrator knows better. Tasks may be inside of functions that they
 * leave, for ever: the modules with the code can never be removed.
 */
void klp_force_transition(void)
{
	struct klp_patch *patch;

	pr_warn("forcing remaining tasks to the patched state\n");

	klp_forced = true;
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
