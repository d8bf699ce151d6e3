// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding what the kernel does not export.
 *
 * The running kernel is asked, by name, when the core is loaded. The
 * alternative, a table of addresses made at build time relative to an exported
 * symbol, would need no lookup but would be believed without proof; here a
 * symbol that the kernel does not have stops the core with its name.
 *
 * The first step is a probe: kallsyms_lookup_name() is not exported, but a
 * kprobe on it may be registered by name, and then holds its address. It is
 * disabled, for to disarm one takes memory, and a failure leaves it in use.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kprobes.h>
#include "imports.h"

struct list_head *klp_modules;
struct mutex *klp_module_mutex;
rwlock_t *klp_tasklist_lock;
struct mutex *klp_text_mutex;

#define KLP_DEFINE_IMPORT(function) \
	DEFINE_STATIC_CALL_NULL(klp_import_##function, function);
KLP_IMPORTED_FUNCTIONS(KLP_DEFINE_IMPORT)
KLP_DEFINE_IMPORT(kallsyms_lookup_name)

/* Address of a symbol of the kernel itself, 0 when it has none of that name. */
unsigned long klp_lookup_kernel(const char *name)
{
	return klp_kernel(kallsyms_lookup_name)(name);
}

static int klp_find_lookup(void)
{
	struct kprobe probe = {
		.symbol_name = "kallsyms_lookup_name",
		.flags = KPROBE_FLAG_DISABLED,
	};
	int ret;

	ret = register_kprobe(&probe);
	if (ret < 0) {
		pr_err("cannot find kallsyms_lookup_name (%d): kernel without kprobes?\n",
		       ret);
		return ret;
	}

	static_call_update(klp_import_kallsyms_lookup_name,
			   (typeof(&kallsyms_lookup_name))probe.addr);
	unregister_kprobe(&probe);
	return 0;
}

/* The same; when there is none, says so. */
unsigned long klp_import(const char *name)
{
	unsigned long addr = klp_lookup_kernel(name);

	if (!addr)
		pr_err("this kernel has no %s, cannot live patch it\n", name);
	return addr;
}

/* Returns -ENOENT, having said what is missing, on a kernel that lacks something. */
int klp_resolve_imports(void)
{
	unsigned long addr;
	int ret;

	ret = klp_find_lookup();
	if (ret)
		return ret;

#define KLP_RESOLVE_IMPORT(function)					\
	addr = klp_import(#function);					\
	if (!addr)							\
		return -ENOENT;						\
	static_call_update(klp_import_##function, (typeof(&function))addr);
	KLP_IMPORTED_FUNCTIONS(KLP_RESOLVE_IMPORT)
#undef KLP_RESOLVE_IMPORT

	klp_modules = (struct list_head *)klp_import("modules");
	klp_module_mutex = (struct mutex *)klp_import("module_mutex");
	klp_tasklist_lock = (rwlock_t *)klp_import("tasklist_lock");
	klp_text_mutex = (struct mutex *)klp_import("text_mutex");
	if (!klp_modules || !klp_module_mutex || !klp_tasklist_lock || !klp_text_mutex)
		return -ENOENT;

	return 0;
}
