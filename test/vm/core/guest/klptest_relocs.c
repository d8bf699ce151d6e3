// SPDX-License-Identifier: GPL-2.0
/*
 * A patch with relocations of its own, written by hand, one of each kind. The parameters tell
 * what arrived at the places. KLPTEST_DUP is a function that vmlinux has several of.
 */

#include <linux/elf.h>
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include "klptest.h"

#define STRING_(text)	#text
#define STRING(text)	STRING_(text)

/* Code as the linker leaves it: an instruction with an empty operand. */
#define CODE(name, bytes, place)						\
	static noinline __noclone unsigned long name(void)			\
	{									\
		unsigned long value;						\
										\
		asm volatile(".byte " bytes "\n.globl " #place "\n"		\
			     ".type " #place ", @object\n" #place ":"		\
			     ".zero " STRING(place##_size) : "=a" (value));	\
		return value;							\
	}									\
	extern char place[]

#define place_pc32_size	4
#define place_32s_size	4
#define place_abs_size	8

CODE(code_pc32, "0x48, 0x8d, 0x05", place_pc32);	/* lea x(%rip), %rax */
CODE(code_32s, "0x48, 0xc7, 0xc0", place_32s);		/* mov $x, %rax */
CODE(code_abs, "0x48, 0xb8", place_abs);		/* movabs $x, %rax */

static unsigned long data_module;	/* &released of klptest */
static unsigned long data_second;	/* the second KLPTEST_DUP */
static const unsigned long constant;	/* in read-only data */
static unsigned long data_spare __used;	/* for entries that are refused */
static unsigned int data_plt32;

static char *text = "klptest";		/* not empty, and stays as it is */
module_param(text, charp, 0400);

const struct klp_core_reloc klp_core_relocs[] __used __section(".klp.core.relocs") = {
	{ place_pc32, "vmlinux", "vmlinux", "tasklist_lock", -4, 0, R_X86_64_PC32 },
	{ place_32s, "vmlinux", "vmlinux", "tasklist_lock", 8, 0, R_X86_64_32S },
	{ place_abs, "vmlinux", "vmlinux", "text_mutex", 0, 0, R_X86_64_64 },
	{ (void *)&constant, "vmlinux", "vmlinux", "tasklist_lock", 0, 0, R_X86_64_64 },
	{ &data_second, "vmlinux", "vmlinux", STRING(KLPTEST_DUP), 0, 2, R_X86_64_64 },
	{ &data_plt32, "klptest", "klptest", "pass_time", 0, 0, R_X86_64_PLT32 },
	{ &data_module, "klptest", "klptest", "released", 0, 0, R_X86_64_64 },
#ifdef BROKEN
	BROKEN,
#endif
	{ }
};

static int show(char *buffer, const struct kernel_param *param)
{
	unsigned long plt = (unsigned long)&data_plt32 + (int)READ_ONCE(data_plt32);

	return sysfs_emit(buffer,
			  "pc32 %lx\n32s %lx\nabs %lx\nconstant %lx\nsecond %lx\nplt32 %lx\nmodule %lx\n",
			  code_pc32(), code_32s() - 8, code_abs(), READ_ONCE(constant),
			  READ_ONCE(data_second), READ_ONCE(data_plt32) ? plt : 0,
			  READ_ONCE(data_module));
}

static const struct kernel_param_ops values_ops = { .get = show };
module_param_cb(values, &values_ops, NULL, 0400);

static int patched_inner(void)
{
	return READ_ONCE(*(bool *)data_module) ? 7 : 6;
}

static struct klp_func funcs[] = {
	{ .old_name = "klptest_inner", .new_func = patched_inner },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "klptest", .funcs = funcs },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init patch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit patch_exit(void)
{
}

module_init(patch_init);
module_exit(patch_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
