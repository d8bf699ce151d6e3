/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What klp-build's differ leaves in a live patch module for its init code.
 *
 * The differ emits one record per patched function and callback into two
 * sections; begin.c and end.c, linked first and last, mark where these start
 * and end. Strings are in a section of their own. The layouts are also
 * written down in lib/elf/livepatch_abi.h of klp-build.
 */
#ifndef _KLP_BUILD_H
#define _KLP_BUILD_H

#include <linux/types.h>

#define KLP_BUILD_FUNCS_SECTION		".klp.build.funcs"
#define KLP_BUILD_CALLBACKS_SECTION	".klp.build.callbacks"

/**
 * struct klp_build_func - a function that the patch replaces
 * @new_func:	the replacement
 * @old_name:	the name of the function it replaces
 * @objname:	"vmlinux" or the module that holds it
 * @old_sympos:	its number among symbols of the same name, 0 if it is alone
 */
struct klp_build_func {
	void *new_func;
	const char *old_name;
	const char *objname;
	u64 old_sympos;
};

enum klp_build_callback_kind {
	KLP_BUILD_PRE_PATCH,
	KLP_BUILD_POST_PATCH,
	KLP_BUILD_PRE_UNPATCH,
	KLP_BUILD_POST_UNPATCH,
};

/**
 * struct klp_build_callback - a function to be called when an object is (un)patched
 * @fn:		the callback
 * @objname:	the object it belongs to
 * @kind:	which one, enum klp_build_callback_kind
 */
struct klp_build_callback {
	void *fn;
	const char *objname;
	u64 kind;
};

extern const struct klp_build_func klp_build_funcs_begin[];
extern const struct klp_build_func klp_build_funcs_end[];
extern const struct klp_build_callback klp_build_callbacks_begin[];
extern const struct klp_build_callback klp_build_callbacks_end[];

#endif /* _KLP_BUILD_H */
