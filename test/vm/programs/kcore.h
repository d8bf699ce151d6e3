/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel memory through /proc/kcore. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static Elf64_Phdr *segments;
static int nr_segments;

static int read_segments(int fd)
{
	Elf64_Ehdr header;
	size_t size;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	nr_segments = header.e_phnum;
	size = nr_segments * sizeof(*segments);
	segments = malloc(size);
	return pread(fd, segments, size, header.e_phoff) == (ssize_t)size ? 0 : -1;
}

static int read_memory(int fd, unsigned long address, unsigned char *bytes, unsigned long size)
{
	for (int i = 0; i < nr_segments; i++) {
		unsigned long start = segments[i].p_vaddr;

		if (segments[i].p_type != PT_LOAD || address < start || address - start >= segments[i].p_memsz)
			continue;
		return pread(fd, bytes, size, segments[i].p_offset + (address - start)) == (ssize_t)size ? 0 : -1;
	}
	return -1;
}

/* Ends the program where there is no such memory. */
static int open_kcore(void)
{
	int fd = open("/proc/kcore", O_RDONLY);

	if (fd < 0 || read_segments(fd)) {
		perror("/proc/kcore");
		exit(1);
	}
	return fd;
}
