// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel memory through /proc/kcore: reads lines "ADDRESS SIZE" (hexadecimal) and prints each
 * one's bytes as a line of hexadecimal digits, or "-" where the kernel shows none.
 */
#include <stdio.h>

#include "kcore.h"

int main(void)
{
	unsigned long address, size;
	unsigned char bytes[64];
	int fd = open_kcore();

	while (scanf("%lx %lx", &address, &size) == 2) {
		if (size > sizeof(bytes) || read_memory(fd, address, bytes, size)) {
			puts("-");
			continue;
		}
		for (unsigned long i = 0; i < size; i++)
			printf("%02x", bytes[i]);
		putchar('\n');
	}
	return 0;
}
