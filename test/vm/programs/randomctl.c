// SPDX-License-Identifier: GPL-2.0-or-later
/* Ask /dev/random by ioctl; for the example 08-special-code, which adds one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

struct random_status {
	uint64_t values[4];
};
#define RNDGETSTATUS _IOR('R', 0x60, struct random_status)

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	void *bad = (void *)8;
	struct random_status status;
	int fd = open("/dev/random", O_RDONLY);
	int count, result;

	if (fd < 0) {
		perror("/dev/random");
		return 1;
	}
	if (!strcmp(what, "count")) {
		result = ioctl(fd, RNDGETENTCNT, &count);
	} else if (!strcmp(what, "count-bad")) {
		result = ioctl(fd, RNDGETENTCNT, bad);
	} else if (!strcmp(what, "status")) {
		result = ioctl(fd, RNDGETSTATUS, &status);
	} else if (!strcmp(what, "status-bad")) {
		result = ioctl(fd, RNDGETSTATUS, bad);
	} else if (!strcmp(what, "status-null")) {
		result = ioctl(fd, RNDGETSTATUS, NULL);
	} else {
		fprintf(stderr, "usage: randomctl count|count-bad|status|status-bad|status-null\n");
		return 2;
	}

	if (result < 0)
		puts(errno == EFAULT ? "EFAULT" : errno == EINVAL ? "EINVAL" : strerror(errno));
	else if (!strcmp(what, "count"))
		printf("%d\n", count);
	else
		printf("cpu %d ready %d calls %d rdrand %d\n", (int)status.values[0], (int)status.values[1],
		       (int)status.values[2], (int)status.values[3]);
	return 0;
}
