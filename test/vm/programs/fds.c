// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that keeps files open, and does with them what others ask:
 *
 *	fds serve		becomes the server, in the background
 *	fds eventfd VALUE	opens one; prints its number
 *	fds timerfd		opens one; prints its number
 *	fds epoll		opens one; prints its number
 *	fds open 0 PATH		opens it for reading and writing; prints its number
 *	fds uhid 0 NAME		makes a HID device with reports of one byte; prints its number
 *	fds report UHID NUMBER	the device sends one
 *	fds revoke FD		HIDIOCREVOKE; prints "ok" or the error
 *	fds packet 0 DEVICE	opens a packet socket with a promiscuous membership; prints its number
 *	fds watch EPOLL FD	adds FD to it; prints "ok" or the error
 *	fds read FD		reads 8 bytes; prints the number or the error
 *	fds write FD NUMBER	writes 8 bytes; prints "ok" or the error
 *	fds info FD KEY		prints the line of /proc/self/fdinfo/FD that begins with KEY
 *	fds close FD		prints "ok" or the error
 *	fds quit
 *
 * Files that block are not waited for: they are opened with O_NONBLOCK.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/hidraw.h>
#include <linux/if_packet.h>
#include <linux/uhid.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef HIDIOCREVOKE
#define HIDIOCREVOKE _IOW('H', 0x0D, int)
#endif

#define REQUESTS "/tmp/fds.in"
#define REPLIES "/tmp/fds.out"

static const char *outcome(long result, char *reply)
{
	if (result < 0)
		return strerrorname_np(errno);
	sprintf(reply, "%ld", result);
	return reply;
}

static const char *ok(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

static const char *info(int fd, const char *key, char *reply)
{
	char path[64];
	FILE *file;

	sprintf(path, "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		return strerrorname_np(errno);
	strcpy(reply, "nothing");
	for (char line[256]; fgets(line, sizeof(line), file);) {
		if (!strncmp(line, key, strlen(key)))
			strcpy(reply, strtok(line, "\n"));
	}
	fclose(file);
	return reply;
}

static const char *watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return ok(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* Reports of one byte, of a page that no driver knows. */
static int make_hid(const char *name)
{
	static const unsigned char descriptor[] = {
		0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x02, 0x15, 0x00, 0x26,
		0xff, 0x00, 0x75, 0x08, 0x95, 0x01, 0x81, 0x02, 0xc0,
	};
	struct uhid_event event = {.type = UHID_CREATE2};
	int fd = open("/dev/uhid", O_RDWR | O_NONBLOCK);

	if (fd < 0)
		return fd;
	snprintf((char *)event.u.create2.name, sizeof(event.u.create2.name), "%s", name);
	memcpy(event.u.create2.rd_data, descriptor, sizeof(descriptor));
	event.u.create2.rd_size = sizeof(descriptor);
	event.u.create2.bus = 3;
	event.u.create2.vendor = 0x15d9;
	event.u.create2.product = 0x0a37;
	return write(fd, &event, sizeof(event)) < 0 ? -1 : fd;
}

static int report(int fd, unsigned char value)
{
	struct uhid_event event = {.type = UHID_INPUT2};

	event.u.input2.size = 1;
	event.u.input2.data[0] = value;
	return write(fd, &event, sizeof(event));
}

static int promiscuous(const char *device)
{
	struct packet_mreq membership = {.mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	membership.mr_ifindex = if_nametoindex(device);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)))
		return -1;
	return fd;
}

static const char *answer(const char *verb, int fd, const char *word, char *reply)
{
	uint64_t number = strtoull(word, NULL, 0);

	if (!strcmp(verb, "eventfd"))
		return outcome(eventfd(fd, EFD_NONBLOCK), reply);
	if (!strcmp(verb, "timerfd"))
		return outcome(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), reply);
	if (!strcmp(verb, "epoll"))
		return outcome(epoll_create1(0), reply);
	if (!strcmp(verb, "open"))
		return outcome(open(word, O_RDWR | O_NONBLOCK), reply);
	if (!strcmp(verb, "uhid"))
		return outcome(make_hid(word), reply);
	if (!strcmp(verb, "report"))
		return ok(report(fd, number));
	if (!strcmp(verb, "revoke"))
		return ok(ioctl(fd, HIDIOCREVOKE, NULL));
	if (!strcmp(verb, "packet"))
		return outcome(promiscuous(word), reply);
	if (!strcmp(verb, "watch"))
		return watch(fd, number);
	if (!strcmp(verb, "read")) {
		if (read(fd, &number, sizeof(number)) < 0)
			return strerrorname_np(errno);
		return outcome(number, reply);
	}
	if (!strcmp(verb, "write"))
		return ok(write(fd, &number, sizeof(number)));
	if (!strcmp(verb, "info"))
		return info(fd, word, reply);
	if (!strcmp(verb, "close"))
		return ok(close(fd));
	return "what?";
}

static int serve(void)
{
	FILE *requests, *replies;
	char line[256], verb[32], word[128], reply[512];
	int fd;

	unlink(REQUESTS);
	unlink(REPLIES);
	if (mkfifo(REQUESTS, 0600) || mkfifo(REPLIES, 0600)) {
		perror(REQUESTS);
		return 1;
	}
	if (daemon(1, 0))
		return 1;
	/* Both directions, so that neither waits for the other's end nor sees it close. */
	requests = fdopen(open(REQUESTS, O_RDWR), "r");
	replies = fdopen(open(REPLIES, O_RDWR), "w");
	while (fgets(line, sizeof(line), requests)) {
		fd = 0;
		*verb = *word = 0;
		sscanf(line, "%31s %d %127[^\n]", verb, &fd, word);
		fprintf(replies, "%s\n", strcmp(verb, "quit") ? answer(verb, fd, word, reply) : "ok");
		fflush(replies);
		if (!strcmp(verb, "quit"))
			return 0;
	}
	return 0;
}

static int ask(int argc, char **argv)
{
	FILE *requests = fopen(REQUESTS, "w"), *replies = fopen(REPLIES, "r");
	char line[512];

	if (!requests || !replies) {
		perror(REQUESTS);
		return 1;
	}
	for (int i = 1; i < argc; i++)
		fprintf(requests, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	fflush(requests);
	if (!fgets(line, sizeof(line), replies))
		return 1;
	fputs(line, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	return argc > 1 ? ask(argc, argv) : 2;
}
