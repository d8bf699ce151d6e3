/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_CORE_H
#define _KLP_CORE_H

#include <linux/livepatch.h>
#include <linux/mutex.h>

/*
 * klp_mutex serializes everything that is done to patches. Without it only the
 * paths of single tasks run: the ftrace handler and the switching of a task.
 * They depend on barriers, each explained where it stands.
 */
extern struct mutex klp_mutex;

/* Enabled patches and the one in transition, the oldest first. */
extern struct list_head klp_patches;

#define klp_for_each_patch(patch) \
	list_for_each_entry(patch, &klp_patches, list)

#define klp_for_each_patch_safe(patch, next) \
	list_for_each_entry_safe(patch, next, &klp_patches, list)

#define klp_for_each_object(patch, obj) \
	list_for_each_entry(obj, &(patch)->obj_list, node)

#define klp_for_each_object_safe(patch, obj, next) \
	list_for_each_entry_safe(obj, next, &(patch)->obj_list, node)

#define klp_for_each_func(obj, func) \
	list_for_each_entry(func, &(obj)->func_list, node)

#define klp_for_each_func_safe(obj, func, next) \
	list_for_each_entry_safe(func, next, &(obj)->func_list, node)

/* What the patch's author wrote: arrays, ended by an empty entry. */
#define klp_for_each_object_static(patch, obj) \
	for (obj = (patch)->objs; obj->funcs || obj->name; obj++)

#define klp_for_each_func_static(obj, func) \
	for (func = (obj)->funcs; \
	     func->old_name || func->new_func || func->old_sympos; func++)

static inline bool klp_is_module(const struct klp_object *obj)
{
	return obj->name;
}

static inline const char *klp_object_name(const struct klp_object *obj)
{
	return klp_is_module(obj) ? obj->name : "vmlinux";
}

static inline bool klp_is_object_loaded(const struct klp_object *obj)
{
	return !klp_is_module(obj) || obj->mod;
}

int klp_lock_for_transition(void);
int klp_disable_patch(struct klp_patch *patch);
void klp_free_patch_async(struct klp_patch *patch);

#endif /* _KLP_CORE_H */
