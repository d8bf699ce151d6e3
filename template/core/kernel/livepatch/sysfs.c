// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/livepatch, see Documentation/ABI/testing/sysfs-kernel-livepatch:
 *
 *	PATCH/enabled		RW	in effect; 0 disables or reverses
 *	PATCH/transition	RO	the transition is under way
 *	PATCH/force		WO	1 ends it now
 *	PATCH/replace		RO	takes the place of all others
 *	PATCH/stack_order	RO	which one it is, the oldest is 1 (Linux 6.14)
 *	PATCH/blockers		RO	ours: who holds the transition up
 *	PATCH/OBJECT/patched	RO	the object's functions are patched
 *	PATCH/OBJECT/FUNCTION,SYMPOS/
 */

#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/sched/signal.h>
#include <linux/string_helpers.h>
#include <linux/sysfs.h>
#include "core.h"
#include "imports.h"
#include "replace.h"
#include "switch.h"
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

	ret = klp_lock_for_transition();
	if (ret)
		return ret;
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

static ssize_t stack_order_show(struct kobject *kobj, struct kobj_attribute *attr,
				char *buf)
{
	struct klp_patch *patch;
	int order = 0;

	mutex_lock(&klp_mutex);
	klp_for_each_patch(patch) {
		order++;
		if (patch == klp_patch_of(kobj))
			break;
	}
	mutex_unlock(&klp_mutex);

	return sysfs_emit(buf, "%d\n", order);
}

/**
 * struct klp_page - text for a file in sysfs
 * @buf:	a page
 * @at:	how much of it is used
 */
struct klp_page {
	char *buf;
	int at;
};

/* The name is escaped as in /proc/PID/status, since its owner chose it. */
static void klp_show_task(struct klp_page *page, struct task_struct *task, const char *why)
{
	char comm[TASK_COMM_LEN], name[4 * TASK_COMM_LEN];
	int length;

	get_task_comm(comm, task);
	length = string_escape_mem(comm, strlen(comm), name, sizeof(name),
				   ESCAPE_SPACE | ESCAPE_SPECIAL, "\n\\");
	page->at += sysfs_emit_at(page->buf, page->at, "%d %.*s %s\n", task->pid,
				  length, name, why);
}

static void klp_show_blocker(struct klp_page *page, struct task_struct *task)
{
	const char *why = klp_explain_task(task);

	if (why)
		klp_show_task(page, task, why);
}

static void klp_show_dying(struct task_struct *task, void *page)
{
	klp_show_task(page, task, "[exiting]");
}

static void klp_show_blockers(struct klp_page *page)
{
	struct task_struct *process, *task;
	unsigned int cpu;

	read_lock(klp_tasklist_lock);
	for_each_process_thread(process, task)
		klp_show_blocker(page, task);
	read_unlock(klp_tasklist_lock);

	for_each_online_cpu(cpu)
		klp_show_blocker(page, klp_kernel(idle_task)(cpu));

	klp_for_each_dying_blocker(klp_show_dying, page);
}

/*
 * A line for each: the thread's id and name, and the function it is inside of.
 * As many as fit into a page.
 */
static ssize_t blockers_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	struct klp_page page = { .buf = buf };

	mutex_lock(&klp_mutex);
	if (klp_patch_of(kobj) == klp_transition_patch)
		klp_show_blockers(&page);
	mutex_unlock(&klp_mutex);

	return page.at;
}

static struct kobj_attribute enabled_attr = __ATTR_RW(enabled);
static struct kobj_attribute transition_attr = __ATTR_RO(transition);
static struct kobj_attribute force_attr = __ATTR_WO(force);
static struct kobj_attribute replace_attr = __ATTR_RO(replace);
static struct kobj_attribute stack_order_attr = __ATTR_RO(stack_order);
static struct kobj_attribute blockers_attr = __ATTR_RO_MODE(blockers, 0400);
static struct attribute *klp_patch_attrs[] = {
	&enabled_attr.attr,
	&transition_attr.attr,
	&force_attr.attr,
	&replace_attr.attr,
	&stack_order_attr.attr,
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
