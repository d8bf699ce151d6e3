// SPDX-License-Identifier: GPL-2.0
/* Linked before the differ's objects: the start of its tables. */
#include <linux/compiler.h>
#include "klp_build.h"

const struct klp_build_func klp_build_funcs_begin[0] __section(KLP_BUILD_FUNCS_SECTION);
const struct klp_build_callback klp_build_callbacks_begin[0] __section(KLP_BUILD_CALLBACKS_SECTION);
