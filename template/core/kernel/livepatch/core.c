// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a patch: enabled, disabled, freed.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kernel.h>
#include <linux/panic.h>
#include "core.h"
#include "dying.h"
#include "object.h"
#include "patch.h"
#include "replace.h"
#include "stack.h"
#include "state.h"
#include "sysfs.h"
#include "tasks.h"
#include "transition.h"

DEFINE_MUTEX(klp_mutex);	/* see core.h */
LIST_HEAD(klp_patches);

/*
 * Takes klp_mutex when a transition may begin, or is under way already. Returns -EBUSY,
 * without it, when tasks are still dying of the last one.
 */
int klp_lock_for_transition(void)
{
	int ret;

	for (;;) {
		mutex_lock(&klp_mutex);
		if (klp_transition_patch || klp_none_dying())
			return 0;
		mutex_unlock(&klp_mutex);

		ret = klp_wait_for_dying();
		if (ret)
			return ret;
	}
}

/* What can be done under klp_mutex; klp_finish_free() has to follow. */
static void klp_start_free(struct klp_patch *patch)
{
	if (!list_empty(&patch->list))
		list_del_init(&patch->list);
	klp_free_objects(patch);
}

/*
 * Not under klp_mutex: the last reference to the kobject may be held by somebody
 * who writes to the patch's "enabled" and waits for that mutex. The module goes
 * last, it holds the memory of the patch.
 */
static void klp_finish_free(struct klp_patch *patch)
{
	kobject_put(&patch->kobj);
	wait_for_completion(&patch->finish);

	if (!patch->forced)
		module_put(patch->mod);
}

static void klp_free_work_fn(struct work_struct *work)
{
	klp_finish_free(container_of(work, struct klp_patch, free_work));
}

/* May be called from the patch's own files in sysfs. */
void klp_free_patch_async(struct klp_patch *patch)
{
	klp_start_free(patch);
	schedule_work(&patch->free_work);
}

static int klp_check_patch(struct klp_patch *patch)
{
	struct klp_object *obj;

	if (!patch || !patch->mod || !patch->objs)
		return -EINVAL;

	klp_for_each_object_static(patch, obj)
		if (!obj->funcs)
			return -EINVAL;

	return 0;
}

/* After this everything can be taken back by klp_start_free(). */
static void klp_init_patch_early(struct klp_patch *patch)
{
	struct klp_object *obj;

	INIT_LIST_HEAD(&patch->list);
	INIT_LIST_HEAD(&patch->obj_list);
	klp_init_patch_kobject(patch);
	INIT_WORK(&patch->free_work, klp_free_work_fn);
	init_completion(&patch->finish);
	patch->enabled = false;
	patch->forced = false;

	klp_for_each_object_static(patch, obj)
		klp_init_object_early(patch, obj);
}

static int klp_init_patch(struct klp_patch *patch)
{
	struct klp_object *obj;
	int ret;

	ret = klp_add_patch_kobject(patch);
	if (ret)
		return ret;

	if (patch->replace) {
		ret = klp_add_nops(patch);
		if (ret)
			return ret;
	}

	klp_for_each_object(patch, obj) {
		ret = klp_init_object(patch, obj);
		if (ret)
			return ret;
	}

	list_add_tail(&patch->list, &klp_patches);
	return 0;
}

static int klp_patch_loaded_objects(struct klp_patch *patch)
{
	struct klp_object *obj;
	int ret;

	klp_for_each_object(patch, obj) {
		if (!klp_is_object_loaded(obj))
			continue;

		ret = klp_pre_patch_callback(obj);
		if (ret) {
			pr_warn("pre-patch callback failed for object '%s'\n",
				klp_object_name(obj));
			return ret;
		}

		ret = klp_patch_object(obj);
		if (ret) {
			pr_warn("failed to patch object '%s'\n",
				klp_object_name(obj));
			return ret;
		}
	}
	return 0;
}

static int klp_start_enabling(struct klp_patch *patch)
{
	int ret;

	if (klp_transition_patch)
		return -EBUSY;

	pr_notice("enabling patch '%s'\n", patch->mod->name);

	klp_init_transition(patch, KLP_TRANSITION_PATCHED);

	ret = klp_patch_loaded_objects(patch);
	if (!ret)
		ret = klp_prepare_stack_check(patch);
	if (ret) {
		pr_warn("failed to enable patch '%s'\n", patch->mod->name);
		klp_cancel_transition();
		return ret;
	}

	klp_start_transition();
	patch->enabled = true;
	klp_try_complete_transition();
	return 0;
}

/* Under klp_mutex. Returns -EBUSY while another transition is under way. */
int klp_disable_patch(struct klp_patch *patch)
{
	struct klp_object *obj;
	int ret;

	if (WARN_ON(!patch->enabled))
		return -EINVAL;
	if (klp_transition_patch)
		return -EBUSY;

	ret = klp_prepare_stack_check(patch);
	if (ret)
		return ret;

	klp_init_transition(patch, KLP_TRANSITION_UNPATCHED);

	klp_for_each_object(patch, obj)
		if (obj->patched)
			klp_pre_unpatch_callback(obj);

	klp_start_transition();
	patch->enabled = false;
	klp_try_complete_transition();
	return 0;
}

static void klp_taint(struct module *mod)
{
	if (!test_taint(TAINT_LIVEPATCH))
		pr_notice("%s: tainting kernel with TAINT_LIVEPATCH\n", mod->name);
	add_taint(TAINT_LIVEPATCH, LOCKDEP_STILL_OK);
	set_bit(TAINT_LIVEPATCH, &mod->taints);
}

static int klp_enable_locked(struct klp_patch *patch)
{
	int ret;

	if (!klp_is_patch_compatible(patch)) {
		pr_err("Livepatch patch (%s) is not compatible with the already installed livepatches.\n",
		       patch->mod->name);
		return -EINVAL;
	}

	ret = klp_init_patch(patch);
	if (!ret)
		ret = klp_start_enabling(patch);
	return ret;
}

/**
 * klp_enable_patch() - put a livepatch into effect
 * @patch:	the patch, filled in by its author
 *
 * To be called from the init function of the patch's module. When it returns 0,
 * the transition has begun; when it ends is seen in sysfs.
 *
 * Return: 0, or a negative error with everything as it was before
 */
int klp_enable_patch(struct klp_patch *patch)
{
	int ret;

	ret = klp_check_patch(patch);
	if (ret)
		return ret;

	if (!try_module_get(patch->mod))
		return -ENODEV;

	ret = klp_lock_for_transition();
	if (ret) {
		module_put(patch->mod);
		return ret;
	}

	klp_taint(patch->mod);
	klp_init_patch_early(patch);
	ret = klp_enable_locked(patch);
	if (ret)
		klp_start_free(patch);
	mutex_unlock(&klp_mutex);

	if (ret)
		klp_finish_free(patch);
	return ret;
}
EXPORT_SYMBOL_GPL(klp_enable_patch);
