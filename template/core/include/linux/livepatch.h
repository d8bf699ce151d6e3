/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live patching, for kernels that were built without it.
 *
 * Stands in for the kernel's header of the same name: a patch module that
 * compiles against the kernel's compiles against this one unchanged. What the
 * calls do is told in the kernel's Documentation/livepatch.
 */
#ifndef _LINUX_LIVEPATCH_H_
#define _LINUX_LIVEPATCH_H_

#include <linux/completion.h>
#include <linux/ftrace.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#ifdef CONFIG_LIVEPATCH
#error "this kernel has a livepatch core of its own: build with --runtime kernel"
#endif

struct klp_object;

/**
 * struct klp_func - a function and what is called in its place
 * @old_name:	the function's name in the object's symbol table
 * @new_func:	what is called instead
 * @old_sympos:	which of several symbols of that name, counted from 1 in
 *		kallsyms order; 0: there must be only one
 *
 * The rest belongs to the core:
 * @old_func:	address of the function; NULL while its object is not loaded
 * @old_size:	size of the function
 * @new_size:	size of its replacement
 * @kobj:	directory in sysfs
 * @node:	in &klp_object.func_list
 * @stack_node:	in the stack of replacements of this function
 * @nop:	calls the original on behalf of a patch that is replaced
 * @patched:	is in the stack of replacements
 * @transition:	tasks are being switched: the handler asks each for its state
 */
struct klp_func {
	const char *old_name;
	void *new_func;
	unsigned long old_sympos;

	void *old_func;
	unsigned long old_size;
	unsigned long new_size;
	struct kobject kobj;
	struct list_head node;
	struct list_head stack_node;
	bool nop;
	bool patched;
	bool transition;
};

/**
 * struct klp_callbacks - what an object wants to have called
 * @pre_patch:		before it is patched; an error stops the patch, or
 *			keeps the module out
 * @post_patch:		after all tasks use the new functions
 * @pre_unpatch:	before the first task goes back
 * @post_unpatch:	after all have gone back
 * @post_unpatch_enabled: pre_patch succeeded, so post_unpatch is owed
 */
struct klp_callbacks {
	int (*pre_patch)(struct klp_object *obj);
	void (*post_patch)(struct klp_object *obj);
	void (*pre_unpatch)(struct klp_object *obj);
	void (*post_unpatch)(struct klp_object *obj);

	bool post_unpatch_enabled;
};

/**
 * struct klp_object - the kernel or a module that is patched
 * @name:	the module's name; NULL: vmlinux
 * @funcs:	its functions, ended by an empty entry
 * @callbacks:	see there
 *
 * The rest belongs to the core:
 * @kobj:	directory in sysfs
 * @func_list:	all functions, those added for a replacement included
 * @node:	in &klp_patch.obj_list
 * @mod:	the module while it is loaded
 * @dynamic:	made for a replacement, to hold its nops
 * @patched:	its functions are in their stacks of replacements
 */
struct klp_object {
	const char *name;
	struct klp_func *funcs;
	struct klp_callbacks callbacks;

	struct kobject kobj;
	struct list_head func_list;
	struct list_head node;
	struct module *mod;
	bool dynamic;
	bool patched;
};

/**
 * struct klp_state - a change to the system that outlives functions
 * @id:		names the change; not 0
 * @version:	of the change
 * @data:	the patch's own
 */
struct klp_state {
	unsigned long id;
	unsigned int version;
	void *data;
};

/**
 * struct klp_patch - one livepatch
 * @mod:	the module it comes in
 * @objs:	what it patches, ended by an empty entry
 * @states:	what it changes, ended by an empty entry; may be NULL
 * @replace:	takes the place of all patches that are enabled
 *
 * The rest belongs to the core:
 * @list:	in klp_patches
 * @kobj:	directory in sysfs
 * @obj_list:	all objects, those added for a replacement included
 * @enabled:	in effect, or on the way to it
 * @forced:	some task may still run its code: the module must stay
 * @free_work:	ends the patch outside of klp_mutex
 * @finish:	sysfs has let go of it
 */
struct klp_patch {
	struct module *mod;
	struct klp_object *objs;
	struct klp_state *states;
	bool replace;

	struct list_head list;
	struct kobject kobj;
	struct list_head obj_list;
	bool enabled;
	bool forced;
	struct work_struct free_work;
	struct completion finish;
};

int klp_enable_patch(struct klp_patch *patch);

typedef int (*klp_shadow_ctor_t)(void *obj, void *shadow_data, void *ctor_data);
typedef void (*klp_shadow_dtor_t)(void *obj, void *shadow_data);

void *klp_shadow_get(void *obj, unsigned long id);
void *klp_shadow_alloc(void *obj, unsigned long id, size_t size, gfp_t gfp_flags,
		       klp_shadow_ctor_t ctor, void *ctor_data);
void *klp_shadow_get_or_alloc(void *obj, unsigned long id, size_t size,
			      gfp_t gfp_flags, klp_shadow_ctor_t ctor,
			      void *ctor_data);
void klp_shadow_free(void *obj, unsigned long id, klp_shadow_dtor_t dtor);
void klp_shadow_free_all(unsigned long id, klp_shadow_dtor_t dtor);

struct klp_state *klp_get_state(struct klp_patch *patch, unsigned long id);
struct klp_state *klp_get_prev_state(unsigned long id);

/**
 * struct klp_core_reloc - a relocation that the module loader cannot do
 * @place:	what is written to, in the patch module
 * @object:	the object whose arrival makes it possible; "vmlinux": always
 * @symbol_object: where the symbol is: @object or something it depends on
 * @symbol:	its name
 * @addend:	as in an ELF relocation with addend
 * @sympos:	which of several symbols of that name; 0: the only one
 * @type:	R_X86_64_*
 *
 * A patch module may have an array of them in a section ".klp.core.relocs", in
 * a symbol ``klp_core_relocs``, ended by an entry with no @place. See
 * template/core/README.md.
 */
struct klp_core_reloc {
	void *place;
	const char *object;
	const char *symbol_object;
	const char *symbol;
	long addend;
	unsigned int sympos;
	unsigned int type;
};

/*
 * The array of this module, if klp-convert has given it one. That a relocation leads
 * to the name keeps it in the file whoever strips that, and tells the core that there
 * is something to be found by it.
 */
extern const struct klp_core_reloc klp_core_relocs[] __weak;

int klp_check_relocs(struct module *mod, const struct klp_core_reloc *relocs);

#ifndef KLP_CORE
#define klp_enable_patch(patch)						\
({									\
	struct klp_patch *__klp_patch = (patch);			\
									\
	klp_check_relocs(THIS_MODULE, klp_core_relocs) ?:		\
		klp_enable_patch(__klp_patch);				\
})
#endif

/*
 * A kernel without CONFIG_LIVEPATCH turns away every module whose .modinfo has
 * the tag "livepatch". Patch modules say MODULE_INFO(livepatch, "Y"), and tools
 * look for the line "livepatch: Y" in modinfo's output. With the tag
 * "livepatch:" both are content: the kernel compares whole tags.
 */
#define __KLP_TAG_livepatch	~, "livepatch:"
#define __KLP_SECOND(first, second, ...) second
#define __KLP_TAG(probe, tag)	__KLP_SECOND(probe, tag, ~)

#undef MODULE_INFO
#define MODULE_INFO(tag, info)						\
	static const char __UNIQUE_ID(tag)[]				\
		__used __section(".modinfo") __aligned(1)		\
		= __MODULE_INFO_PREFIX __KLP_TAG(__KLP_TAG_##tag, #tag)	\
		  "=" info

/*
 * What some headers of the kernel expect of this one: nothing is compiled into
 * this kernel that would have to be called.
 */
static inline bool klp_patch_pending(struct task_struct *task) { return false; }
static inline void klp_update_patch_state(struct task_struct *task) { }
static inline void klp_copy_process(struct task_struct *child) { }

#ifndef MODULE
static inline int klp_module_coming(struct module *mod) { return 0; }
static inline void klp_module_going(struct module *mod) { }

static inline int klp_apply_section_relocs(struct module *pmod, Elf_Shdr *sechdrs,
					   const char *shstrtab, const char *strtab,
					   unsigned int symindex, unsigned int secindex,
					   const char *objname)
{
	return 0;
}
#endif

#endif /* _LINUX_LIVEPATCH_H_ */
