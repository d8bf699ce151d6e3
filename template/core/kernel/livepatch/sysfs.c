// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/livepatch, see Documentation/ABI/testing/sysfs-kernel-livepatch:
 *
 *	PATCH/enabled		RW	in effect; 0 disables or reverses
 *	PATCH/transition	RO	the transition is under way
 *	PATCH/force		WO	1 ends it now
 *	PATCH/replace		RO	takes the place of all others
 *	PATCH/blockers		RO	ours: who holds the transition up
 *	PATCH/OBJECT/patched	RO	the object's functions are patched
 *	PATCH/OBJECT/FUNCTION,SYMPOS/
 */

#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/sched/signal.h>
#include <linux/sysfs.h>
#include "core.h"
#include "imports.h"
#include "replace.h"
#include "sysfs.h"
#include "transition.h"

static struct kobject *klp_root;

static struct klp_patch *klp_patch_of(struct kobject *kobj)
{
	return container_of(kobj, struct klp_patch, kobj);
}

/*
 * A transition can be reversed in either direction; a patch that is disabled
 * cannot be enabled again.
 */
static int klp_set_enabled(struct klp_patch *patch, bool enabled)
{
	if (patch->enabled == enabled)
		return -EINVAL;

	if (patch == klp_transition_patch) {
		klp_reverse_transition();
		return 0;
	}
	return enabled ? -EINVAL : klp_disable_patch(patch);
}

static ssize_t enabled_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	bool enabled;
	int ret;

	ret = kstrtobool(buf, &enabled);
	if (ret)
		return ret;

	mutex_lock(&klp_mutex);
	ret = klp_set_enabled(klp_patch_of(kobj), enabled);
	mutex_unlock(&klp_mutex);

	return ret ?: count;
}

static ssize_t enabled_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n", klp_patch_of(kobj)->enabled);
}

static ssize_t transition_show(struct kobject *kobj, struct kobj_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%d\n", klp_patch_of(kobj) == klp_transition_patch);
}

static ssize_t replace_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n", klp_patch_of(kobj)->replace);
}

static ssize_t force_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *buf, size_t count)
{
	bool force;
	int ret;

	ret = kstrtobool(buf, &force);
	if (ret)
		return ret;
	if (!force)
		return count;

	mutex_lock(&klp_mutex);
	if (klp_patch_of(kobj) == klp_transition_patch)
		klp_force_transition();
	else
		ret = -EINVAL;
	mutex_unlock(&klp_mutex);

	return ret ?: count;
}

static int klp_show_blocker(struct task_struct *task, char *buf, int at)
{
	const char *why = klp_explain_task(task);

	if (!why)
		return 0;
	return sysfs_emit_at(buf, at, "%d %s %s\n", task->pid, task->comm, why);
}

/*
 * A line for each: the thread's id and name, and the function it is inside of.
 * As many as fit into a page.
 */
static ssize_t blockers_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	struct task_struct *process, *task;
	unsigned int cpu;
	int at = 0;

	mutex_lock(&klp_mutex);
	if (klp_patch_of(kobj) != klp_transition_patch)
		goto out;

	read_lock(klp_tasklist_lock);
	for_each_process_thread(process, task)
		at += klp_show_blocker(task, buf, at);
	read_unlock(klp_tasklist_lock);

	for_each_online_cpu(cpu)
		at += klp_show_blocker(klp_kernel(idle_task)(cpu), buf, at);
out:
	mutex_unlock(&klp_mutex);
	return at;
}

static struct kobj_attribute enabled_attr = __ATTR_RW(enabled);
static struct kobj_attribute transition_attr = __ATTR_RO(transition);
static struct kobj_attribute force_attr = __ATTR_WO(force);
static struct kobj_attribute replace_attr = __ATTR_RO(replace);
static struct kobj_attribute blockers_attr = __ATTR_RO_MODE(blockers, 0400);
static struct attribute *klp_patch_attrs[] = {
	&enabled_attr.attr,
	&transition_attr.attr,
	&force_attr.attr,
	&replace_attr.attr,
	&blockers_attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(klp_patch);

static ssize_t patched_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  container_of(kobj, struct klp_object, kobj)->patched);
}

static struct kobj_attribute patched_attr = __ATTR_RO(patched);
static struct attribute *klp_object_attrs[] = {
	&patched_attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(klp_object);

static void klp_release_patch(struct kobject *kobj)
{
	complete(&klp_patch_of(kobj)->finish);
}

static void klp_release_object(struct kobject *kobj)
{
	struct klp_object *obj = container_of(kobj, struct klp_object, kobj);

	if (obj->dynamic)
		klp_free_dynamic_object(obj);
}

static void klp_release_func(struct kobject *kobj)
{
	struct klp_func *func = container_of(kobj, struct klp_func, kobj);

	if (func->nop)
		klp_free_nop(func);
}

static const struct kobj_type klp_patch_type = {
	.release = klp_release_patch,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = klp_patch_groups,
};

static const struct kobj_type klp_object_type = {
	.release = klp_release_object,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = klp_object_groups,
};

static const struct kobj_type klp_func_type = {
	.release = klp_release_func,
	.sysfs_ops = &kobj_sysfs_ops,
};

void klp_init_patch_kobject(struct klp_patch *patch)
{
	kobject_init(&patch->kobj, &klp_patch_type);
}

void klp_init_object_kobject(struct klp_object *obj)
{
	kobject_init(&obj->kobj, &klp_object_type);
}

void klp_init_func_kobject(struct klp_func *func)
{
	kobject_init(&func->kobj, &klp_func_type);
}

int klp_add_patch_kobject(struct klp_patch *patch)
{
	return kobject_add(&patch->kobj, klp_root, "%s", patch->mod->name);
}

int klp_add_object_kobject(struct klp_patch *patch, struct klp_object *obj)
{
	return kobject_add(&obj->kobj, &patch->kobj, "%s", klp_object_name(obj));
}

int klp_add_func_kobject(struct klp_object *obj, struct klp_func *func)
{
	return kobject_add(&func->kobj, &obj->kobj, "%s,%lu", func->old_name,
			   max(func->old_sympos, 1UL));
}

int klp_init_sysfs(void)
{
	klp_root = kobject_create_and_add("livepatch", kernel_kobj);
	return klp_root ? 0 : -ENOMEM;
}

void klp_exit_sysfs(void)
{
	kobject_put(klp_root);
}
