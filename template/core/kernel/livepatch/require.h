/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included first by every file of the core: is this a kernel that it is for? */
#ifndef _KLP_REQUIRE_H
#define _KLP_REQUIRE_H

#include <linux/build_bug.h>
#include <linux/kconfig.h>
#include <linux/version.h>

#define KLP_NEEDS(option, why) \
	static_assert(IS_ENABLED(CONFIG_##option), "needs CONFIG_" #option ": " why);
#define KLP_NEEDS_ONE(one, other, why)					\
	static_assert(IS_ENABLED(CONFIG_##one) || IS_ENABLED(CONFIG_##other), \
		      "needs CONFIG_" #one " or CONFIG_" #other ": " why);
#define KLP_REFUSES(option, why) \
	static_assert(!IS_ENABLED(CONFIG_##option), "refuses CONFIG_" #option ": " why);
#include "requirements.h"

/* Expands the list that a series is to two arguments. */
#define KLP_VERSION(...)	KERNEL_VERSION(__VA_ARGS__)

#if LINUX_VERSION_CODE < KLP_VERSION(KLP_OLDEST_LINUX, 0)
#error "this kernel is older than what the core is for, see requirements.h"
#endif
#if LINUX_VERSION_CODE > KLP_VERSION(KLP_NEWEST_LINUX, 255)
#error "this kernel is newer than what the core is for, see requirements.h"
#endif

#endif /* _KLP_REQUIRE_H */
