// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections of conntrack zones, by netlink:
 *
 *	zones add ZONE COUNT	makes COUNT connections in the zone
 *	zones count ZONE	how many a dump says that asks for the zone
 *	zones slow ZONE FILE	the same for IPv4, but reads the dump's end only once FILE exists
 */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nfnetlink.h"

static void add_tuple(int type, unsigned from, unsigned to, unsigned short from_port, unsigned short to_port)
{
	struct nlattr *tuple = open_nest(type), *inner;
	unsigned char tcp = IPPROTO_TCP;

	from = htonl(from);
	to = htonl(to);
	from_port = htons(from_port);
	to_port = htons(to_port);
	inner = open_nest(CTA_TUPLE_IP);
	add(CTA_IP_V4_SRC, &from, 4);
	add(CTA_IP_V4_DST, &to, 4);
	close_nest(inner);
	inner = open_nest(CTA_TUPLE_PROTO);
	add(CTA_PROTO_NUM, &tcp, 1);
	add(CTA_PROTO_SRC_PORT, &from_port, 2);
	add(CTA_PROTO_DST_PORT, &to_port, 2);
	close_nest(inner);
	close_nest(tuple);
}

static int send_it(int fd)
{
	return send(fd, message, head->nlmsg_len, 0) < 0;
}

static int make(int fd, unsigned short zone, int count)
{
	unsigned int timeout = htonl(3600);
	unsigned char established = TCP_CONNTRACK_ESTABLISHED;
	char answer[4096];

	zone = htons(zone);
	for (int i = 0; i < count; i++) {
		struct nlattr *outer, *inner;
		struct nlmsghdr *reply = (struct nlmsghdr *)answer;

		begin_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, AF_INET);
		add_tuple(CTA_TUPLE_ORIG, 0x0a000001, 0x0a000002, 1000 + i, 80);
		add_tuple(CTA_TUPLE_REPLY, 0x0a000002, 0x0a000001, 80, 1000 + i);
		add(CTA_ZONE, &zone, 2);
		add(CTA_TIMEOUT, &timeout, 4);
		outer = open_nest(CTA_PROTOINFO);
		inner = open_nest(CTA_PROTOINFO_TCP);
		add(CTA_PROTOINFO_TCP_STATE, &established, 1);
		close_nest(inner);
		close_nest(outer);
		if (send_it(fd) || recv(fd, answer, sizeof(answer), 0) < 0)
			return 1;
		if (reply->nlmsg_type != NLMSG_ERROR || ((struct nlmsgerr *)NLMSG_DATA(reply))->error) {
			fprintf(stderr, "error %d\n", ((struct nlmsgerr *)NLMSG_DATA(reply))->error);
			return 1;
		}
	}
	puts("ok");
	return 0;
}

static int count(int fd, unsigned short zone, int family, const char *file)
{
	char answer[65536];
	int found = 0;

	zone = htons(zone);
	begin_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
	add(CTA_ZONE, &zone, 2);
	if (send_it(fd))
		return 1;
	while (1) {
		int size = recv(fd, answer, sizeof(answer), 0);

		if (size < 0)
			return 1;
		for (struct nlmsghdr *part = (struct nlmsghdr *)answer; NLMSG_OK(part, size);
		     part = NLMSG_NEXT(part, size)) {
			if (part->nlmsg_type == NLMSG_DONE) {
				printf("%d\n", found);
				return 0;
			}
			if (part->nlmsg_type == NLMSG_ERROR)
				return 1;
			found++;
		}
		while (file && access(file, F_OK))
			usleep(10000);
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);

	if (fd < 0 || argc < 3)
		return 2;
	if (!strcmp(argv[1], "add") && argc == 4)
		return make(fd, atoi(argv[2]), atoi(argv[3]));
	if (!strcmp(argv[1], "count"))
		return count(fd, atoi(argv[2]), AF_UNSPEC, NULL);
	if (!strcmp(argv[1], "slow") && argc == 4)
		return count(fd, atoi(argv[2]), AF_INET, argv[3]);
	return 2;
}
