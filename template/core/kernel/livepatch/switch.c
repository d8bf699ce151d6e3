// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Switching one task to the target state, if that is safe.
 *
 * Tasks are switched by the transition's work, by the stopper of their CPU and by
 * themselves, the latter two without klp_mutex. What they may do is said by one
 * variable, the gate: the state that tasks may be switched to now.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/ftrace.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include "imports.h"
#include "stack.h"
#include "switch.h"
#include "tasks.h"

/* Where tasks may go now; KLP_TRANSITION_IDLE: nowhere, the gate is closed. */
static int klp_gate = KLP_TRANSITION_IDLE;

void klp_open_gate(int state)
{
	/*
	 * Orders everything that was prepared - marked functions, states, the
	 * table of stack.c - before the switch of any task. Pairs with the
	 * acquire in klp_switch_target(). (model/gate.litmus)
	 */
	smp_store_release(&klp_gate, state);
}

/* A switch that went through the gate before may still be on its way. */
void klp_close_gate(void)
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
 * The acquire in klp_switch_target() came before, the exchange in
 * klp_set_patch_state() is a full barrier, and the task runs on only after us, or
 * on another CPU after a context switch: with its new state it sees all marks of
 * klp_init_transition(), and klp_choose() needs no barrier for that.
 * (model/switched.litmus)
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
		klp_set_patch_state(task, attempt->target);
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
	if (klp_patch_state(task) == attempt->target)
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
 * struct klp_look - the last stack that the handler looked at in vain
 * @task:	whose; only ever compared
 * @when:	jiffies
 * @frame:	where its stack ended
 */
struct klp_look {
	struct task_struct *task;
	unsigned long when;
	unsigned long frame;
};
static DEFINE_PER_CPU(struct klp_look, klp_looks);

/*
 * A stack that was looked at within this tick holds what it held, as long as it has
 * not become shorter: to come out of a patched function and call it again, current
 * goes by where the stack ends higher up. So a busy task is looked at a few times a
 * tick, and never misses the moment when it may be switched.
 */
static bool klp_looked_in_vain(const struct klp_look *look, unsigned long frame)
{
	return look->task == current && look->when == jiffies && frame <= look->frame;
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
	unsigned long frame = (unsigned long)__builtin_frame_address(0);
	struct klp_attempt attempt = { .entering = location + MCOUNT_INSN_SIZE };
	struct klp_look *look = this_cpu_ptr(&klp_looks);

	if (!in_task() || !rcu_is_watching() || klp_looked_in_vain(look, frame))
		return;
	if (klp_attempt_switch(current, &attempt))
		*look = (struct klp_look){ current, jiffies, frame };
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
