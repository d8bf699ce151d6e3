// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A parent that sleeps in vfork() until its child ends, which is when that gets a signal. Prints the child's id before,
 * "done" after.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	child = vfork();
	if (child == 0) {
		dprintf(1, "%d\n", getpid());
		pause();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	puts("done");
	return 0;
}
