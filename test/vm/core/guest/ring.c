// SPDX-License-Identifier: GPL-2.0
/*
 * Has a worker thread of io_uring write TEXT to FILE, and waits for it:
 *
 *	ring FILE TEXT
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct io_uring_params params = { 0 };
	struct io_uring_sqe *entry;
	unsigned int *array, *tail;
	char *queue;
	int file, ring;

	if (argc != 3)
		return 2;
	file = open(argv[1], O_WRONLY);
	ring = syscall(SYS_io_uring_setup, 1, &params);
	if (file < 0 || ring < 0)
		return 1;
	queue = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(*array), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
		     IORING_OFF_SQES);
	if (queue == MAP_FAILED || entry == MAP_FAILED)
		return 1;

	memset(entry, 0, sizeof(*entry));
	entry->opcode = IORING_OP_WRITE;
	entry->flags = IOSQE_ASYNC;
	entry->fd = file;
	entry->addr = (uintptr_t)argv[2];
	entry->len = strlen(argv[2]);

	array = (unsigned int *)(queue + params.sq_off.array);
	tail = (unsigned int *)(queue + params.sq_off.tail);
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1 ? 0 : 1;
}
