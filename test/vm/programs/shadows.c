// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many shadow variables the kernel holds, read from its hash table through /proc/kcore:
 * prints their number. One that is left when its object or its patch is gone has leaked.
 */
#include <string.h>

#include "kcore.h"

#define BUCKETS	4096	/* kernel/livepatch/shadow.c: DEFINE_HASHTABLE(klp_shadow_hash, 12) */

static unsigned long address_of(const char *symbol)
{
	FILE *symbols = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char type, name[512];

	while (symbols && fscanf(symbols, "%lx %c %511s%*[^\n]", &address, &type, name) >= 3) {
		if (!strcmp(name, symbol))
			return address;
	}
	fprintf(stderr, "no symbol %s\n", symbol);
	exit(1);
}

int main(void)
{
	static unsigned long buckets[BUCKETS];
	unsigned long table = address_of("klp_shadow_hash");
	int fd = open_kcore();
	int count = 0;

	if (read_memory(fd, table, (unsigned char *)buckets, sizeof(buckets))) {
		fprintf(stderr, "cannot read the table at %lx\n", table);
		return 1;
	}
	for (int i = 0; i < BUCKETS; i++) {
		/* struct klp_shadow begins with its struct hlist_node, and that with the next one's address. */
		for (unsigned long node = buckets[i]; node; count++) {
			if (read_memory(fd, node, (unsigned char *)&node, sizeof(node))) {
				fprintf(stderr, "cannot read the variable at %lx\n", node);
				return 1;
			}
		}
	}
	printf("%d\n", count);
	return 0;
}
