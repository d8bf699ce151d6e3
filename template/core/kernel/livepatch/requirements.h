/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core needs of a kernel: the one list, read by require.h when the core
 * is compiled and by klp-build (lib/kernel/runtime.cc) before that.
 *
 *	KLP_NEEDS(OPTION, why)		CONFIG_OPTION has to be set
 *	KLP_NEEDS_ONE(A, B, why)	one of the two
 *	KLP_REFUSES(OPTION, why)	must not be set
 *
 * The reader defines the three before and has them undefined after.
 */

/* The series of Linux that it is for: booted with what test/vm/core runs on its small kernels. */
#define KLP_OLDEST_LINUX	6, 1
#define KLP_NEWEST_LINUX	7, 3

KLP_NEEDS(X86_64, "a task's patch state is kept in bits of thread_info.flags that only x86-64 has")
KLP_NEEDS(SMP, "tasks are put aside by the stopper of their CPU")
KLP_NEEDS(MODULES, "the core and its patches are modules")
KLP_NEEDS(SYSFS, "patches are controlled there")
KLP_NEEDS(KALLSYMS, "functions are found by name")
KLP_NEEDS(KALLSYMS_ALL, "data symbols are found by name")
KLP_NEEDS(KPROBES, "the first unexported address is found by one")
KLP_NEEDS(DYNAMIC_FTRACE, "calls are redirected by ftrace")
KLP_NEEDS_ONE(DYNAMIC_FTRACE_WITH_REGS, DYNAMIC_FTRACE_WITH_ARGS, "calls are redirected by ftrace")
KLP_NEEDS(STACKTRACE, "tasks are switched by what is on their stacks")
KLP_NEEDS(UNWINDER_ORC, "only this unwinder says whether a stack can be trusted")
KLP_REFUSES(PREEMPT_RT, "not tried there: the core's hooks run where such a kernel takes no lock that sleeps")
KLP_REFUSES(LTO_CLANG, "the linker inlines across files what the core hooks, and renames static functions")

#undef KLP_NEEDS
#undef KLP_NEEDS_ONE
#undef KLP_REFUSES
