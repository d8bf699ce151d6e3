/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_OBJECT_H
#define _KLP_OBJECT_H

#include <linux/livepatch.h>

void klp_init_object_early(struct klp_patch *patch, struct klp_object *obj);
void klp_init_func_early(struct klp_object *obj, struct klp_func *func);
int klp_init_object(struct klp_patch *patch, struct klp_object *obj);
int klp_init_object_loaded(struct klp_patch *patch, struct klp_object *obj);
void klp_free_object_loaded(struct klp_patch *patch, struct klp_object *obj);
void klp_free_objects(struct klp_patch *patch);

/* The four callbacks. post_unpatch is called if and only if pre_patch succeeded. */

static inline int klp_pre_patch_callback(struct klp_object *obj)
{
	struct klp_callbacks *callbacks = &obj->callbacks;
	int ret = callbacks->pre_patch ? callbacks->pre_patch(obj) : 0;

	callbacks->post_unpatch_enabled = !ret;
	return ret;
}

static inline void klp_post_patch_callback(struct klp_object *obj)
{
	if (obj->callbacks.post_patch)
		obj->callbacks.post_patch(obj);
}

static inline void klp_pre_unpatch_callback(struct klp_object *obj)
{
	if (obj->callbacks.pre_unpatch)
		obj->callbacks.pre_unpatch(obj);
}

static inline void klp_post_unpatch_callback(struct klp_object *obj)
{
	struct klp_callbacks *callbacks = &obj->callbacks;

	if (callbacks->post_unpatch_enabled && callbacks->post_unpatch)
		callbacks->post_unpatch(obj);
	callbacks->post_unpatch_enabled = false;
}

#endif /* _KLP_OBJECT_H */
