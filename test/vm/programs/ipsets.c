// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of addresses, by netlink. Each prints "ok" or the number of the kernel's error:
 *
 *	ipsets create NAME
 *	ipsets destroy NAME
 */
#include <arpa/inet.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "nfnetlink.h"

static void add_address(int type, unsigned int address)
{
	struct nlattr *nest = open_nest(type);

	address = htonl(address);
	add(IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, &address, sizeof(address));
	close_nest(nest);
}

static void begin(int command, int flags, const char *name)
{
	unsigned char protocol = 6;

	begin_message(NFNL_SUBSYS_IPSET, command, NLM_F_ACK | flags, AF_INET);
	add(IPSET_ATTR_PROTOCOL, &protocol, 1);
	add(IPSET_ATTR_SETNAME, name, strlen(name) + 1);
}

static void create(const char *name)
{
	unsigned char revision = 3, family = AF_INET;
	struct nlattr *data;

	begin(IPSET_CMD_CREATE, NLM_F_CREATE | NLM_F_EXCL, name);
	add(IPSET_ATTR_TYPENAME, "bitmap:ip", sizeof("bitmap:ip"));
	add(IPSET_ATTR_REVISION, &revision, 1);
	add(IPSET_ATTR_FAMILY, &family, 1);
	data = open_nest(IPSET_ATTR_DATA);
	add_address(IPSET_ATTR_IP, 0x0a000000);
	add_address(IPSET_ATTR_IP_TO, 0x0a0000ff);
	close_nest(data);
}

int main(int argc, char **argv)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), error;
	char answer[4096];

	if (fd < 0 || argc != 3)
		return 2;
	if (!strcmp(argv[1], "create"))
		create(argv[2]);
	else
		begin(IPSET_CMD_DESTROY, 0, argv[2]);
	if (send(fd, message, head->nlmsg_len, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0 ||
	    ((struct nlmsghdr *)answer)->nlmsg_type != NLMSG_ERROR)
		return 1;
	error = ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
	if (error)
		printf("%d\n", error);
	else
		puts("ok");
	return 0;
}
