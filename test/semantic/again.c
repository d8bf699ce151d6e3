// SPDX-License-Identifier: GPL-2.0-or-later
// Preloaded into a compiler, an assembler or the differ: the program starts once and then runs its main() for each line
// on stdin, in a process of its own that is forked. Most of a short run is the start: libraries of 100 MB are relocated.
//
// A line is FOLDER, OUTPUT, and the arguments from argv[0] on, with tabs between them. main() runs in FOLDER with stdout
// and stderr in the file OUTPUT. The answer is its wait status.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int (*main_function)(int, char **, char **);

#define MAX_ARGUMENTS 256

static main_function program;

static int run_once(char *line, char **environment)
{
	char *arguments[MAX_ARGUMENTS + 1];
	char *folder = strtok(line, "\t\n"), *output = strtok(NULL, "\t\n");
	int count = 0, fd;
	while (count < MAX_ARGUMENTS && (arguments[count] = strtok(NULL, "\t\n")))
		++count;
	arguments[count] = NULL;
	if (!count || chdir(folder))
		return 126;
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		return 126;
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	dup2(fd, 0);
	return program(count, arguments, environment);
}

// stdio is left alone here: what it holds would be written again by every child.
static int read_line(char *line, size_t room)
{
	size_t at = 0;
	while (at + 1 < room && read(0, line + at, 1) == 1)
		if (line[at++] == '\n') {
			line[at] = 0;
			return 1;
		}
	return 0;
}

static int again(int count, char **arguments, char **environment)
{
	static char line[65536];
	(void)count;
	(void)arguments;
	unsetenv("LD_PRELOAD");
	while (read_line(line, sizeof(line))) {
		char answer[32];
		int status = 0, length;
		pid_t child;
		while ((child = fork()) < 0)
			usleep(10000); // a machine that is short of memory or processes for the moment
		if (child == 0)
			exit(run_once(line, environment));
		waitpid(child, &status, 0);
		length = snprintf(answer, sizeof(answer), "%d\n", status);
		if (write(1, answer, length) != length)
			return 1;
	}
	return 0;
}

int __libc_start_main(main_function start, int count, char **arguments, main_function init, void (*fini)(void),
		      void (*loader_fini)(void), void *stack)
{
	int (*real)(main_function, int, char **, main_function, void (*)(void), void (*)(void), void *);
	*(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
	program = start;
	return real(again, count, arguments, init, fini, loader_fini, stack);
}
