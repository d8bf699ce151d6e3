// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A network block device whose server reads no write while a file exists:
 *
 *	nbds serve DEVICE FILE	becomes the server of DEVICE (16 MB), in the background
 *	nbds begin DEVICE	begins to write 1 MB, in the background; prints the process
 *	nbds stop DEVICE	disconnects it
 *	nbds check DEVICE	reads it; prints how many of its bytes are as begin wrote them
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE (16 << 20)
#define LENGTH (1 << 20)
#define PATTERN 0x5a

static char disk[SIZE];

static int all(ssize_t (*move)(int, void *, size_t), int fd, void *data, size_t size)
{
	for (ssize_t done; size; size -= done, data = (char *)data + done) {
		done = move(fd, data, size);
		if (done <= 0)
			return -1;
	}
	return 0;
}

static ssize_t put(int fd, void *data, size_t size)
{
	return write(fd, data, size);
}

static void answer(int fd, const char *file)
{
	struct nbd_request request;
	struct nbd_reply reply = {.magic = htonl(NBD_REPLY_MAGIC)};

	while (1) {
		/* What reads the partition table is not kept waiting. */
		if (recv(fd, &request, sizeof(request), MSG_PEEK | MSG_WAITALL) != sizeof(request))
			return;
		while (ntohl(request.type) == NBD_CMD_WRITE && !access(file, F_OK))
			usleep(10000);
		if (all(read, fd, &request, sizeof(request)))
			return;
		char *place = disk + be64toh(request.from) % SIZE;
		unsigned int size = ntohl(request.len);

		memcpy(&reply.handle, &request.handle, sizeof(reply.handle));
		reply.error = request.magic == htonl(NBD_REQUEST_MAGIC) ? 0 : htonl(22);
		if (ntohl(request.type) == NBD_CMD_WRITE && all(read, fd, place, size))
			return;
		if (all(put, fd, &reply, sizeof(reply)))
			return;
		if (ntohl(request.type) == NBD_CMD_READ && all(put, fd, place, size))
			return;
		if (ntohl(request.type) == NBD_CMD_DISC)
			return;
	}
}

static int serve(const char *device, const char *file)
{
	int ends[2], fd = open(device, O_RDWR);

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || ioctl(fd, NBD_SET_BLKSIZE, 4096UL) ||
	    ioctl(fd, NBD_SET_SIZE_BLOCKS, SIZE / 4096UL) || ioctl(fd, NBD_SET_TIMEOUT, 60UL) ||
	    ioctl(fd, NBD_SET_SOCK, ends[0])) {
		perror(device);
		return 1;
	}
	if (daemon(1, 0))
		return 1;
	if (fork()) {
		close(ends[1]);
		ioctl(fd, NBD_DO_IT);
		ioctl(fd, NBD_CLEAR_SOCK);
		return 0;
	}
	close(ends[0]);
	answer(ends[1], file);
	return 0;
}

static char *data(void)
{
	char *block = NULL;

	if (posix_memalign((void **)&block, 4096, LENGTH))
		exit(1);
	return block;
}

static int begin(const char *device)
{
	int fd = open(device, O_RDWR | O_DIRECT);
	pid_t child;

	if (fd < 0)
		return 1;
	child = fork();
	if (child) {
		printf("%d\n", child);
		return 0;
	}
	/* Nobody waits for the writer's output. */
	close(1);
	close(2);
	return pwrite(fd, memset(data(), PATTERN, LENGTH), LENGTH, 0) != LENGTH;
}

static int check(const char *device)
{
	int fd = open(device, O_RDONLY | O_DIRECT), same = 0;
	char *block = data();

	if (fd < 0 || pread(fd, block, LENGTH, 0) != LENGTH)
		return 1;
	for (int i = 0; i < LENGTH; i++)
		same += block[i] == PATTERN;
	printf("%d\n", same);
	return 0;
}

static int stop(const char *device)
{
	int fd = open(device, O_RDWR);

	return fd < 0 || ioctl(fd, NBD_DISCONNECT);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "begin"))
		return begin(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "stop"))
		return stop(argv[2]);
	return argc == 3 && !strcmp(argv[1], "check") ? check(argv[2]) : 2;
}
