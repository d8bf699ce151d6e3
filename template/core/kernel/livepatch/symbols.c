// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Symbols by object, name and position.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/kernel.h>
#include <linux/string.h>
#include "imports.h"
#include "symbols.h"

/**
 * struct klp_search - all symbols of a name in an object
 * @objname:	module; NULL: vmlinux
 * @name:	symbol
 * @found:	called for each, in the order of the symbol table; nonzero ends the search
 * @data:	for @found
 */
struct klp_search {
	const char *objname;
	const char *name;
	int (*found)(void *data, unsigned long addr);
	void *data;
};

#ifdef KLP_SYMBOLS_BY_MODULE	/* since Linux 6.3 */

static int klp_seen(void *data, const char *name, unsigned long addr)
{
	struct klp_search *search = data;

	return strcmp(name, search->name) ? 0 : search->found(search->data, addr);
}

static int klp_search_module(struct klp_search *search)
{
	return klp_kernel(module_kallsyms_on_each_symbol)(search->objname, klp_seen, search);
}

#else

static int klp_seen(void *data, const char *name, struct module *mod,
		    unsigned long addr)
{
	struct klp_search *search = data;

	if (strcmp(name, search->name) || strcmp(mod->name, search->objname))
		return 0;
	return search->found(search->data, addr);
}

static int klp_search_module(struct klp_search *search)
{
	return klp_kernel(module_kallsyms_on_each_symbol)(klp_seen, search);
}

#endif

/**
 * klp_for_each_symbol() - look at all symbols of a name in an object
 * @objname:	module; NULL: vmlinux
 * @name:	symbol
 * @found:	called for each, in the order of the symbol table
 * @data:	for @found
 *
 * Sleeps.
 *
 * Return: 0, or what @found returned when that was not 0 and ended it
 */
int klp_for_each_symbol(const char *objname, const char *name,
			int (*found)(void *data, unsigned long addr), void *data)
{
	struct klp_search search = { objname, name, found, data };

	return objname ? klp_search_module(&search) :
			 klp_kernel(kallsyms_on_each_match_symbol)(found, name, data);
}

/**
 * struct klp_position - a symbol that is looked for by its position
 * @sympos:	which one, from 1; 0: there must be only one
 * @addr:	of the last one seen
 * @count:	how many were seen
 */
struct klp_position {
	unsigned long sympos;
	unsigned long addr;
	unsigned long count;
};

static int klp_is_position(void *data, unsigned long addr)
{
	struct klp_position *position = data;

	position->addr = addr;
	position->count++;

	return position->sympos ? position->count == position->sympos
				: position->count > 1;
}

/* Returns 0, or -EINVAL having said why. Sleeps. */
int klp_find_symbol(const char *objname, const char *name, unsigned long sympos,
		    unsigned long *addr)
{
	struct klp_position position = { .sympos = sympos };
	const char *where = objname ?: "vmlinux";

	klp_for_each_symbol(objname, name, klp_is_position, &position);

	if (!position.count) {
		pr_err("symbol '%s' not found in symbol table\n", name);
		return -EINVAL;
	}
	if (!sympos && position.count > 1) {
		pr_err("unresolvable ambiguity for symbol '%s' in object '%s'\n",
		       name, where);
		return -EINVAL;
	}
	if (sympos && position.count != sympos) {
		pr_err("symbol position %lu for symbol '%s' in object '%s' not found\n",
		       sympos, name, where);
		return -EINVAL;
	}

	*addr = position.addr;
	return 0;
}
