/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_SYSFS_H
#define _KLP_SYSFS_H

#include <linux/livepatch.h>

int klp_init_sysfs(void);
void klp_exit_sysfs(void);

/* A kobject that is initialized is freed by kobject_put(), added or not. */
void klp_init_patch_kobject(struct klp_patch *patch);
void klp_init_object_kobject(struct klp_object *obj);
void klp_init_func_kobject(struct klp_func *func);

int klp_add_patch_kobject(struct klp_patch *patch);
int klp_add_object_kobject(struct klp_patch *patch, struct klp_object *obj);
int klp_add_func_kobject(struct klp_object *obj, struct klp_func *func);

#endif /* _KLP_SYSFS_H */
