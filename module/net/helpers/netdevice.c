// SPDX-License-Identifier: GPL-2.0
/*
 * Interfaces.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/bpf_mprog.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/busy_poll.h>
#include <net/flow_offload.h>
#include <net/pkt_cls.h>
#include <net/tcx.h>

#include "../helpers.h"

/* The blocks whose filters go to ports of this module. Changed under RTNL. */
static LIST_HEAD(blocks);

/* The address of the device tells its callback from those of the other ports. */
int offload_nic_block_setup(struct net_device *dev, struct flow_block_offload *block,
			    flow_setup_cb_t *callback)
{
	return flow_block_cb_setup_simple(block, &blocks, callback, dev, dev, true);
}

/* Changes whenever an interface comes to the namespace or leaves it. RTNL is held. */
u32 offload_nic_dev_base_seq(const struct net *net)
{
	return net->dev_base_seq;
}

struct net *offload_nic_dev_net(const struct net_device *dev)
{
	return dev_net(dev);
}

void offload_nic_dev_net_set(struct net_device *dev, struct net *net)
{
	dev_net_set(dev, net);
}

void offload_nic_eth_hw_addr_random(struct net_device *dev)
{
	eth_hw_addr_random(dev);
}

/* In a union of net_device. */
netdev_features_t offload_nic_features(const struct net_device *dev)
{
	return READ_ONCE(dev->features);
}

const struct bpf_prog *offload_nic_first_at_ingress(const struct net_device *dev)
{
#ifdef CONFIG_NET_XGRESS
	const struct bpf_mprog_entry *entry = rtnl_dereference(dev->tcx_ingress);

	return entry ? READ_ONCE(entry->fp_items[0].prog) : NULL;
#else
	return NULL;
#endif
}

/* The addresses of a list that nobody changes, `room` of them at most. */
void offload_nic_hw_addr_copy(const struct netdev_hw_addr_list *list, u8 (*to)[ETH_ALEN], u32 room)
{
	const struct netdev_hw_addr *address;

	netdev_hw_addr_list_for_each(address, list) {
		if (!room--)
			return;
		memcpy(*to++, address->addr, ETH_ALEN);
	}
}

u32 offload_nic_hw_addr_count(const struct netdev_hw_addr_list *list)
{
	return netdev_hw_addr_list_count(list);
}

unsigned int offload_nic_longest_forwarded(const struct net_device *dev)
{
	return READ_ONCE(dev->mtu) + dev->hard_header_len + VLAN_HLEN;
}

bool offload_nic_netif_running(const struct net_device *dev)
{
	return netif_running(dev);
}

void offload_nic_netif_stop_subqueue(struct net_device *dev, u16 queue)
{
	netif_stop_subqueue(dev, queue);
}

/* A queue has nothing to run before the device is registered for the first time. */
void offload_nic_netif_wake_subqueue(struct net_device *dev, u16 queue)
{
	if (READ_ONCE(dev->reg_state) != NETREG_UNINITIALIZED)
		netif_wake_subqueue(dev, queue);
}

void offload_nic_netif_tx_disable(struct net_device *dev)
{
	netif_tx_disable(dev);
}

void offload_nic_netif_tx_start_all_queues(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
}

unsigned int offload_nic_mtu(const struct net_device *dev)
{
	return READ_ONCE(dev->mtu);
}

/* The flags that say which frames the stack expects. */
unsigned int offload_nic_rx_flags(const struct net_device *dev)
{
	return READ_ONCE(dev->flags);
}

void *offload_nic_netdev_priv(const struct net_device *dev)
{
	return netdev_priv(dev);
}

/*
 * The address may change while the interface is up. A frame waits in a ring, linked by
 * its own pointers, so that it must not be sent again before it is freed. That others
 * hold references to it meanwhile is nothing that a flag could forbid.
 */
void offload_nic_set_priv_flags(struct net_device *dev)
{
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
}

/*
 * What a driver takes of the work that the stack can leave open, for frames in tunnels,
 * VLANs and MPLS as well, and what it does besides if the user wants it. UDP fragmentation
 * has no name any more by which a user could switch it, and tools that set features by
 * name trip over one without. A frame has one tag beside it: what has a VLAN interface on
 * top, and that another one, gets it from the lower of the two.
 */
void offload_nic_set_features(struct net_device *dev, netdev_features_t features,
			      netdev_features_t optional, u16 max_segments)
{
	dev->features |= features;
	dev->hw_features |= (features & ~NETIF_F_GSO_UDP) | optional;
	dev->hw_enc_features |= features;
	dev->vlan_features |= features & ~(NETIF_F_HW_VLAN_CTAG_TX | NETIF_F_HW_VLAN_STAG_TX);
	dev->mpls_features |= features;
	if (features & NETIF_F_GSO_MASK) {
		netif_set_tso_max_size(dev, GSO_MAX_SIZE);
		netif_set_tso_max_segs(dev, max_segments);
	}
}

void offload_nic_set_mtu(struct net_device *dev, unsigned int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
}

void offload_nic_set_netdev_dev(struct net_device *dev, struct device *parent)
{
	SET_NETDEV_DEV(dev, parent);
}

/* Frames for other addresses than its own are no reason to make the device promiscuous. */
void offload_nic_set_unicast_filter(struct net_device *dev)
{
	dev->priv_flags |= IFF_UNICAST_FLT;
}

bool offload_nic_same_net(const struct net_device *a, const struct net_device *b)
{
	return net_eq(dev_net_rcu(a), dev_net_rcu(b));
}

bool offload_nic_tc_can_offload(const struct net_device *dev,
				struct flow_cls_common_offload *common)
{
	return tc_cls_can_offload_and_chain0(dev, common);
}

bool offload_nic_tcf_exts_has_actions(struct tcf_exts *exts)
{
	return tcf_exts_has_actions(exts);
}

/* Which of the filters for VLANs count now, as features. */
netdev_features_t offload_nic_vlan_filters(const struct net_device *dev)
{
	if (READ_ONCE(dev->flags) & IFF_PROMISC)
		return 0;
	return READ_ONCE(dev->features) &
		(NETIF_F_HW_VLAN_CTAG_FILTER | NETIF_F_HW_VLAN_STAG_FILTER);
}
