// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Modules that come and go while patches for them are in place.
 *
 * The kernel's core is called by the module loader; we are a notifier, with the
 * highest priority:
 *
 *  - MODULE_STATE_COMING is announced when ftrace knows the module's functions
 *    and none of them has run. Being first we write the relocations of a patch
 *    module before jump labels, static calls and tracepoints read the entries.
 *    An error from here keeps the module out.
 *  - MODULE_STATE_LIVE is of interest only for a module that was announced as
 *    coming before we were there to hear it.
 *  - MODULE_STATE_GOING is announced after the module's exit function, and when
 *    loading fails after we were told of it.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "core.h"
#include "imports.h"
#include "module.h"
#include "object.h"
#include "patch.h"
#include "relocs.h"
#include "stack.h"
#include "transition.h"

#define KLP_ALIVE_BITS 7

/**
 * struct klp_alive - a module that can be patched
 * @node:	in klp_alive_modules
 * @mod:	the module
 */
struct klp_alive {
	struct hlist_node node;
	struct module *mod;
};

/*
 * Modules from the announcement of their coming to that of their going, whatever
 * their state says. Under klp_mutex.
 */
static DEFINE_HASHTABLE(klp_alive_modules, KLP_ALIVE_BITS);

static struct klp_alive *klp_find_alive(struct module *mod)
{
	struct klp_alive *alive;

	hash_for_each_possible(klp_alive_modules, alive, node, (unsigned long)mod)
		if (alive->mod == mod)
			return alive;
	return NULL;
}

/* One that is there already is not added again. */
static int klp_add_alive(struct module *mod)
{
	struct klp_alive *alive;

	if (klp_find_alive(mod))
		return 0;

	alive = kmalloc(sizeof(*alive), GFP_KERNEL);
	if (!alive)
		return -ENOMEM;

	alive->mod = mod;
	hash_add(klp_alive_modules, &alive->node, (unsigned long)mod);
	return 0;
}

static void klp_remove_alive(struct module *mod)
{
	struct klp_alive *alive = klp_find_alive(mod);

	if (!alive)
		return;
	hash_del(&alive->node);
	kfree(alive);
}

static void klp_remove_all_alive(void)
{
	struct klp_alive *alive;
	struct hlist_node *next;
	int bucket;

	hash_for_each_safe(klp_alive_modules, bucket, next, alive, node) {
		hash_del(&alive->node);
		kfree(alive);
	}
}

/*
 * A module that can be patched now. No reference is taken: the module may leave
 * any time, but not without our notifier, which waits for klp_mutex.
 */
struct module *klp_find_module(const char *name)
{
	struct module *mod;

	rcu_read_lock_sched();
	mod = klp_kernel(find_module)(name);
	if (mod && !klp_find_alive(mod))
		mod = NULL;
	rcu_read_unlock_sched();

	return mod;
}

static struct klp_object *klp_object_of_module(struct klp_patch *patch,
					       struct module *mod)
{
	struct klp_object *obj;

	klp_for_each_object(patch, obj)
		if (klp_is_module(obj) && !strcmp(obj->name, mod->name))
			return obj;
	return NULL;
}

/* In the middle of a transition the module's functions take part in it. */
static int klp_patch_coming_object(struct klp_patch *patch, struct klp_object *obj)
{
	int ret;

	ret = klp_patch_object(obj);
	if (ret || patch != klp_transition_patch)
		return ret;

	ret = klp_prepare_stack_check(patch);
	if (ret)
		klp_unpatch_object(obj);
	return ret;
}

/* On failure the object is as before. */
static int klp_apply_patch(struct klp_patch *patch, struct klp_object *obj,
			   struct module *mod)
{
	int ret;

	ret = klp_init_object_loaded(patch, obj);
	if (ret) {
		pr_warn("failed to initialize patch '%s' for module '%s' (%d)\n",
			patch->mod->name, obj->name, ret);
		return ret;
	}
	obj->mod = mod;

	pr_notice("applying patch '%s' to loading module '%s'\n",
		  patch->mod->name, obj->name);

	ret = klp_pre_patch_callback(obj);
	if (ret) {
		pr_warn("pre-patch callback failed for object '%s'\n", obj->name);
		goto free;
	}

	ret = klp_patch_coming_object(patch, obj);
	if (ret) {
		pr_warn("failed to apply patch '%s' to module '%s' (%d)\n",
			patch->mod->name, obj->name, ret);
		klp_post_unpatch_callback(obj);
		goto free;
	}

	if (patch != klp_transition_patch)
		klp_post_patch_callback(obj);
	return 0;

free:
	klp_free_object_loaded(patch, obj);
	return ret;
}

static void klp_revert_patch(struct klp_patch *patch, struct klp_object *obj)
{
	if (patch != klp_transition_patch)
		klp_pre_unpatch_callback(obj);

	pr_notice("reverting patch '%s' on unloading module '%s'\n",
		  patch->mod->name, obj->name);

	klp_unpatch_object(obj);
	if (patch == klp_transition_patch)
		klp_forget_code_of(obj->mod);
	klp_post_unpatch_callback(obj);
	klp_free_object_loaded(patch, obj);
}

/* Revert all patches of a module, up to but without @end; NULL: all. */
static void klp_revert_patches(struct module *mod, struct klp_patch *end)
{
	struct klp_patch *patch;
	struct klp_object *obj;

	klp_for_each_patch(patch) {
		if (patch == end)
			return;
		obj = klp_object_of_module(patch, mod);
		if (obj && obj->mod)
			klp_revert_patch(patch, obj);
	}
}

static int klp_apply_patches(struct module *mod)
{
	struct klp_patch *patch;
	struct klp_object *obj;
	int ret;

	klp_for_each_patch(patch) {
		obj = klp_object_of_module(patch, mod);
		if (!obj)
			continue;

		ret = klp_apply_patch(patch, obj, mod);
		if (!ret)
			continue;

		pr_warn("patch '%s' failed for module '%s', refusing to load module '%s'\n",
			patch->mod->name, mod->name, mod->name);
		klp_revert_patches(mod, patch);
		return ret;
	}
	return 0;
}

static int klp_add_module(struct module *mod)
{
	int ret;

	ret = klp_add_alive(mod);
	if (ret)
		return ret;

	ret = klp_apply_patches(mod);
	if (ret)
		klp_remove_alive(mod);
	return ret;
}

static int klp_module_coming(struct module *mod)
{
	int ret;

	/* The kernel itself goes by this name in patches, relocations and sysfs. */
	if (!strcmp(mod->name, "vmlinux")) {
		pr_err("vmlinux.ko: invalid module name\n");
		return -EINVAL;
	}

	ret = klp_apply_relocs(mod, NULL);
	if (ret)
		return ret;

	mutex_lock(&klp_mutex);
	ret = klp_add_module(mod);
	mutex_unlock(&klp_mutex);

	return ret;
}

/*
 * Its init function began before the core was loaded and has only now returned.
 * Patches that came meanwhile take effect late, but not never.
 */
static void klp_module_live(struct module *mod)
{
	int ret = 0;

	mutex_lock(&klp_mutex);
	if (!klp_find_alive(mod))
		ret = klp_add_module(mod);
	mutex_unlock(&klp_mutex);

	if (ret)
		pr_err("too late to refuse module '%s', it stays unpatched (%d)\n",
		       mod->name, ret);
}

static void klp_module_going(struct module *mod)
{
	mutex_lock(&klp_mutex);
	klp_remove_alive(mod);
	klp_revert_patches(mod, NULL);
	mutex_unlock(&klp_mutex);
}

static int klp_module_notify(struct notifier_block *self, unsigned long state,
			     void *data)
{
	switch (state) {
	case MODULE_STATE_COMING:
		return notifier_from_errno(klp_module_coming(data));
	case MODULE_STATE_LIVE:
		klp_module_live(data);
		return NOTIFY_OK;
	case MODULE_STATE_GOING:
		klp_module_going(data);
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block klp_module_notifier = {
	.notifier_call = klp_module_notify,
	.priority = INT_MAX,
};

/*
 * The modules that are there already. We are a notifier by now: whoever is not
 * live yet will be announced, as coming or as live, and whoever has only just
 * become live may be announced once more.
 */
static int klp_add_live_modules(void)
{
	struct module *mod;
	int ret = 0;

	mutex_lock(&klp_mutex);
	mutex_lock(klp_module_mutex);
	list_for_each_entry(mod, klp_modules, list) {
		if (mod->state != MODULE_STATE_LIVE)
			continue;
		ret = klp_add_alive(mod);
		if (ret)
			break;
	}
	mutex_unlock(klp_module_mutex);
	mutex_unlock(&klp_mutex);

	return ret;
}

int klp_init_modules(void)
{
	int ret;

	ret = register_module_notifier(&klp_module_notifier);
	if (ret)
		return ret;

	ret = klp_add_live_modules();
	if (ret) {
		unregister_module_notifier(&klp_module_notifier);
		klp_remove_all_alive();
	}
	return ret;
}
