// SPDX-License-Identifier: GPL-2.0
/*
 * Something to patch.
 *
 * klptest_outer() and klptest_inner() have a version each, 0 here and another one in
 * every patch. A task that finds itself in an outer function of one version
 * and gets an inner one of another has seen two patches mixed; it is counted.
 *
 * Writing a mode to /proc/klptest calls the functions, reading it tells the counts. They are
 * also called by kernel threads, timers, a work item and an NMI handler.
 */

#include <linux/delay.h>
#include <linux/error-injection.h>
#include <linux/ftrace.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <asm/apic.h>
#include <asm/ibt.h>
#include <asm/linkage.h>
#include <asm/nmi.h>
#include "klptest.h"

#define VERSIONS 8

static atomic_long_t calls[VERSIONS];
static atomic_long_t mixed;
static atomic_long_t nmis;
static atomic_long_t dying;
static bool released;
static DECLARE_WAIT_QUEUE_HEAD(release);
static int depth_limit = 5;

/* A task whose memory is kept after it has exited, as a BPF program with a kptr does. */
static struct task_struct *kept;

static bool background;
module_param(background, bool, 0444);

/* The busy thread can be preempted inside of klptest_outer() only. */
static bool obstinate;
module_param(obstinate, bool, 0644);

/* The module's init function takes its time, until told to go on. */
static bool linger;
module_param(linger, bool, 0444);

/* What no compiler knows: one that does takes the result for itself, and does not ask who is called. */
static __always_inline int original(void)
{
	int version = 0;

	OPTIMIZER_HIDE_VAR(version);
	return version;
}

/* The barrier is a side effect: without one gcc asks once where it is told to ask twice, or never. */
noinline int klptest_inner(void)
{
	barrier();
	return original();
}
EXPORT_SYMBOL_GPL(klptest_inner);

/* The barrier keeps this frame on the stack: without it there is a tail call. */
noinline int klptest_outer(int mode)
{
	klptest_judge(0, mode);
	barrier();
	return original();
}
EXPORT_SYMBOL_GPL(klptest_outer);

/* A function that others may keep from being run, and say what it returns. */
noinline int klptest_answer(void)
{
	barrier();
	return original();
}
EXPORT_SYMBOL_GPL(klptest_answer);
ALLOW_ERROR_INJECTION(klptest_answer, ERRNO);

noinline void klptest_wait(void)
{
	wait_event(release, READ_ONCE(released));
	barrier();
}

/* Who notes where the calls of ftrace are: the compiler, or objtool for all. */
#ifdef CONFIG_FTRACE_MCOUNT_USE_CC
#define NOTE_FENTRY ".pushsection __mcount_loc, \"a\"\n.quad 2f\n.popsection\n"
#else
#define NOTE_FENTRY
#endif

/* As compilers do it: the function's other part is elsewhere, and calls klptest_wait() from there. */
asm(".pushsection .text\n"
    ".globl klptest_seldom\n"
    ".type klptest_seldom, @function\n"
    "klptest_seldom:\n"
    ASM_ENDBR
    NOTE_FENTRY
    "2: call __fentry__\n"
    "test %dil, %dil\n"
    "jne klptest_seldom.cold\n"
    "1: xor %eax, %eax\n"
    ASM_RET
    ".size klptest_seldom, . - klptest_seldom\n"
    ".popsection\n"
    ".pushsection .text.unlikely, \"ax\"\n"
    ".type klptest_seldom.cold, @function\n"
    "klptest_seldom.cold:\n"
    "call klptest_wait\n"
    "jmp 1b\n"
    ".size klptest_seldom.cold, . - klptest_seldom.cold\n"
    ".popsection");
EXPORT_SYMBOL_GPL(klptest_seldom);

static void spin(void)
{
	int i;

	for (i = 0; i < 2000; i++)
		cpu_relax();
}

noinline static void pass_time(int mode)
{
	switch (mode) {
	case KLPTEST_YIELD:
		cond_resched();
		break;
	case KLPTEST_SLEEP:
		schedule_timeout_interruptible(1);
		break;
	case KLPTEST_BLOCK:
		wait_event(release, READ_ONCE(released));
		break;
	case KLPTEST_PAUSE:
		wait_event_interruptible(release, READ_ONCE(released));
		break;
	case KLPTEST_LINGER:
		mdelay(5);
		break;
	default:
		spin();
	}
}

static void expect(int found, int version)
{
	if (found == version)
		return;
	atomic_long_inc(&mixed);
	pr_info("klptest: %d in %d, %s:%d, exit state %d, %s\n", found, version,
		current->comm, current->pid, current->exit_state,
		in_nmi() ? "NMI" : in_hardirq() ? "interrupt" : in_task() ? "task" : "softirq");
}

void klptest_judge(int version, int mode)
{
	if (mode == KLPTEST_ATOMIC)
		preempt_disable();

	expect(klptest_inner(), version);
	pass_time(mode);
	expect(klptest_inner(), version);

	if (mode == KLPTEST_ATOMIC)
		preempt_enable();

	/* All levels of a recursion are of one version, too. */
	if (mode >= KLPTEST_MODES && mode < KLPTEST_MODES + depth_limit) {
		expect(klptest_outer(mode + 1), version);
	} else if (mode == KLPTEST_RECURSE) {
		expect(klptest_outer(KLPTEST_MODES), version);
	}

	atomic_long_inc(&calls[version % VERSIONS]);
}
EXPORT_SYMBOL_GPL(klptest_judge);

/*
 * Nobody waits for a kernel thread: it leaves the task list itself, and then dies. This one not at
 * once: a function between the two goes to slow_exit().
 */
static bool mayfly_free;
static unsigned long exit_rest;

static int mayfly_fn(void *unused)
{
	return 0;
}

static void slow_exit(struct task_struct *task)
{
	if (!strcmp(task->comm, "klptest_mayfly"))
		wait_event(release, READ_ONCE(mayfly_free));
	((void (*)(struct task_struct *))exit_rest)(task);
}

static void notrace exit_handler(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				 struct ftrace_regs *fregs)
{
	exit_rest = ip + MCOUNT_INSN_SIZE;
	ftrace_get_regs(fregs)->ip = (unsigned long)slow_exit;
}

static struct ftrace_ops exit_ops = {
	.func = exit_handler,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

static void start_mayfly(void)
{
	char function[] = "exit_task_stack_account";

	if (ftrace_set_filter(&exit_ops, function, strlen(function), 1) ||
	    register_ftrace_function(&exit_ops))
		return;
	mayfly_free = false;
	kthread_run(mayfly_fn, NULL, "klptest_mayfly");
}

static void free_mayfly(void)
{
	WRITE_ONCE(mayfly_free, true);
	wake_up_all(&release);
	unregister_ftrace_function(&exit_ops);
}

static int sleeper_fn(void *unused)
{
	while (!kthread_should_stop()) {
		klptest_outer(KLPTEST_SLEEP);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static int busy_fn(void *unused)
{
	while (!kthread_should_stop()) {
		klptest_outer(KLPTEST_SPIN);
		if (obstinate)
			klptest_outer(KLPTEST_YIELD);
		/*
		 * A thread that never sleeps owes this to ftrace, which waits for
		 * RCU tasks where the kernel can be preempted.
		 */
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

static void timer_fn(struct timer_list *timer)
{
	klptest_outer(KLPTEST_SPIN);
	mod_timer(timer, jiffies + 1);
}
static DEFINE_TIMER(timer, timer_fn);

/* A task that exits is taken off the list of tasks before it stops running: there it takes longer. */
static int nmi_fn(unsigned int command, struct pt_regs *regs)
{
	klptest_outer(pid_alive(current) ? KLPTEST_ATOMIC : KLPTEST_LINGER);
	atomic_long_inc(&nmis);
	if (!pid_alive(current))
		atomic_long_inc(&dying);
	return NMI_HANDLED;
}

/* It comes to the next CPU, in whatever that one is doing. */
static void send_nmi(void)
{
	unsigned int cpu = cpumask_next(smp_processor_id(), cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
}

static enum hrtimer_restart hrtimer_fn(struct hrtimer *timer)
{
	send_nmi();
	klptest_outer(KLPTEST_ATOMIC);
	hrtimer_forward_now(timer, ms_to_ktime(3));
	return HRTIMER_RESTART;
}
static struct hrtimer hrtimer;

static void work_fn(struct work_struct *work)
{
	klptest_outer(KLPTEST_SLEEP);
	schedule_delayed_work(to_delayed_work(work), 1);
}
static DECLARE_DELAYED_WORK(work, work_fn);

static struct task_struct *sleeper, *busy;

static void start_background(void)
{
	sleeper = kthread_run(sleeper_fn, NULL, "klptest_sleeper");
	busy = kthread_run(busy_fn, NULL, "klptest_busy");
	if (!IS_ERR(busy))
		set_user_nice(busy, 10);
	mod_timer(&timer, jiffies + 1);
	register_nmi_handler(NMI_LOCAL, nmi_fn, 0, "klptest");
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer.function = hrtimer_fn;
#else
	hrtimer_setup(&hrtimer, hrtimer_fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#endif
	hrtimer_start(&hrtimer, ms_to_ktime(3), HRTIMER_MODE_REL);
	schedule_delayed_work(&work, 1);
}

static void stop_background(void)
{
	if (!IS_ERR_OR_NULL(sleeper))
		kthread_stop(sleeper);
	if (!IS_ERR_OR_NULL(busy))
		kthread_stop(busy);
	timer_delete_sync(&timer);
	hrtimer_cancel(&hrtimer);
	unregister_nmi_handler(NMI_LOCAL, "klptest");
	cancel_delayed_work_sync(&work);
}

/* Nanoseconds for a million calls of a function that may be patched. */
static u64 time_calls(void)
{
	u64 start;
	int i;

	preempt_disable();
	start = ktime_get_ns();
	for (i = 0; i < 1000000; i++)
		klptest_inner();
	start = ktime_get_ns() - start;
	preempt_enable();
	return start;
}

static int show(struct seq_file *m, void *unused)
{
	int i;

	seq_printf(m, "mixed %ld\n", atomic_long_read(&mixed));
	seq_printf(m, "nmis %ld\n", atomic_long_read(&nmis));
	seq_printf(m, "dying %ld\n", atomic_long_read(&dying));
	for (i = 0; i < VERSIONS; i++)
		seq_printf(m, "calls%d %ld\n", i, atomic_long_read(&calls[i]));
	return 0;
}

static int open(struct inode *inode, struct file *file)
{
	return single_open(file, show, NULL);
}

static void keep(struct task_struct *task)
{
	if (task)
		refcount_inc(&task->rcu_users);
	task = xchg(&kept, task);
	if (!task)
		return;
	synchronize_rcu();
	if (refcount_dec_and_test(&task->rcu_users))
		put_task_struct(task);
}

static ssize_t write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char command;

	if (get_user(command, buf))
		return -EFAULT;

	if (command >= '0' && command < '0' + KLPTEST_MODES) {
		klptest_outer(command - '0');
	} else if (command == 's') {
		klptest_seldom(true);
	} else if (command == 'r') {
		WRITE_ONCE(released, true);
		wake_up_all(&release);
	} else if (command == 'b') {
		WRITE_ONCE(released, false);
	} else if (command == 'k') {
		keep(current);
	} else if (command == 'l') {
		keep(NULL);
	} else if (command == 'd') {
		start_mayfly();
	} else if (command == 'f') {
		free_mayfly();
	} else if (command == 'a') {
		int error = klptest_answer();

		if (error)
			return error;
	} else if (command == 't') {
		pr_info("klptest: %llu ns\n", time_calls());
	} else {
		return -EINVAL;
	}
	return count;
}

static const struct proc_ops ops = {
	.proc_open = open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = write,
};

static int __init klptest_init(void)
{
	if (!proc_create("klptest", 0600, NULL, &ops))
		return -ENOMEM;
	if (background)
		start_background();
	if (linger)
		wait_event(release, READ_ONCE(released));
	return 0;
}

static void __exit klptest_exit(void)
{
	remove_proc_entry("klptest", NULL);
	keep(NULL);
	if (background)
		stop_background();
}

module_init(klptest_init);
module_exit(klptest_exit);
MODULE_LICENSE("GPL");
