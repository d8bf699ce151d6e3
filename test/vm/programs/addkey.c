// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * addkey TYPE NAME PAYLOAD: adds a key to the user's keyring, and says "ok" or why not.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: addkey TYPE NAME PAYLOAD\n");
		return 2;
	}
	if (syscall(SYS_add_key, argv[1], argv[2], argv[3], strlen(argv[3]), KEY_SPEC_USER_KEYRING) < 0)
		puts(strerror(errno));
	else
		puts("ok");
	return 0;
}
