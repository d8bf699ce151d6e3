/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core needs of the kernel and the kernel does not export.
 *
 * The kernel is asked for the addresses when the core is loaded (see imports.c).
 * The functions are called by static calls, which become direct branches: an
 * unexported function may have lost its ENDBR, so that a call through a pointer
 * would trap on a machine with IBT.
 */
#ifndef _KLP_IMPORTS_H
#define _KLP_IMPORTS_H

#include <linux/buildid.h>
#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/stop_machine.h>
#include <linux/task_work.h>
#include <asm/text-patching.h>

/* Declared in headers that modules do not see, before Linux 6.17. */
unsigned long find_kallsyms_symbol_value(struct module *mod, const char *name);

#ifdef KLP_HAS_TEXT_POKE_SYNC
#define KLP_IMPORTED_SYNC(each)	each(text_poke_sync)
#else	/* its name since Linux 6.16 */
#define KLP_IMPORTED_SYNC(each)	each(smp_text_poke_sync_each_cpu)
#endif

#define KLP_IMPORTED_FUNCTIONS(each)		\
	each(build_id_parse_buf)		\
	each(find_kallsyms_symbol_value)	\
	each(find_module)			\
	each(ftrace_location)			\
	each(idle_task)				\
	each(kallsyms_lookup_size_offset)	\
	each(kallsyms_on_each_match_symbol)	\
	each(module_kallsyms_on_each_symbol)	\
	each(stack_trace_save_tsk_reliable)	\
	each(stop_one_cpu_nowait)		\
	each(task_call_func)			\
	each(task_curr)				\
	each(task_work_add)			\
	each(text_poke)				\
	KLP_IMPORTED_SYNC(each)			\
	each(wake_up_state)

#define KLP_DECLARE_IMPORT(function) \
	DECLARE_STATIC_CALL(klp_import_##function, function);
KLP_IMPORTED_FUNCTIONS(KLP_DECLARE_IMPORT)
#undef KLP_DECLARE_IMPORT

/* klp_kernel(find_module)(name) calls the kernel's find_module(name). */
#define klp_kernel(function)	static_call(klp_import_##function)

static inline void klp_text_poke_sync(void)
{
#ifdef KLP_HAS_TEXT_POKE_SYNC
	klp_kernel(text_poke_sync)();
#else
	klp_kernel(smp_text_poke_sync_each_cpu)();
#endif
}

extern struct list_head *klp_modules;
extern struct mutex *klp_module_mutex;
extern rwlock_t *klp_tasklist_lock;
extern struct mutex *klp_text_mutex;

unsigned long klp_lookup_kernel(const char *name);
unsigned long klp_import_function(const char *name);
int klp_resolve_imports(void);

#endif /* _KLP_IMPORTS_H */
