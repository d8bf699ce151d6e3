/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One message to a part of netfilter, made of attributes. */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

static char message[1024];
static struct nlmsghdr *const head = (struct nlmsghdr *)message;

static void begin_message(int subsystem, int type, int flags, int family)
{
	struct nfgenmsg *body = NLMSG_DATA(head);

	memset(message, 0, sizeof(message));
	head->nlmsg_len = NLMSG_LENGTH(sizeof(*body));
	head->nlmsg_type = subsystem << 8 | type;
	head->nlmsg_flags = NLM_F_REQUEST | flags;
	body->nfgen_family = family;
	body->version = NFNETLINK_V0;
}

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

static struct nlattr *open_nest(int type)
{
	return add(type | NLA_F_NESTED, NULL, 0);
}

static void close_nest(struct nlattr *nest)
{
	nest->nla_len = message + head->nlmsg_len - (char *)nest;
}
