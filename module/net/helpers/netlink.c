// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink messages and the words that go with a refusal.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <net/genetlink.h>
#include <net/netlink.h>

#include "../helpers.h"

/* As NL_SET_ERR_MSG(), for a text that is not a literal; it is not copied. */
void offload_nic_extack_set(struct netlink_ext_ack *extack, const char *msg)
{
	do_trace_netlink_extack(msg);

	if (extack)
		extack->_msg = msg;
}

void offload_nic_extack_set_copy(struct netlink_ext_ack *extack, const char *msg)
{
	NL_SET_ERR_MSG_FMT(extack, "%s", msg);
}

bool offload_nic_genl_has_listeners(const struct genl_family *family, struct net *net,
				    unsigned int group)
{
	return genl_has_listeners(family, net, group);
}

struct net *offload_nic_genl_info_net(const struct genl_info *info)
{
	return genl_info_net(info);
}

/* Tells who listens that something was lost. */
void offload_nic_genl_set_err(const struct genl_family *family, struct net *net,
			      unsigned int group)
{
	genl_set_err(family, net, 0, group, ENOBUFS);
}

void offload_nic_genlmsg_cancel(struct sk_buff *skb, void *header)
{
	genlmsg_cancel(skb, header);
}

void offload_nic_genlmsg_end(struct sk_buff *skb, void *header)
{
	genlmsg_end(skb, header);
}

int offload_nic_genlmsg_multicast_netns(const struct genl_family *family, struct net *net,
					struct sk_buff *skb, unsigned int group)
{
	return genlmsg_multicast_netns(family, net, skb, 0, group, GFP_KERNEL);
}

struct sk_buff *offload_nic_genlmsg_new(size_t payload)
{
	return genlmsg_new(payload, GFP_KERNEL);
}

int offload_nic_genlmsg_reply(struct sk_buff *skb, struct genl_info *info)
{
	return genlmsg_reply(skb, info);
}

/* header is what genlmsg_put() gave for a family without a header of its own. */
void offload_nic_nl_dump_check_consistent(struct netlink_callback *cb, void *header)
{
	nl_dump_check_consistent(cb, header - GENL_HDRLEN - NLMSG_HDRLEN);
}

void offload_nic_nla_nest_cancel(struct sk_buff *skb, struct nlattr *start)
{
	nla_nest_cancel(skb, start);
}

void offload_nic_nla_nest_end(struct sk_buff *skb, struct nlattr *start)
{
	nla_nest_end(skb, start);
}

struct nlattr *offload_nic_nla_nest_start(struct sk_buff *skb, int type)
{
	return nla_nest_start(skb, type);
}
