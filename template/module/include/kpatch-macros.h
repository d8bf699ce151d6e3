/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The macros of <linux/livepatch_helpers.h> and a few more by the names that
 * patches written for kpatch-build use, so that those patches build unchanged.
 *
 * What the differ reads from the object file
 * (docs/design.md, "What patch authors can say"):
 *
 * .kpatch.callbacks.{pre_patch,post_patch,pre_unpatch,post_unpatch}
 *	16 bytes per callback: the function's address, and the address of the
 *	object's name. The latter is left NULL here: the object is the one
 *	that the unit belongs to.
 * .kpatch.ignore.sections
 *	8 bytes per entry: the address of a section's name. Changes in sections
 *	of that name are not looked at.
 * .kpatch.ignore.functions
 *	8 bytes per entry: the address of a function. Its changes stay out of
 *	the live patch.
 * .kpatch.force
 *	8 bytes per entry: the address of a function. It is patched although
 *	the differ has doubts about it.
 */
#ifndef _KPATCH_MACROS_H
#define _KPATCH_MACROS_H

#include <linux/compiler.h>
#include <linux/livepatch.h>
#include <linux/printk.h>
#include <linux/static_call.h>

typedef struct klp_object patch_object;

struct kpatch_status_callback {
	int (*fn)(patch_object *obj);
	const char *objname;
};

struct kpatch_void_callback {
	void (*fn)(patch_object *obj);
	const char *objname;
};

#define __KPATCH_CALLBACK(kind, type, callback)				\
	static struct type kpatch_##kind##_callback_##callback		\
		__used __section(".kpatch.callbacks." #kind) = {	\
		.fn = callback,						\
	}

/* A pre-patch callback returns an int, anything but 0 vetoes the patch; the others return nothing. */
#define KPATCH_PRE_PATCH_CALLBACK(fn) \
	__KPATCH_CALLBACK(pre_patch, kpatch_status_callback, fn)
#define KPATCH_POST_PATCH_CALLBACK(fn) \
	__KPATCH_CALLBACK(post_patch, kpatch_void_callback, fn)
#define KPATCH_PRE_UNPATCH_CALLBACK(fn) \
	__KPATCH_CALLBACK(pre_unpatch, kpatch_void_callback, fn)
#define KPATCH_POST_UNPATCH_CALLBACK(fn) \
	__KPATCH_CALLBACK(post_unpatch, kpatch_void_callback, fn)

/* KPATCH_IGNORE_SECTION(".data.foo"); */
#define KPATCH_IGNORE_SECTION(name)					\
	static const char *__UNIQUE_ID(kpatch_ignored_section)		\
		__used __section(".kpatch.ignore.sections") = (name)

/* KPATCH_IGNORE_FUNCTION(foo); after foo() is declared */
#define KPATCH_IGNORE_FUNCTION(func)					\
	static const void *kpatch_ignored_function_##func		\
		__used __section(".kpatch.ignore.functions") = (func)

/* KPATCH_FORCE_UNSAFE(foo); after foo() is declared */
#define KPATCH_FORCE_UNSAFE(func)					\
	static const void *kpatch_forced_function_##func		\
		__used __section(".kpatch.force") = (func)

/* printk() that leaves no entry in the kernel's index of messages. */
#ifdef printk
#define KPATCH_PRINTK(fmt, ...)	_printk(fmt, ##__VA_ARGS__)
#else
#define KPATCH_PRINTK(fmt, ...)	printk(fmt, ##__VA_ARGS__)
#endif

/* See KLP_STATIC_CALL() in <linux/livepatch_helpers.h>. */
#define KPATCH_STATIC_CALL(name) \
	((typeof(&STATIC_CALL_TRAMP(name)))READ_ONCE(STATIC_CALL_KEY(name).func))

#endif /* _KPATCH_MACROS_H */
