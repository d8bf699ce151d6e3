// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hooking functions of the kernel for the time of a transition.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kernel.h>
#include <linux/workqueue.h>
#include "core.h"
#include "hook.h"
#include "imports.h"
#include "transition.h"

static struct klp_hook *const klp_hooks[] = { &klp_fork_hook, &klp_resched_hook };

static int klp_init_hook(struct klp_hook *hook)
{
	unsigned long function = klp_lookup_kernel(hook->function);

	hook->location = function ? klp_kernel(ftrace_location)(function) : 0;
	if (!hook->location)
		return 0;
	return ftrace_set_filter_ip(&hook->ops, hook->location, 0, 0);
}

int klp_init_hooks(void)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(klp_hooks); i++) {
		ret = klp_init_hook(klp_hooks[i]);
		if (ret) {
			klp_exit_hooks();
			return ret;
		}
	}
	return 0;
}

void klp_exit_hooks(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(klp_hooks); i++)
		ftrace_free_filter(&klp_hooks[i]->ops);
}

/* Under klp_mutex. Enabled it stays until klp_disable_hooks(). */
int klp_enable_hook(struct klp_hook *hook)
{
	int ret;

	lockdep_assert_held(&klp_mutex);

	if (hook->enabled)
		return 0;
	if (!hook->location)
		return -ENOENT;

	ret = register_ftrace_function(&hook->ops);
	hook->enabled = !ret;
	return ret;
}

/* ftrace waits for a grace period, that is why nobody else does. */
static void klp_disable_hooks_fn(struct work_struct *work)
{
	int i;

	mutex_lock(&klp_mutex);
	for (i = 0; i < ARRAY_SIZE(klp_hooks) && !klp_transition_patch; i++) {
		if (!klp_hooks[i]->enabled)
			continue;
		WARN_ON(unregister_ftrace_function(&klp_hooks[i]->ops));
		klp_hooks[i]->enabled = false;
	}
	mutex_unlock(&klp_mutex);
}
static DECLARE_WORK(klp_disable_hooks_work, klp_disable_hooks_fn);

/* Soon, unless another transition begins before. */
void klp_disable_hooks(void)
{
	queue_work(system_long_wq, &klp_disable_hooks_work);
}
