// SPDX-License-Identifier: GPL-2.0
/*
 * The init code of a live patch module made by klp-build: turns the differ's
 * records into a struct klp_patch and hands that to the livepatch core.
 *
 * klp_build_config.h is generated for each module: KLP_BUILD_REPLACE (does the
 * patch replace all others?), one KLP_BUILD_IMPORT_NS() per namespace that the
 * patched code imports symbols from, and the build ids of what is patched.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "klp_build.h"

#define KLP_BUILD_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#include "klp_build_config.h"

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.replace = KLP_BUILD_REPLACE,
};

/* In struct klp_object, vmlinux has no name. */
static const char *klp_name(const char *objname)
{
	return strcmp(objname, "vmlinux") ? objname : NULL;
}

static bool same_object(const struct klp_object *obj, const char *objname)
{
	const char *name = klp_name(objname);

	return obj->name && name ? !strcmp(obj->name, name) : obj->name == name;
}

static size_t count_funcs(const char *objname)
{
	const struct klp_build_func *rec;
	size_t nr = 0;

	for (rec = klp_build_funcs_begin; rec < klp_build_funcs_end; rec++)
		nr += !strcmp(rec->objname, objname);
	return nr;
}

/* The objects' array ends with an entry that has neither name nor functions. */
static struct klp_object *find_object(const char *objname)
{
	struct klp_object *obj;

	for (obj = patch.objs; obj->funcs; obj++)
		if (same_object(obj, objname))
			return obj;
	return NULL;
}

static int add_object(struct klp_object *obj, const char *objname)
{
	const struct klp_build_func *rec;
	struct klp_func *func;

	func = kcalloc(count_funcs(objname) + 1, sizeof(*func), GFP_KERNEL);
	if (!func)
		return -ENOMEM;

	obj->name = klp_name(objname);
	obj->funcs = func;
	for (rec = klp_build_funcs_begin; rec < klp_build_funcs_end; rec++) {
		if (strcmp(rec->objname, objname))
			continue;
		func->old_name = rec->old_name;
		func->new_func = rec->new_func;
		func->old_sympos = rec->old_sympos;
		func++;
	}
	return 0;
}

static int add_object_once(struct klp_object **next, const char *objname)
{
	int ret;

	if (find_object(objname))
		return 0;
	ret = add_object(*next, objname);
	if (!ret)
		(*next)++;
	return ret;
}

/* An object that has only callbacks is one as well: its array of functions is empty. */
static int add_objects(void)
{
	const struct klp_build_callback *callback;
	const struct klp_build_func *rec;
	struct klp_object *next;
	int ret;

	/* At most one object per function and callback, and the end. */
	patch.objs = kcalloc((klp_build_funcs_end - klp_build_funcs_begin) +
			     (klp_build_callbacks_end - klp_build_callbacks_begin) + 1,
			     sizeof(*patch.objs), GFP_KERNEL);
	if (!patch.objs)
		return -ENOMEM;

	next = patch.objs;
	for (rec = klp_build_funcs_begin; rec < klp_build_funcs_end; rec++) {
		ret = add_object_once(&next, rec->objname);
		if (ret)
			return ret;
	}
	for (callback = klp_build_callbacks_begin; callback < klp_build_callbacks_end; callback++) {
		ret = add_object_once(&next, callback->objname);
		if (ret)
			return ret;
	}
	return 0;
}

static int add_callback(const struct klp_build_callback *rec)
{
	struct klp_object *obj = find_object(rec->objname);

	switch (rec->kind) {
	case KLP_BUILD_PRE_PATCH:
		obj->callbacks.pre_patch = rec->fn;
		return 0;
	case KLP_BUILD_POST_PATCH:
		obj->callbacks.post_patch = rec->fn;
		return 0;
	case KLP_BUILD_PRE_UNPATCH:
		obj->callbacks.pre_unpatch = rec->fn;
		return 0;
	case KLP_BUILD_POST_UNPATCH:
		obj->callbacks.post_unpatch = rec->fn;
		return 0;
	}
	pr_err("callback %ps: unknown kind %llu\n", rec->fn, rec->kind);
	return -EINVAL;
}

static int add_callbacks(void)
{
	const struct klp_build_callback *rec;
	int ret;

	for (rec = klp_build_callbacks_begin; rec < klp_build_callbacks_end; rec++) {
		ret = add_callback(rec);
		if (ret)
			return ret;
	}
	return 0;
}

static void free_objects(void)
{
	struct klp_object *obj;

	if (!patch.objs)
		return;
	for (obj = patch.objs; obj->funcs; obj++)
		kfree(obj->funcs);
	kfree(patch.objs);
}

static int __init klp_build_init(void)
{
	int ret;

	ret = add_objects();
	if (!ret)
		ret = add_callbacks();
	if (!ret)
		ret = klp_enable_patch(&patch);
	if (ret)
		free_objects();
	return ret;
}

/* The core lets a patch module go only when nothing of the patch is in use. */
static void __exit klp_build_exit(void)
{
	free_objects();
}

module_init(klp_build_init);
module_exit(klp_build_exit);
MODULE_DESCRIPTION("Live patch built by klp-build");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
