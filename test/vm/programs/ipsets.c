// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of addresses, by netlink. Each prints "ok" or the number of the kernel's error:
 *
 *	ipsets create NAME
 *	ipsets destroy NAME
 */
#include <arpa/inet.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static char message[1024];
static struct nlmsghdr *const head = (struct nlmsghdr *)message;

static struct nlattr *add(int type, const void *data, int size)
{
	struct nlattr *attribute = (struct nlattr *)(message + NLMSG_ALIGN(head->nlmsg_len));

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + size;
	if (size)
		memcpy((char *)attribute + NLA_HDRLEN, data, size);
	head->nlmsg_len = NLMSG_ALIGN(head->nlmsg_len) + NLA_ALIGN(attribute->nla_len);
	return attribute;
}

static void close_nest(struct nlattr *nest)
{
	nest->nla_len = message + head->nlmsg_len - (char *)nest;
}

static void add_address(int type, unsigned int address)
{
	struct nlattr *nest = add(type | NLA_F_NESTED, NULL, 0);

	address = htonl(address);
	add(IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, &address, sizeof(address));
	close_nest(nest);
}

static void begin(int command, int flags, const char *name)
{
	struct nfgenmsg *body = NLMSG_DATA(head);
	unsigned char protocol = 6;

	head->nlmsg_len = NLMSG_LENGTH(sizeof(*body));
	head->nlmsg_type = NFNL_SUBSYS_IPSET << 8 | command;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	body->nfgen_family = AF_INET;
	body->version = NFNETLINK_V0;
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
	data = add(IPSET_ATTR_DATA | NLA_F_NESTED, NULL, 0);
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
