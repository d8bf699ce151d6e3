/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a live patch's author knows better than the differ. Part of
 * <linux/livepatch_helpers.h>, whether that is klp-build's or the kernel's own.
 *
 * What the differ reads from the object file
 * (docs/design.md, "What patch authors can say"):
 *
 * .klp.ignore.sections
 *	8 bytes per entry: the address of a section's name. Changes in sections
 *	of that name are not looked at.
 * .klp.ignore.functions
 *	8 bytes per entry: the address of a function. Its changes stay out of
 *	the live patch.
 * .klp.force
 *	8 bytes per entry: the address of a function. It is patched although
 *	the differ has doubts about it.
 */
#ifndef _KLP_AUTHOR_MACROS_H
#define _KLP_AUTHOR_MACROS_H

#include <linux/compiler.h>

/*
 * The function must be declared before.
 *
 *	KLP_IGNORE_SECTION(".data.foo");
 *	KLP_IGNORE_FUNCTION(foo);
 *	KLP_FORCE_UNSAFE(foo);
 */
#define KLP_IGNORE_SECTION(name)					\
	static const char *__UNIQUE_ID(klp_ignored_section)		\
		__used __section(".klp.ignore.sections") = (name)
#define KLP_IGNORE_FUNCTION(func)					\
	static const void *klp_ignored_function_##func			\
		__used __section(".klp.ignore.functions") = (func)
#define KLP_FORCE_UNSAFE(func)						\
	static const void *klp_forced_function_##func			\
		__used __section(".klp.force") = (func)

#endif /* _KLP_AUTHOR_MACROS_H */
