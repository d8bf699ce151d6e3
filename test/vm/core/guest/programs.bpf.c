// SPDX-License-Identifier: GPL-2.0
/* BPF programs at functions that are patched; how often each ran, the kernel counts. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

SEC("fentry/cmdline_proc_show")
int fentry(void *context)
{
	return 0;
}

SEC("fexit/cmdline_proc_show")
int fexit(void *context)
{
	return 0;
}

/* klptest_answer() is not run, and its caller gets this. */
SEC("fmod_ret/klptest_answer")
int fmod_ret(void *context)
{
	return -ENOTEMPTY;
}

char _license[] SEC("license") = "GPL";
