// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Print the hdr_len of the virtio-net headers that a tap device (module tun) and
 * a packet socket (vmlinux) put before one frame; for the example 03-inline-header.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME = 60, TYPE = 0x88b5 };

static void check(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static int open_tap(struct ifreq *device)
{
	int tap = open("/dev/net/tun", O_RDWR);
	int control = socket(AF_INET, SOCK_DGRAM, 0);

	check(tap >= 0, "/dev/net/tun");
	memset(device, 0, sizeof(*device));
	strcpy(device->ifr_name, "probe0");
	device->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	check(ioctl(tap, TUNSETIFF, device) == 0, "TUNSETIFF");
	device->ifr_flags = IFF_UP;
	check(ioctl(control, SIOCSIFFLAGS, device) == 0, "SIOCSIFFLAGS");
	check(ioctl(control, SIOCGIFINDEX, device) == 0, "SIOCGIFINDEX");
	close(control);
	return tap;
}

static int open_packet(int index, int with_header)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = index,
	};
	int packet = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	check(packet >= 0, "packet socket");
	check(setsockopt(packet, SOL_PACKET, PACKET_VNET_HDR, &with_header, sizeof(with_header)) == 0,
	      "PACKET_VNET_HDR");
	check(bind(packet, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
	return packet;
}

/* Frames of others (IPv6 soliciting) may come first; ours is told by its type. */
static void print_header(const char *name, int file)
{
	struct {
		struct virtio_net_hdr header;
		unsigned char frame[2048];
	} __attribute__((packed)) got;
	ssize_t size;

	do {
		size = read(file, &got, sizeof(got));
		check(size > 0, name);
	} while (got.frame[12] != TYPE >> 8 || got.frame[13] != (TYPE & 0xff));
	printf("%s %d\n", name, got.header.hdr_len);
}

int main(void)
{
	struct ifreq device;
	unsigned char frame[FRAME] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, TYPE >> 8, TYPE & 0xff };
	int tap = open_tap(&device);
	int receiver = open_packet(device.ifr_ifindex, 1);
	int sender = open_packet(device.ifr_ifindex, 0);

	alarm(20);
	check(write(sender, frame, sizeof(frame)) == sizeof(frame), "send");
	print_header("tap", tap);
	print_header("packet", receiver);
	return 0;
}
