/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_REPLACE_H
#define _KLP_REPLACE_H

#include <linux/livepatch.h>

int klp_add_nops(struct klp_patch *patch);
void klp_free_nop(struct klp_func *func);
void klp_free_dynamic_object(struct klp_object *obj);

void klp_unpatch_replaced(struct klp_patch *patch);
void klp_discard_nops(struct klp_patch *patch);
void klp_free_replaced(struct klp_patch *patch);

#endif /* _KLP_REPLACE_H */
