/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Comes before the kernel's header of this name where a live patch is compiled
 * whose module makes static calls: see <linux/jump_label.h> beside it. The
 * calls go through the key, which has the function that they lead to.
 */
#include_next <linux/static_call_types.h>

#ifndef _KLP_KEYS_STATIC_CALL_TYPES_H
#define _KLP_KEYS_STATIC_CALL_TYPES_H

#ifdef CONFIG_HAVE_STATIC_CALL
#undef static_call
#define static_call(name)						\
	((typeof(STATIC_CALL_TRAMP(name)) *)READ_ONCE(STATIC_CALL_KEY(name).func))
#endif

#endif /* _KLP_KEYS_STATIC_CALL_TYPES_H */
