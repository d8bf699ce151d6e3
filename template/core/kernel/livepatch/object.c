// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects of a patch, vmlinux and modules, and their functions: from the author's
 * arrays to addresses, and back when the object's module leaves.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kernel.h>
#include <linux/string.h>
#include "core.h"
#include "imports.h"
#include "module.h"
#include "object.h"
#include "relocs.h"
#include "symbols.h"
#include "sysfs.h"

void klp_init_func_early(struct klp_object *obj, struct klp_func *func)
{
	klp_init_func_kobject(func);
	INIT_LIST_HEAD(&func->stack_node);
	list_add_tail(&func->node, &obj->func_list);
	func->patched = false;
	func->transition = false;
}

void klp_init_object_early(struct klp_patch *patch, struct klp_object *obj)
{
	struct klp_func *func;

	klp_init_object_kobject(obj);
	INIT_LIST_HEAD(&obj->func_list);
	list_add_tail(&obj->node, &patch->obj_list);
	obj->patched = false;
	obj->mod = NULL;

	/* An object that was made for nops has no array of the author's. */
	if (!obj->funcs)
		return;
	klp_for_each_func_static(obj, func)
		klp_init_func_early(obj, func);
}

static int klp_init_func(struct klp_object *obj, struct klp_func *func)
{
	if (!func->old_name || strlen(func->old_name) >= KSYM_NAME_LEN)
		return -EINVAL;

	/* A nop learns its address when the object is loaded. */
	if (!func->new_func && !func->nop)
		return -EINVAL;

	return klp_add_func_kobject(obj, func);
}

static int klp_code_size(const char *what, const char *name, void *code,
			 unsigned long *size)
{
	if (klp_kernel(kallsyms_lookup_size_offset)((unsigned long)code, size, NULL))
		return 0;

	pr_err("kallsyms size lookup failed for '%s'%s\n", name, what);
	return -ENOENT;
}

static int klp_find_func(struct klp_object *obj, struct klp_func *func)
{
	unsigned long addr;
	int ret;

	ret = klp_find_symbol(obj->name, func->old_name, func->old_sympos, &addr);
	if (ret)
		return ret;
	func->old_func = (void *)addr;

	ret = klp_code_size("", func->old_name, func->old_func, &func->old_size);
	if (ret)
		return ret;

	if (func->nop)
		func->new_func = func->old_func;
	return klp_code_size(" replacement", func->old_name, func->new_func,
			     &func->new_size);
}

static int klp_find_funcs(struct klp_object *obj)
{
	struct klp_func *func;
	int ret;

	klp_for_each_func(obj, func) {
		ret = klp_find_func(obj, func);
		if (ret)
			return ret;
	}
	return 0;
}

static void klp_forget_funcs(struct klp_object *obj)
{
	struct klp_func *func;

	klp_for_each_func(obj, func) {
		func->old_func = NULL;
		if (func->nop)
			func->new_func = NULL;
	}
}

/*
 * The part of the initialization that needs the object to be there. On failure
 * the object is as before, but for its @mod.
 */
int klp_init_object_loaded(struct klp_patch *patch, struct klp_object *obj)
{
	int ret;

	/* Those to vmlinux were written when the patch module was loaded. */
	if (klp_is_module(obj)) {
		ret = klp_apply_relocs(patch->mod, obj->name);
		if (ret)
			return ret;
	}

	ret = klp_find_funcs(obj);
	if (ret) {
		klp_forget_funcs(obj);
		if (klp_is_module(obj))
			klp_undo_relocs(patch->mod, obj->name);
	}
	return ret;
}

/* The object's module leaves: nothing of it may be used any more. */
void klp_free_object_loaded(struct klp_patch *patch, struct klp_object *obj)
{
	klp_forget_funcs(obj);
	klp_undo_relocs(patch->mod, obj->name);
	obj->mod = NULL;
}

int klp_init_object(struct klp_patch *patch, struct klp_object *obj)
{
	struct klp_func *func;
	int ret;

	if (klp_is_module(obj)) {
		if (strlen(obj->name) >= MODULE_NAME_LEN)
			return -EINVAL;
		obj->mod = klp_find_module(obj->name);
	}

	ret = klp_add_object_kobject(patch, obj);
	if (ret)
		return ret;

	klp_for_each_func(obj, func) {
		ret = klp_init_func(obj, func);
		if (ret)
			return ret;
	}

	return klp_is_object_loaded(obj) ? klp_init_object_loaded(patch, obj) : 0;
}

void klp_free_objects(struct klp_patch *patch)
{
	struct klp_object *obj, *next_obj;
	struct klp_func *func, *next_func;

	klp_for_each_object_safe(patch, obj, next_obj) {
		klp_for_each_func_safe(obj, func, next_func) {
			list_del(&func->node);
			kobject_put(&func->kobj);
		}
		list_del(&obj->node);
		kobject_put(&obj->kobj);
	}
}
