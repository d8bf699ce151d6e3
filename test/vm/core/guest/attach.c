// SPDX-License-Identifier: GPL-2.0
/*
 * Loads one program of a file of BPF programs, attaches it, says "ready", and keeps it there until it is killed:
 *
 *	attach FILE PROGRAM
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program, *wanted = NULL;

	if (argc != 3)
		return 2;
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return 1;
	bpf_object__for_each_program(program, object) {
		int is_wanted = !strcmp(bpf_program__name(program), argv[2]);

		bpf_program__set_autoload(program, is_wanted);
		if (is_wanted)
			wanted = program;
	}
	if (!wanted || bpf_object__load(object) || !bpf_program__attach(wanted))
		return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
