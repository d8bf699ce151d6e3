// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for everybody who may be in the middle of something.
 */

#include <linux/cpu.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>
#include "core.h"
#include "sync.h"

static DEFINE_PER_CPU(struct work_struct, klp_sync_works);

static void klp_sync_fn(struct work_struct *work)
{
}

/**
 * klp_synchronize_transition() - wait for a context switch on each CPU
 *
 * The ftrace handler, the switch of a task and the last steps of a task that exits
 * (from do_task_dead() on) run with preemption disabled. All of them that had begun
 * before are over after this, and have seen or are seen as if by a full barrier.
 *
 * synchronize_rcu() would not do: functions are patched that are called where RCU is
 * not watching. Nor would schedule_on_each_cpu(): it allocates, and what cannot be
 * waited for cannot be taken back.
 */
void klp_synchronize_transition(void)
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
