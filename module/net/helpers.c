// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions and macros of the kernel as functions that Rust can call.
 * Sorted alphabetically; what is odd about one stands at it.
 */

#include <crypto/sha2.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/ptr_ring.h>
#include <linux/skbuff.h>

#include "helpers.h"

void offload_nic_consume_skb(struct sk_buff *skb)
{
	consume_skb(skb);
}

void offload_nic_eth_hw_addr_random(struct net_device *dev)
{
	eth_hw_addr_random(dev);
}

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

void offload_nic_local_bh_disable(void)
{
	local_bh_disable();
}

void offload_nic_local_bh_enable(void)
{
	local_bh_enable();
}

void offload_nic_napi_add_config(struct net_device *dev, struct napi_struct *napi,
				 int (*poll)(struct napi_struct *, int), int index)
{
	netif_napi_add_config(dev, napi, poll, index);
}

/* All that a driver does with a frame for the stack: the fields lie in unions of sk_buff. */
void offload_nic_napi_receive(struct napi_struct *napi, struct sk_buff *skb, u16 queue)
{
	skb_record_rx_queue(skb, queue);
	skb->protocol = eth_type_trans(skb, napi->dev);
	napi_gro_receive(napi, skb);
}

void offload_nic_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}

void offload_nic_netif_napi_del(struct napi_struct *napi)
{
	netif_napi_del(napi);
}

bool offload_nic_netif_running(const struct net_device *dev)
{
	return netif_running(dev);
}

void offload_nic_netif_stop_subqueue(struct net_device *dev, u16 queue)
{
	netif_stop_subqueue(dev, queue);
}

bool offload_nic_netif_subqueue_stopped(const struct net_device *dev, u16 queue)
{
	return __netif_subqueue_stopped(dev, queue);
}

void offload_nic_netif_tx_disable(struct net_device *dev)
{
	netif_tx_disable(dev);
}

void offload_nic_netif_tx_start_all_queues(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
}

void *offload_nic_netdev_priv(const struct net_device *dev)
{
	return netdev_priv(dev);
}

void offload_nic_ptr_ring_cleanup(struct ptr_ring *ring, void (*destroy)(void *))
{
	ptr_ring_cleanup(ring, destroy);
}

void *offload_nic_ptr_ring_consume(struct ptr_ring *ring)
{
	return ptr_ring_consume(ring);
}

int offload_nic_ptr_ring_consume_batched(struct ptr_ring *ring, void **array, int n)
{
	return ptr_ring_consume_batched(ring, array, n);
}

/* The unlocked __ptr_ring_full() may only be asked by the producer. */
bool offload_nic_ptr_ring_full(struct ptr_ring *ring)
{
	return ptr_ring_full(ring);
}

int offload_nic_ptr_ring_init(struct ptr_ring *ring, int size)
{
	return ptr_ring_init(ring, size, GFP_KERNEL);
}

int offload_nic_ptr_ring_produce(struct ptr_ring *ring, void *ptr)
{
	return ptr_ring_produce(ring, ptr);
}

int offload_nic_ptr_ring_resize(struct ptr_ring *ring, int size, void (*destroy)(void *))
{
	return ptr_ring_resize(ring, size, GFP_KERNEL, destroy);
}

u32 offload_nic_raw_smp_processor_id(void)
{
	return raw_smp_processor_id();
}

/* A bit field of net_device's private flags. */
void offload_nic_set_live_addr_change(struct net_device *dev)
{
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
}

void offload_nic_set_netdev_dev(struct net_device *dev, struct device *parent)
{
	SET_NETDEV_DEV(dev, parent);
}

void offload_nic_sha256_update(struct sha256_ctx *ctx, const u8 *data, size_t len)
{
	sha256_update(ctx, data, len);
}

u16 offload_nic_skb_get_queue_mapping(const struct sk_buff *skb)
{
	return skb_get_queue_mapping(skb);
}

unsigned int offload_nic_skb_headlen(const struct sk_buff *skb)
{
	return skb_headlen(skb);
}

struct offload_nic_offload_request offload_nic_skb_offload_request(const struct sk_buff *skb)
{
	struct offload_nic_offload_request request = {};

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		request.csum = true;
		request.csum_start = skb_checksum_start_offset(skb);
		request.csum_offset = skb->csum_offset;
	}
	if (skb_is_gso(skb)) {
		request.gso_size = skb_shinfo(skb)->gso_size;
		request.gso_segs = skb_shinfo(skb)->gso_segs;
		request.gso_type = skb_shinfo(skb)->gso_type;
	}
	if (skb_vlan_tag_present(skb)) {
		request.vlan_present = true;
		request.vlan_tci = skb_vlan_tag_get(skb);
		request.vlan_proto = be16_to_cpu(skb->vlan_proto);
	}
	return request;
}

void offload_nic_skb_metadata_set(struct sk_buff *skb, u8 len)
{
	skb_metadata_set(skb, len);
}

void offload_nic_skb_orphan(struct sk_buff *skb)
{
	skb_orphan(skb);
}

void offload_nic_skb_reserve(struct sk_buff *skb, unsigned int len)
{
	skb_reserve(skb, len);
}

void offload_nic_skb_set_queue_mapping(struct sk_buff *skb, u16 queue)
{
	skb_set_queue_mapping(skb, queue);
}

void offload_nic_skb_tx_timestamp(struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
}

void offload_nic_smp_mb(void)
{
	smp_mb();
}
