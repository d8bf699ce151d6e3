// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Symbols by object, name and position.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/version.h>
#include "imports.h"
#include "symbols.h"

/**
 * struct klp_search - a symbol that is looked for
 * @objname:	module; NULL: vmlinux
 * @name:	symbol
 * @sympos:	which one of that name, from 1; 0: there must be only one
 * @addr:	of the last one seen
 * @count:	how many were seen
 */
struct klp_search {
	const char *objname;
	const char *name;
	unsigned long sympos;
	unsigned long addr;
	unsigned long count;
};

/* A symbol of the right name in the right object. Nonzero ends the search. */
static int klp_found(void *data, unsigned long addr)
{
	struct klp_search *search = data;

	search->addr = addr;
	search->count++;

	return search->sympos ? search->count == search->sympos
			      : search->count > 1;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)

static int klp_seen(void *data, const char *name, unsigned long addr)
{
	struct klp_search *search = data;

	return strcmp(name, search->name) ? 0 : klp_found(search, addr);
}

static void klp_search_module(struct klp_search *search)
{
	klp_kernel(module_kallsyms_on_each_symbol)(search->objname, klp_seen, search);
}

#else

static int klp_seen(void *data, const char *name, struct module *mod,
		    unsigned long addr)
{
	struct klp_search *search = data;

	if (strcmp(name, search->name) || strcmp(mod->name, search->objname))
		return 0;
	return klp_found(search, addr);
}

static void klp_search_module(struct klp_search *search)
{
	klp_kernel(module_kallsyms_on_each_symbol)(klp_seen, search);
}

#endif

/* Returns 0, or -EINVAL having said why. Sleeps. */
int klp_find_symbol(const char *objname, const char *name, unsigned long sympos,
		    unsigned long *addr)
{
	struct klp_search search = {
		.objname = objname, .name = name, .sympos = sympos,
	};
	const char *where = objname ?: "vmlinux";

	if (objname)
		klp_search_module(&search);
	else
		klp_kernel(kallsyms_on_each_match_symbol)(klp_found, name, &search);

	if (!search.count) {
		pr_err("symbol '%s' not found in symbol table\n", name);
		return -EINVAL;
	}
	if (!sympos && search.count > 1) {
		pr_err("unresolvable ambiguity for symbol '%s' in object '%s'\n",
		       name, where);
		return -EINVAL;
	}
	if (sympos && search.count != sympos) {
		pr_err("symbol position %lu for symbol '%s' in object '%s' not found\n",
		       sympos, name, where);
		return -EINVAL;
	}

	*addr = search.addr;
	return 0;
}
