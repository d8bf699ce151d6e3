// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that is not the first one of its process becomes another program, which takes the first one's place and id:
 *
 *	thread_exec PROGRAM [ARGUMENT...]
 */
#include <pthread.h>
#include <unistd.h>

static void *become(void *argv)
{
	char **words = argv;

	execv(words[0], words);
	_exit(1);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2 || pthread_create(&thread, NULL, become, argv + 1))
		return 2;
	pause();
	return 3;
}
