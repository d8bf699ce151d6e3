/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_STATE_H
#define _KLP_STATE_H

#include <linux/livepatch.h>

bool klp_is_patch_compatible(struct klp_patch *patch);

#endif /* _KLP_STATE_H */
