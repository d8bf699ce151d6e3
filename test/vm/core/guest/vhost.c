// SPDX-License-Identifier: GPL-2.0
/* Owns a vhost device, whose worker thread there is from then on; says "ready", and keeps it until it is killed. */
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int device = open("/dev/vhost-vsock", O_RDWR);

	if (device < 0 || ioctl(device, VHOST_SET_OWNER, NULL))
		return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
