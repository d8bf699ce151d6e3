/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Comes before the kernel's header of this name where a live patch is compiled
 * whose module has static keys: the kernel looks at the jumps of a module's
 * keys before a live patch can say which keys they follow, so they are read
 * like variables.
 */
#include_next <linux/jump_label.h>

#ifndef _KLP_KEYS_JUMP_LABEL_H
#define _KLP_KEYS_JUMP_LABEL_H

#if defined(CONFIG_JUMP_LABEL) && !defined(__ASSEMBLY__)

/*
 * What static_key_enabled() says, without a call: some of this code runs where
 * none may be traced. A key that is just being enabled has -1.
 */
#define __klp_key_is_enabled(x)						\
	(READ_ONCE(((const struct static_key *)(x))->enabled.counter) != 0)

#undef static_branch_likely
#undef static_branch_unlikely
#define static_branch_likely(x)		likely_notrace(__klp_key_is_enabled(x))
#define static_branch_unlikely(x)	unlikely_notrace(__klp_key_is_enabled(x))

/* The names of old for the same. */
#define static_key_true(x)		static_branch_likely(x)
#define static_key_false(x)		static_branch_unlikely(x)

#endif

#endif /* _KLP_KEYS_JUMP_LABEL_H */
