// SPDX-License-Identifier: GPL-2.0
/* Linked after the differ's objects: the end of its tables. */
#include <linux/compiler.h>
#include "klp_build.h"

const struct klp_build_func klp_build_funcs_end[0] __section(KLP_BUILD_FUNCS_SECTION);
const struct klp_build_callback klp_build_callbacks_end[0] __section(KLP_BUILD_CALLBACKS_SECTION);
