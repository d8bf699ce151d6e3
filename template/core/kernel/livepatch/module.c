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
 *  - MODULE_STATE_GOING is announced after the module's exit function, and when
 *    loading fails after we were told of it.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include "core.h"
#include "imports.h"
#include "module.h"
#include "object.h"
#include "patch.h"
#include "relocs.h"
#include "stack.h"
#include "transition.h"

/*
 * Modules that were announced as coming and not yet as going, by address. Under
 * klp_mutex. Between those two they can be patched, whatever their state says.
 */
static DEFINE_XARRAY(klp_alive);

/*
 * A module that can be patched now. No reference is taken: the module may leave
 * any time, but not without our notifier, which waits for klp_mutex.
 *
 * A live module that came before the core is not in klp_alive. Once it is going
 * it is left alone: what its exit function calls remains unpatched.
 */
struct module *klp_find_module(const char *name)
{
	struct module *mod;

	rcu_read_lock_sched();
	mod = klp_kernel(find_module)(name);
	if (mod && mod->state != MODULE_STATE_LIVE &&
	    !xa_load(&klp_alive, (unsigned long)mod))
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

static int klp_apply_patch(struct klp_patch *patch, struct klp_object *obj)
{
	int ret;

	ret = klp_init_object_loaded(patch, obj);
	if (ret) {
		pr_warn("failed to initialize patch '%s' for module '%s' (%d)\n",
			patch->mod->name, obj->name, ret);
		return ret;
	}

	pr_notice("applying patch '%s' to loading module '%s'\n",
		  patch->mod->name, obj->name);

	ret = klp_pre_patch_callback(obj);
	if (ret) {
		pr_warn("pre-patch callback failed for object '%s'\n", obj->name);
		return ret;
	}

	ret = klp_patch_coming_object(patch, obj);
	if (ret) {
		pr_warn("failed to apply patch '%s' to module '%s' (%d)\n",
			patch->mod->name, obj->name, ret);
		klp_post_unpatch_callback(obj);
		return ret;
	}

	if (patch != klp_transition_patch)
		klp_post_patch_callback(obj);
	return 0;
}

static void klp_revert_patch(struct klp_patch *patch, struct klp_object *obj)
{
	if (patch != klp_transition_patch)
		klp_pre_unpatch_callback(obj);

	pr_notice("reverting patch '%s' on unloading module '%s'\n",
		  patch->mod->name, obj->name);

	klp_unpatch_object(obj);
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

		obj->mod = mod;
		ret = klp_apply_patch(patch, obj);
		if (!ret)
			continue;

		pr_warn("patch '%s' failed for module '%s', refusing to load module '%s'\n",
			patch->mod->name, mod->name, mod->name);
		klp_free_object_loaded(patch, obj);
		klp_revert_patches(mod, patch);
		return ret;
	}
	return 0;
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
	ret = xa_err(xa_store(&klp_alive, (unsigned long)mod, mod, GFP_KERNEL));
	if (!ret) {
		ret = klp_apply_patches(mod);
		if (ret)
			xa_erase(&klp_alive, (unsigned long)mod);
	}
	mutex_unlock(&klp_mutex);

	return ret;
}

static void klp_module_going(struct module *mod)
{
	mutex_lock(&klp_mutex);
	xa_erase(&klp_alive, (unsigned long)mod);
	klp_revert_patches(mod, NULL);
	mutex_unlock(&klp_mutex);
}

static int klp_module_notify(struct notifier_block *self, unsigned long state,
			     void *data)
{
	switch (state) {
	case MODULE_STATE_COMING:
		return notifier_from_errno(klp_module_coming(data));
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

int klp_init_modules(void)
{
	return register_module_notifier(&klp_module_notifier);
}
