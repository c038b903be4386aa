// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions and macros of the kernel as functions that Rust can call.
 * Sorted alphabetically; what is odd about one stands at it.
 */

#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/ptr_ring.h>
#include <linux/skbuff.h>

#include "helpers.h"

void offload_nic_eth_hw_addr_random(struct net_device *dev)
{
	eth_hw_addr_random(dev);
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

void offload_nic_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}

bool offload_nic_netif_carrier_ok(const struct net_device *dev)
{
	return netif_carrier_ok(dev);
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

void *offload_nic_ptr_ring_consume_bh(struct ptr_ring *ring)
{
	return ptr_ring_consume_bh(ring);
}

bool offload_nic_ptr_ring_empty(struct ptr_ring *ring)
{
	return ptr_ring_empty(ring);
}

/* The unlocked __ptr_ring_full() may only be asked by the producer. */
bool offload_nic_ptr_ring_full(struct ptr_ring *ring)
{
	return ptr_ring_full(ring);
}

int offload_nic_ptr_ring_init(struct ptr_ring *ring, int size, gfp_t gfp)
{
	return ptr_ring_init(ring, size, gfp);
}

int offload_nic_ptr_ring_produce(struct ptr_ring *ring, void *ptr)
{
	return ptr_ring_produce(ring, ptr);
}

int offload_nic_ptr_ring_resize(struct ptr_ring *ring, int size, gfp_t gfp,
				void (*destroy)(void *))
{
	return ptr_ring_resize(ring, size, gfp, destroy);
}

void offload_nic_set_netdev_dev(struct net_device *dev, struct device *parent)
{
	SET_NETDEV_DEV(dev, parent);
}

unsigned int offload_nic_skb_end_offset(const struct sk_buff *skb)
{
	return skb_end_offset(skb);
}

u16 offload_nic_skb_get_queue_mapping(const struct sk_buff *skb)
{
	return skb_get_queue_mapping(skb);
}

unsigned int offload_nic_skb_headlen(const struct sk_buff *skb)
{
	return skb_headlen(skb);
}

void offload_nic_skb_orphan(struct sk_buff *skb)
{
	skb_orphan(skb);
}

void offload_nic_skb_record_rx_queue(struct sk_buff *skb, u16 queue)
{
	skb_record_rx_queue(skb, queue);
}

void offload_nic_skb_reserve(struct sk_buff *skb, unsigned int len)
{
	skb_reserve(skb, len);
}

void offload_nic_skb_tx_timestamp(struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
}

void offload_nic_smp_mb(void)
{
	smp_mb();
}
