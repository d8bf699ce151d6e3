/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_PATCH_H
#define _KLP_PATCH_H

#include <linux/livepatch.h>

int klp_patch_object(struct klp_object *obj);
void klp_unpatch_object(struct klp_object *obj);
void klp_unpatch_objects(struct klp_patch *patch);
void klp_unpatch_nops(struct klp_patch *patch);

struct klp_func *klp_previous_func(struct klp_func *func);
unsigned long klp_return_location(struct klp_func *func);

#endif /* _KLP_PATCH_H */
