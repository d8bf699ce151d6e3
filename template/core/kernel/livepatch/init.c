// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading the core: is this the kernel that it is for?
 *
 * There is no way to unload it. A task that sleeps may still have to run a
 * task_work of ours years from now, and the kernel's own core cannot go either.
 */

#define pr_fmt(fmt) "livepatch: " fmt

#include <linux/buildid.h>
#include <linux/elf.h>
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/utsname.h>
#include "hooks.h"
#include "imports.h"
#include "module.h"
#include "sysfs.h"

#ifdef KLP_BUILD_ID
MODULE_INFO(klp_build_id, KLP_BUILD_ID);

/*
 * The version magic was right or we would not be here, but a release can be
 * built more than once. The build id cannot lie.
 */
static int __init klp_check_kernel(void)
{
	unsigned long start = klp_lookup_kernel("__start_notes");
	unsigned long stop = klp_lookup_kernel("__stop_notes");
	unsigned char id[BUILD_ID_SIZE_MAX] = { };
	char text[2 * BUILD_ID_SIZE_MAX + 1];

	if (!start || klp_kernel(build_id_parse_buf)((void *)start, id, stop - start)) {
		pr_err("this kernel has no build id, it is not %s\n", KLP_BUILD_ID);
		return -ENOEXEC;
	}

	snprintf(text, sizeof(text), "%*phN", (int)sizeof(id), id);
	if (strcmp(text, KLP_BUILD_ID)) {
		pr_err("made for the kernel with build id %s, this one is %s\n",
		       KLP_BUILD_ID, text);
		return -ENOEXEC;
	}
	return 0;
}
#else
static int __init klp_check_kernel(void)
{
	return 0;
}
#endif

/* Two cores would redirect the same functions. This one is called by fork. */
static int __init klp_check_alone(void)
{
	if (!klp_lookup_kernel("klp_copy_process"))
		return 0;

	pr_err("kernel %s has a livepatch core of its own\n", init_utsname()->release);
	return -EBUSY;
}

/*
 * Where ftrace can jump to a function as well as call it, the lowest bit of the
 * address says which (ftrace_is_jmp()). A kernel optimized for size by a compiler
 * without -fmin-function-alignment (gcc before 14) may have the function that serves
 * the second tracer of a function at an odd address; it is jumped to then, and
 * returns to nowhere. A patched function must bear a second tracer.
 */
static int __init klp_check_ftrace(void)
{
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_JMP
	static const char name[] = "arch_ftrace_ops_list_func";
	unsigned long addr = klp_import_function(name);

	if (!addr)
		return -ENOENT;
	if (ftrace_is_jmp(addr)) {
		pr_err("%s is at an odd address, at which ftrace cannot call it\n", name);
		return -ENOEXEC;
	}
#endif
	return 0;
}

static int __init klp_check(void)
{
	int ret;

	ret = klp_resolve_imports();
	if (ret)
		return ret;
	ret = klp_check_kernel();
	if (ret)
		return ret;
	ret = klp_check_ftrace();
	if (ret)
		return ret;
	return klp_check_alone();
}

static int __init klp_init(void)
{
	int ret;

	ret = klp_check();
	if (ret)
		return ret;

	ret = klp_init_hooks();
	if (ret)
		return ret;

	ret = klp_init_sysfs();
	if (ret)
		goto exit_hooks;

	ret = klp_init_modules();
	if (ret)
		goto exit_sysfs;
	return 0;

exit_sysfs:
	klp_exit_sysfs();
exit_hooks:
	klp_exit_hooks();
	return ret;
}
module_init(klp_init);

MODULE_DESCRIPTION("Live patching for kernels built without it");
MODULE_LICENSE("GPL");
