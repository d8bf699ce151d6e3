// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The relocations of a patch module that the module loader cannot do: to symbols
 * that are not exported, or that belong to a module which may come later.
 *
 * A kernel without livepatch keeps nothing of a module's ELF file, so the patch
 * module brings them as data, an array of struct klp_core_reloc under the name
 * klp_core_relocs. The symbol is found in the module's own symbol table, which
 * is complete until the module's init function has returned; after that the
 * array is only needed for objects that come and go, and a kernel with
 * CONFIG_KALLSYMS_ALL keeps data symbols.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/elf.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include "imports.h"
#include "relocs.h"
#include "symbols.h"

/*
 * A module that is no livepatch may have something of that name; what makes it one, the
 * import of klp_enable_patch(), also makes it a user of symbols for GPL modules only.
 */
static const struct klp_core_reloc *klp_relocs_of(struct module *mod)
{
	const struct klp_core_reloc *relocs;

	if (!mod->using_gplonly_symbols)
		return NULL;

	preempt_disable();	/* the symbol table is under RCU-sched */
	relocs = (void *)klp_kernel(find_kallsyms_symbol_value)(mod, "klp_core_relocs");
	preempt_enable();

	return relocs;
}

/**
 * klp_check_relocs() - is this the table that the patch was linked with?
 * @mod:	patch module
 * @relocs:	what the linker made of the table's name; NULL: it has none
 *
 * A tool that strips modules may have taken the name away by which the core finds the
 * table: the module would run without relocations. For klp_enable_patch().
 *
 * Return: 0, or -ENOEXEC having said so
 */
int klp_check_relocs(struct module *mod, const struct klp_core_reloc *relocs)
{
	if (klp_relocs_of(mod) == relocs)
		return 0;

	pr_err("%s: its symbol table does not name its relocations: was the module stripped?\n",
	       mod->name);
	return -ENOEXEC;
}
EXPORT_SYMBOL_GPL(klp_check_relocs);

#define klp_for_each_reloc(reloc, mod, objname)				\
	for (reloc = klp_relocs_of(mod); reloc && reloc->place; reloc++) \
		if (!strcmp(reloc->object, objname))

/* "vmlinux" is NULL to the rest of the core. */
static const char *klp_search_name(const char *objname)
{
	return strcmp(objname, "vmlinux") ? objname : NULL;
}

/* Bytes that a relocation of this type writes, 0 for one that we do not know. */
static size_t klp_reloc_size(unsigned int type)
{
	switch (type) {
	case R_X86_64_64:
	case R_X86_64_PC64:
		return 8;
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		return 4;
	default:
		return 0;
	}
}

/* What is to be written; false when it does not fit. See the x86-64 psABI, 4.4. */
static bool klp_reloc_value(const struct klp_core_reloc *reloc,
			    unsigned long symbol, u64 *value)
{
	*value = symbol + reloc->addend;

	switch (reloc->type) {
	case R_X86_64_64:
		return true;
	case R_X86_64_PC64:
		*value -= (unsigned long)reloc->place;
		return true;
	case R_X86_64_32:
		return *value == (u32)*value;
	case R_X86_64_32S:
		return (s64)*value == (s32)*value;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		*value -= (unsigned long)reloc->place;
		return (s64)*value == (s32)*value;
	default:
		return false;
	}
}

static bool klp_place_in_module(const struct klp_core_reloc *reloc,
				struct module *mod)
{
	unsigned long first = (unsigned long)reloc->place;
	unsigned long last = first + klp_reloc_size(reloc->type) - 1;

	return within_module(first, mod) && within_module(last, mod);
}

/* Code and read-only data are write protected: the kernel has a way in. */
static void klp_write(void *place, u64 value, size_t size)
{
	mutex_lock(klp_text_mutex);
	klp_kernel(text_poke)(place, &value, size);
	mutex_unlock(klp_text_mutex);
}

/*
 * The place must still be as the linker left it, zero: otherwise something else
 * was written there since (an alternative, say), and it would be destroyed.
 */
static int klp_apply_reloc(struct module *mod, const struct klp_core_reloc *reloc)
{
	size_t size = klp_reloc_size(reloc->type);
	static const u64 untouched;
	unsigned long symbol;
	u64 value;
	int ret;

	if (!size) {
		pr_err("%s: unknown relocation type %u to symbol '%s'\n",
		       mod->name, reloc->type, reloc->symbol);
		return -ENOEXEC;
	}
	if (!klp_place_in_module(reloc, mod)) {
		pr_err("%s: relocation to symbol '%s' lies outside of the module\n",
		       mod->name, reloc->symbol);
		return -ENOEXEC;
	}
	if (memcmp(reloc->place, &untouched, size)) {
		pr_err("%s: place of the relocation to symbol '%s' is not empty: %pS\n",
		       mod->name, reloc->symbol, reloc->place);
		return -ENOEXEC;
	}

	ret = klp_find_symbol(klp_search_name(reloc->symbol_object),
			      reloc->symbol, reloc->sympos, &symbol);
	if (ret)
		return ret;

	if (!klp_reloc_value(reloc, symbol, &value)) {
		pr_err("%s: overflow in relocation type %u to symbol '%s'\n",
		       mod->name, reloc->type, reloc->symbol);
		return -ENOEXEC;
	}

	klp_write(reloc->place, value, size);
	return 0;
}

/* Undoes the relocations of an object that come before @end; NULL: all. */
static void klp_undo_relocs_before(struct module *mod, const char *objname,
				   const struct klp_core_reloc *end)
{
	const struct klp_core_reloc *reloc;

	klp_for_each_reloc(reloc, mod, objname) {
		if (reloc == end)
			break;
		klp_write(reloc->place, 0, klp_reloc_size(reloc->type));
	}
	klp_text_poke_sync();
}

/**
 * klp_apply_relocs() - write the relocations that an object makes possible
 * @mod:	patch module, or one that has none
 * @objname:	the object that is there now; NULL: vmlinux
 *
 * Return: 0, or a negative error with all of them undone
 */
int klp_apply_relocs(struct module *mod, const char *objname)
{
	const char *object = objname ?: "vmlinux";
	const struct klp_core_reloc *reloc;
	bool any = false;
	int ret;

	klp_for_each_reloc(reloc, mod, object) {
		any = true;
		ret = klp_apply_reloc(mod, reloc);
		if (ret) {
			klp_undo_relocs_before(mod, object, reloc);
			return ret;
		}
	}

	/* The code may have been fetched by another CPU, if only by speculation. */
	if (any)
		klp_text_poke_sync();
	return 0;
}

void klp_undo_relocs(struct module *mod, const char *objname)
{
	if (klp_relocs_of(mod))
		klp_undo_relocs_before(mod, objname, NULL);
}
