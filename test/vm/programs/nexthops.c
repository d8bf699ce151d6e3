// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nexthops and IPv6 routes by them, by netlink. Each prints "ok" or the kernel's error:
 *
 *	nexthops add ID DEVICE		a nexthop that is the device
 *	nexthops del ID
 *	nexthops route PREFIX ID	a route to PREFIX::/64 by the nexthop
 */
#include <arpa/inet.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct {
	struct nlmsghdr head;
	char body[512];
} message;

static void *begin(int type, int flags, int size)
{
	memset(&message, 0, sizeof(message));
	message.head.nlmsg_len = NLMSG_LENGTH(size);
	message.head.nlmsg_type = type;
	message.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return NLMSG_DATA(&message.head);
}

static void add(int type, const void *data, int size)
{
	struct rtattr *attribute = (struct rtattr *)((char *)&message + NLMSG_ALIGN(message.head.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
	message.head.nlmsg_len = NLMSG_ALIGN(message.head.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static int tell(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[4096];
	} answer;

	if (fd < 0 || send(fd, &message, message.head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return 1;
	if (answer.head.nlmsg_type != NLMSG_ERROR)
		return 1;
	puts(answer.error.error ? strerror(-answer.error.error) : "ok");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int id;

	if (argc == 4 && !strcmp(argv[1], "add")) {
		struct nhmsg *nexthop = begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL, sizeof(*nexthop));
		unsigned int device = if_nametoindex(argv[3]);

		id = atoi(argv[2]);
		nexthop->nh_family = AF_INET6;
		add(NHA_ID, &id, sizeof(id));
		add(NHA_OIF, &device, sizeof(device));
	} else if (argc == 3 && !strcmp(argv[1], "del")) {
		struct nhmsg *nexthop = begin(RTM_DELNEXTHOP, 0, sizeof(*nexthop));

		id = atoi(argv[2]);
		nexthop->nh_family = AF_UNSPEC;
		add(NHA_ID, &id, sizeof(id));
	} else if (argc == 4 && !strcmp(argv[1], "route")) {
		struct rtmsg *route = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*route));
		struct in6_addr to;
		char address[64];

		snprintf(address, sizeof(address), "%s::", argv[2]);
		if (inet_pton(AF_INET6, address, &to) != 1)
			return 2;
		id = atoi(argv[3]);
		route->rtm_family = AF_INET6;
		route->rtm_dst_len = 64;
		route->rtm_table = RT_TABLE_MAIN;
		route->rtm_protocol = RTPROT_STATIC;
		route->rtm_scope = RT_SCOPE_UNIVERSE;
		route->rtm_type = RTN_UNICAST;
		add(RTA_DST, &to, sizeof(to));
		add(RTA_NH_ID, &id, sizeof(id));
	} else {
		return 2;
	}
	return tell();
}
