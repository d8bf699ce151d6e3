/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Comes before the kernel's header of this name: see <linux/static_call_types.h>
 * beside it. A key without a function has its calls do nothing.
 */
#include_next <linux/static_call.h>

#ifndef _KLP_KEYS_STATIC_CALL_H
#define _KLP_KEYS_STATIC_CALL_H

#ifdef CONFIG_HAVE_STATIC_CALL
static inline void __klp_call_nothing(void)
{
}

#undef static_call_cond
#define static_call_cond(name)						\
	(void)((typeof(STATIC_CALL_TRAMP(name)) *)			\
	       (READ_ONCE(STATIC_CALL_KEY(name).func) ?: (void *)__klp_call_nothing))
#endif

#endif /* _KLP_KEYS_STATIC_CALL_H */
