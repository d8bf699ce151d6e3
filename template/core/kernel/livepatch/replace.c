// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Atomic replacement: a patch that takes the place of all others.
 *
 * A function that an older patch replaces and the new one does not must go back
 * to the original in the same transition. For each of these the new patch gets a
 * nop, a replacement that means the original. When the transition is complete,
 * the older patches and the nops are removed, in this order, so that each nop is
 * the last in its stack and the function is let go of by ftrace.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/slab.h>
#include <linux/string.h>
#include "core.h"
#include "object.h"
#include "patch.h"
#include "replace.h"

/* Positions 0, the only one, and 1, the first, may be the same symbol. */
static bool klp_same_func(struct klp_func *a, struct klp_func *b)
{
	return !strcmp(a->old_name, b->old_name) &&
	       max(a->old_sympos, 1UL) == max(b->old_sympos, 1UL);
}

static struct klp_func *klp_find_same_func(struct klp_object *obj,
					   struct klp_func *old_func)
{
	struct klp_func *func;

	klp_for_each_func(obj, func)
		if (klp_same_func(func, old_func))
			return func;
	return NULL;
}

static struct klp_object *klp_find_same_object(struct klp_patch *patch,
					       struct klp_object *old_obj)
{
	struct klp_object *obj;

	klp_for_each_object(patch, obj)
		if (!strcmp(klp_object_name(obj), klp_object_name(old_obj)))
			return obj;
	return NULL;
}

static struct klp_object *klp_add_dynamic_object(struct klp_patch *patch,
						 const char *name)
{
	struct klp_object *obj;

	obj = kzalloc(sizeof(*obj), GFP_KERNEL);
	if (!obj)
		return NULL;

	if (name) {
		obj->name = kstrdup(name, GFP_KERNEL);
		if (!obj->name) {
			kfree(obj);
			return NULL;
		}
	}

	obj->dynamic = true;
	klp_init_object_early(patch, obj);
	return obj;
}

/* Called when the last reference to the kobject is gone. */
void klp_free_dynamic_object(struct klp_object *obj)
{
	kfree(obj->name);
	kfree(obj);
}

static int klp_add_nop(struct klp_object *obj, struct klp_func *old_func)
{
	struct klp_func *func;

	func = kzalloc(sizeof(*func), GFP_KERNEL);
	if (!func)
		return -ENOMEM;

	func->old_name = kstrdup(old_func->old_name, GFP_KERNEL);
	if (!func->old_name) {
		kfree(func);
		return -ENOMEM;
	}

	func->old_sympos = old_func->old_sympos;
	func->nop = true;
	klp_init_func_early(obj, func);
	return 0;
}

void klp_free_nop(struct klp_func *func)
{
	kfree(func->old_name);
	kfree(func);
}

static int klp_add_object_nops(struct klp_patch *patch, struct klp_object *old_obj)
{
	struct klp_object *obj;
	struct klp_func *old_func;
	int ret;

	obj = klp_find_same_object(patch, old_obj);
	if (!obj)
		obj = klp_add_dynamic_object(patch, old_obj->name);
	if (!obj)
		return -ENOMEM;

	klp_for_each_func(old_obj, old_func) {
		if (klp_find_same_func(obj, old_func))
			continue;
		ret = klp_add_nop(obj, old_func);
		if (ret)
			return ret;
	}
	return 0;
}

/* What was added until an error is freed with the rest of the patch. */
int klp_add_nops(struct klp_patch *patch)
{
	struct klp_patch *old_patch;
	struct klp_object *old_obj;
	int ret;

	klp_for_each_patch(old_patch) {
		klp_for_each_object(old_patch, old_obj) {
			ret = klp_add_object_nops(patch, old_obj);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/*
 * All tasks use the new patch. A forced transition may have left some inside the
 * old functions; their modules stay then (klp_patch.forced).
 */
void klp_unpatch_replaced(struct klp_patch *patch)
{
	struct klp_patch *old_patch;

	klp_for_each_patch(old_patch) {
		if (old_patch == patch)
			return;
		old_patch->enabled = false;
		klp_unpatch_objects(old_patch);
	}
}

/*
 * Each nop is the last in its stack now, so ftrace waits for all handlers before
 * the nop is freed, and for all regions with preemption disabled with them.
 */
void klp_discard_nops(struct klp_patch *patch)
{
	struct klp_object *obj, *next_obj;
	struct klp_func *func, *next_func;

	klp_unpatch_nops(patch);

	klp_for_each_object_safe(patch, obj, next_obj) {
		klp_for_each_func_safe(obj, func, next_func) {
			if (!func->nop)
				continue;
			list_del(&func->node);
			kobject_put(&func->kobj);
		}
		if (obj->dynamic) {
			list_del(&obj->node);
			kobject_put(&obj->kobj);
		}
	}
}

void klp_free_replaced(struct klp_patch *patch)
{
	struct klp_patch *old_patch, *next;

	klp_for_each_patch_safe(old_patch, next) {
		if (old_patch == patch)
			return;
		klp_free_patch_async(old_patch);
	}
}
