// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's flow dissector, and the program that may be attached in its place.
 */

#include <linux/bpf-netns.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/skbuff.h>
#include <net/flow_dissector.h>
#include <net/net_namespace.h>

#include "../helpers.h"

static void tell(const struct flow_keys *from, struct offload_nic_dissected *to)
{
	struct bpf_flow_keys keys = {};

	keys.thoff = from->control.thoff;
	keys.is_frag = !!(from->control.flags & FLOW_DIS_IS_FRAGMENT);
	keys.is_first_frag = !!(from->control.flags & FLOW_DIS_FIRST_FRAG);
	keys.is_encap = !!(from->control.flags & FLOW_DIS_ENCAPSULATION);
	keys.n_proto = from->basic.n_proto;
	keys.ip_proto = from->basic.ip_proto;
	keys.sport = from->ports.src;
	keys.dport = from->ports.dst;
	switch (from->control.addr_type) {
	case FLOW_DISSECTOR_KEY_IPV4_ADDRS:
		keys.addr_proto = ETH_P_IP;
		keys.ipv4_src = from->addrs.v4addrs.src;
		keys.ipv4_dst = from->addrs.v4addrs.dst;
		break;
	case FLOW_DISSECTOR_KEY_IPV6_ADDRS:
		keys.addr_proto = ETH_P_IPV6;
		memcpy(keys.ipv6_src, &from->addrs.v6addrs.src, sizeof(keys.ipv6_src));
		memcpy(keys.ipv6_dst, &from->addrs.v6addrs.dst, sizeof(keys.ipv6_dst));
		break;
	}
	keys.flow_label = htonl(from->tags.flow_label);
	memcpy(to->keys, &keys, sizeof(keys));
	to->vlan_tpid = from->vlan.vlan_tpid;
	to->vlan_tci = htons(from->vlan.vlan_priority << VLAN_PRIO_SHIFT | from->vlan.vlan_id);
	to->gre_key = from->keyid.keyid;
}

/*
 * What the dissector finds in a frame that would come by dev: 1 or 0 as it says, or less than
 * that if there is no memory. It is given a buffer of the stack, as it takes another end for
 * some frames that lie in none. Under RCU.
 */
int offload_nic_flow_dissect(const struct net_device *dev, const void *frame, u32 len, u32 flags,
			     struct offload_nic_dissected *dissected)
{
	struct flow_keys keys = {};
	struct sk_buff *skb;
	bool found;

	if (len < ETH_HLEN)
		return -EINVAL;
	skb = alloc_skb(len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	skb_put_data(skb, frame, len);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	skb->protocol = eth_hdr(skb)->h_proto;
	found = __skb_flow_dissect(dev_net_rcu(dev), skb, &flow_keys_dissector, &keys, NULL, 0, 0,
				   0, flags);
	consume_skb(skb);
	tell(&keys, dissected);
	return found;
}

/*
 * The hash that the stack makes of a flow with these keys (skb_get_hash). A program that dissects
 * tells neither tags nor keys of GRE, and no addresses but those that count; the kernel's own
 * code hashes what is left behind them of those that it found before, too.
 */
u32 offload_nic_flow_hash(const struct offload_nic_flow_keys *from, bool by_program)
{
	struct flow_keys keys = {};

	keys.basic.n_proto = from->n_proto;
	keys.basic.ip_proto = from->ip_proto;
	keys.tags.flow_label = from->flow_label;
	keys.ports.ports = from->ports;
	switch (from->addr_proto) {
	case ETH_P_IP:
		keys.control.addr_type = FLOW_DISSECTOR_KEY_IPV4_ADDRS;
		break;
	case ETH_P_IPV6:
		keys.control.addr_type = FLOW_DISSECTOR_KEY_IPV6_ADDRS;
		break;
	}
	BUILD_BUG_ON(sizeof(from->addrs) > sizeof(keys.addrs));
	if (by_program && from->addr_proto == ETH_P_IP) {
		memcpy(&keys.addrs, from->addrs, sizeof(keys.addrs.v4addrs));
		return flow_hash_from_keys(&keys);
	}
	memcpy(&keys.addrs, from->addrs, sizeof(from->addrs));
	if (by_program)
		return flow_hash_from_keys(&keys);
	keys.vlan.vlan_id = from->vlan_tci & VLAN_VID_MASK;
	keys.vlan.vlan_priority = from->vlan_tci >> VLAN_PRIO_SHIFT;
	keys.vlan.vlan_tpid = from->vlan_tpid;
	keys.vlan.vlan_eth_type = from->vlan_eth_type;
	keys.keyid.keyid = from->gre_key;
	return flow_hash_from_keys(&keys);
}

/*
 * Whether its digest says all of what a program does. Its maps are as many as there are now:
 * BPF_PROG_BIND_MAP may add one.
 */
bool offload_nic_bpf_is_self_contained(const struct bpf_prog *prog)
{
	const struct bpf_prog_aux *aux = prog->aux;

	return !READ_ONCE(aux->used_map_cnt) && !aux->func_cnt && !aux->kfunc_tab;
}

/* The program that dissects for the namespace of dev, if one is attached. Under RCU. */
const struct bpf_prog *offload_nic_flow_dissector(const struct net_device *dev)
{
	const enum netns_bpf_attach_type type = NETNS_BPF_FLOW_DISSECTOR;
	const struct net *net = dev_net_rcu(dev);
	struct bpf_prog_array *attached;

	/* As the dissector does: that of the first namespace is for all. */
	attached = rcu_dereference(init_net.bpf.run_array[type]);
	if (!attached)
		attached = rcu_dereference(net->bpf.run_array[type]);
	return attached ? READ_ONCE(attached->items[0].prog) : NULL;
}
