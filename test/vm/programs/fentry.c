// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fentry FUNCTION: attaches a BPF program that does nothing to the start of a function of vmlinux, prints "attached" and
 * sleeps until a signal ends it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *read_btf(void)
{
	size_t size = 0, room = 64 << 20;
	char *data = malloc(room);
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	ssize_t got;

	while (data && fd >= 0 && (got = read(fd, data + size, room - size)) > 0)
		size += got;
	return size > sizeof(struct btf_header) ? data : NULL;
}

/* What follows a struct btf_type, by its kind: Documentation/bpf/btf.rst. */
static size_t rest_of(const struct btf_type *type)
{
	size_t count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return count * 8;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return count * 12;
	default:
		return 0;
	}
}

static uint32_t find_function(const char *data, const char *name)
{
	const struct btf_header *header = (const void *)data;
	const char *strings = data + header->hdr_len + header->str_off;
	const char *at = data + header->hdr_len + header->type_off;
	const char *end = at + header->type_len;
	uint32_t id;

	for (id = 1; at < end; id++) {
		const struct btf_type *type = (const void *)at;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC && !strcmp(strings + type->name_off, name))
			return id;
		at += sizeof(*type) + rest_of(type);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FENTRY,
		.insns = (uintptr_t)program,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = { 0 };
	char *btf = read_btf();

	if (argc != 2 || !btf || !(load.attach_btf_id = find_function(btf, argv[1]))) {
		fprintf(stderr, "no such function in BTF\n");
		return 1;
	}
	attach.raw_tracepoint.prog_fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if ((int)attach.raw_tracepoint.prog_fd < 0 ||
	    syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attach, sizeof(attach)) < 0) {
		perror("bpf");
		return 1;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("attached");
	pause();
	return 0;
}
