// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding what the kernel does not export.
 *
 * The running kernel is asked, by name, when the core is loaded. The
 * alternative, a table of addresses made at build time relative to an exported
 * symbol, would need no lookup but would be believed without proof; here a
 * symbol that the kernel does not have, or has twice, or of another kind, stops the
 * core with its name.
 *
 * The first step is a probe: kallsyms_on_each_match_symbol() is not exported, but a
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

/**
 * struct klp_match - the symbols of vmlinux that have a name
 * @addr:	of the last one
 * @count:	how many there are
 */
struct klp_match {
	unsigned long addr;
	unsigned int count;
};

static int klp_matched(void *data, unsigned long addr)
{
	struct klp_match *match = data;

	match->addr = addr;
	match->count++;
	return 0;
}

/* Symbols of modules are not among them. */
static struct klp_match klp_match_kernel(const char *name)
{
	struct klp_match match = { };

	klp_kernel(kallsyms_on_each_match_symbol)(klp_matched, name, &match);
	return match;
}

/* Address of the only symbol of this name in vmlinux, or 0. */
unsigned long klp_lookup_kernel(const char *name)
{
	struct klp_match match = klp_match_kernel(name);

	return match.count == 1 ? match.addr : 0;
}

static int klp_find_lookup(void)
{
	struct kprobe probe = {
		.symbol_name = "kallsyms_on_each_match_symbol",
		.flags = KPROBE_FLAG_DISABLED,
	};
	int ret;

	ret = register_kprobe(&probe);
	if (ret < 0) {
		pr_err("cannot find %s (%d): kernel without kprobes?\n",
		       probe.symbol_name, ret);
		return ret;
	}

	static_call_update(klp_import_kallsyms_on_each_match_symbol,
			   (typeof(&kallsyms_on_each_match_symbol))probe.addr);
	unregister_kprobe(&probe);
	return 0;
}

/**
 * klp_import() - find a symbol that the core cannot do without
 * @name:	of the symbol
 * @kind:	what it has to be, for people
 * @first:	symbol at the beginning of all of this kind
 * @last:	symbol at their end
 *
 * Return: its address; 0, having said why, when there is none that is surely it
 */
static unsigned long klp_import(const char *name, const char *kind,
				const char *first, const char *last)
{
	struct klp_match match = klp_match_kernel(name);

	if (!match.count)
		pr_err("this kernel has no %s, cannot live patch it\n", name);
	else if (match.count > 1)
		pr_err("this kernel has %u symbols %s, cannot live patch it\n",
		       match.count, name);
	else if (match.addr < klp_lookup_kernel(first) || match.addr >= klp_lookup_kernel(last))
		pr_err("%s is no %s of this kernel, cannot live patch it\n", name, kind);
	else
		return match.addr;
	return 0;
}

unsigned long klp_import_function(const char *name)
{
	return klp_import(name, "function", "_stext", "_etext");
}

static void *klp_import_data(const char *name)
{
	return (void *)klp_import(name, "variable", "_sdata", "_end");
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
	addr = klp_import_function(#function);				\
	if (!addr)							\
		return -ENOENT;						\
	static_call_update(klp_import_##function, (typeof(&function))addr);
	KLP_IMPORTED_FUNCTIONS(KLP_RESOLVE_IMPORT)
#undef KLP_RESOLVE_IMPORT

	klp_modules = klp_import_data("modules");
	klp_module_mutex = klp_import_data("module_mutex");
	klp_tasklist_lock = klp_import_data("tasklist_lock");
	klp_text_mutex = klp_import_data("text_mutex");
	if (!klp_modules || !klp_module_mutex || !klp_tasklist_lock || !klp_text_mutex)
		return -ENOENT;

	return 0;
}
