/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a live patch's source may use besides plain kernel code, by the names
 * that the kernel's own live patch build has for it. Include it as
 * <linux/livepatch_helpers.h>; klp-build puts its folder on the include path.
 * A kernel that brings this header (7.0 does) has its own one used, to which
 * klp-build adds <klp_author_macros.h>.
 *
 * What the differ reads from the object file
 * (docs/design.md, "What patch authors can say"):
 *
 * .discard.klp_callback_ptrs
 *	8 bytes per callback: the function's address. The kind and the object
 *	are in the name of the variable at that place,
 *	__klp_{pre,post}_{patch,unpatch}_callback_OBJECT.
 *
 * What else leaves a trace is in <klp_author_macros.h>.
 */
#ifndef _LINUX_LIVEPATCH_HELPERS_H
#define _LINUX_LIVEPATCH_HELPERS_H

#include <linux/compiler.h>
#include <linux/livepatch.h>
#include <linux/static_call.h>
#include <linux/syscalls.h>
#include <klp_author_macros.h>

/* The object that the code being compiled belongs to: vmlinux or a module's name. */
#ifdef MODULE
#define KLP_OBJNAME		__KBUILD_MODNAME
#else
#define KLP_OBJNAME		vmlinux
#endif

#define __KLP_JOIN(a, b)	a##b
#define __KLP_POINTER(kind, obj) __KLP_JOIN(__klp_##kind##_callback_, obj)

#define __KLP_CALLBACK(kind, ret, fn)					\
	static ret (*__KLP_POINTER(kind, KLP_OBJNAME))(struct klp_object *obj) \
		__used __section(".discard.klp_callback_ptrs") = (fn)

/*
 * At most one callback of each kind per object, in any of its patched files.
 *
 *	static int fn(struct klp_object *obj);	pre-patch; not 0 vetoes the patch
 *	static void fn(struct klp_object *obj);	the others
 */
#define KLP_PRE_PATCH_CALLBACK(fn)	__KLP_CALLBACK(pre_patch, int, fn)
#define KLP_POST_PATCH_CALLBACK(fn)	__KLP_CALLBACK(post_patch, void, fn)
#define KLP_PRE_UNPATCH_CALLBACK(fn)	__KLP_CALLBACK(pre_unpatch, void, fn)
#define KLP_POST_UNPATCH_CALLBACK(fn)	__KLP_CALLBACK(post_unpatch, void, fn)

/*
 * Calls what the static call @name is set to at this moment, through its key.
 * For keys of modules, whose call sites a live patch cannot have rewritten:
 * KLP_STATIC_CALL(name)(args) in place of static_call(name)(args).
 */
#define KLP_STATIC_CALL(name) \
	((typeof(&STATIC_CALL_TRAMP(name)))READ_ONCE(STATIC_CALL_KEY(name).func))

/*
 * SYSCALL_DEFINEn() without the description for tracing: the kernel has that
 * from the original, and a second one would only be dropped. Patching a plain
 * SYSCALL_DEFINEn() works as well.
 */
#define KLP_SYSCALL_DEFINE1(name, ...)	__SYSCALL_DEFINEx(1, _##name, __VA_ARGS__)
#define KLP_SYSCALL_DEFINE2(name, ...)	__SYSCALL_DEFINEx(2, _##name, __VA_ARGS__)
#define KLP_SYSCALL_DEFINE3(name, ...)	__SYSCALL_DEFINEx(3, _##name, __VA_ARGS__)
#define KLP_SYSCALL_DEFINE4(name, ...)	__SYSCALL_DEFINEx(4, _##name, __VA_ARGS__)
#define KLP_SYSCALL_DEFINE5(name, ...)	__SYSCALL_DEFINEx(5, _##name, __VA_ARGS__)
#define KLP_SYSCALL_DEFINE6(name, ...)	__SYSCALL_DEFINEx(6, _##name, __VA_ARGS__)

#endif /* _LINUX_LIVEPATCH_HELPERS_H */
