// SPDX-License-Identifier: GPL-2.0
/*
 * Load for a machine whose functions are being patched.
 *
 *	hammer load		until killed: everything that tasks do, on all CPUs, but less
 *				urgently than who loads the patches
 *	hammer sleep N		N processes that sleep; says "ready"
 *	hammer call		one call, and the end
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void call(int file, int mode)
{
	char command = '0' + mode;

	if (write(file, &command, 1) != 1)
		exit(1);
}

static void callers(void)
{
	int file = open("/proc/klptest", O_WRONLY);

	for (int mode = 0;; mode = (mode + 1) % 5)
		call(file, mode);
}

static void readers(void)
{
	char text[256];

	for (;;) {
		int file = open("/proc/cmdline", O_RDONLY);

		if (file < 0 || read(file, text, sizeof(text)) <= 0)
			exit(1);
		close(file);
		usleep(1000);
	}
}

static void *thread(void *unused)
{
	int file = open("/proc/klptest", O_WRONLY);

	call(file, 3);
	close(file);
	return unused;
}

/* Children are born and die at every moment of a transition. */
static void forkers(void)
{
	int file = open("/proc/klptest", O_WRONLY);

	for (;;) {
		pthread_t other;
		pid_t child = fork();

		if (!child) {
			call(file, 1);
			call(file, 3);
			_exit(0);
		}
		if (!pthread_create(&other, NULL, thread, NULL))
			pthread_join(other, NULL);
		waitpid(child, NULL, 0);
	}
}

static void *exec_in_thread(void *program)
{
	execl(program, program, "call", NULL);
	exit(1);
}

/* The thread that calls exec takes the place of its process, whose first thread dies. */
static void execers(void)
{
	for (;;) {
		pid_t child = fork();

		if (!child) {
			pthread_t other;

			if (pthread_create(&other, NULL, exec_in_thread, "/hammer"))
				exit(1);
			for (;;)
				call(open("/proc/klptest", O_WRONLY | O_CLOEXEC), 1);
		}
		waitpid(child, NULL, 0);
		usleep(1000);
	}
}

static void faulters(void)
{
	size_t size = 1 << 20;

	for (;;) {
		char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (size_t i = 0; i < size; i += 4096)
			memory[i] = 1;
		munmap(memory, size);
		usleep(500);
	}
}

static void tick(int unused)
{
	(void)unused;
}

static void signaled(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	int file = open("/proc/klptest", O_WRONLY);

	signal(SIGALRM, tick);
	setitimer(ITIMER_REAL, &often, NULL);
	for (;;)
		call(file, 2);
}

/* Never enters the kernel by itself. */
static void hogs(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

static void start(void (*function)(void))
{
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		function();
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "sleep")) {
		for (int i = atoi(argv[2]); i; i--)
			start((void (*)(void))pause);
	} else if (argc > 1 && !strcmp(argv[1], "call")) {
		call(open("/proc/klptest", O_WRONLY), 3);
		return 0;
	} else {
		if (nice(15) < 0)
			return 1;
		start(callers);
		start(callers);
		start(readers);
		start(forkers);
		start(execers);
		start(faulters);
		start(signaled);
		start(hogs);
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
