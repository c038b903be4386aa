// SPDX-License-Identifier: GPL-2.0
/*
 * NAPI instances, and what a poll gives to the stack.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/busy_poll.h>
#include <net/gro.h>
#include <net/pkt_cls.h>
#include <net/tcx.h>

#include "../helpers.h"

void offload_nic_napi_add_config(struct net_device *dev, struct napi_struct *napi,
				 int (*poll)(struct napi_struct *, int), int index)
{
	netif_napi_add_config(dev, napi, poll, index);
}

/*
 * napi_alloc_skb() puts a pad in front. Where the caller wants headroom of its own the
 * pad is a part of it, so that a buffer of a page is one.
 */
struct sk_buff *offload_nic_napi_alloc_skb(struct napi_struct *napi, unsigned int headroom,
					   unsigned int len)
{
	unsigned int pad = NET_SKB_PAD + NET_IP_ALIGN;
	struct sk_buff *skb;

	if (headroom < pad)
		return napi_alloc_skb(napi, headroom + len);

	skb = napi_alloc_skb(napi, headroom - pad + len);
	if (skb)
		skb_reserve(skb, -(int)pad);
	return skb;
}

/* As netif_napi_del(), for callers that wait for a grace period once for several. */
void offload_nic_napi_del_without_wait(struct napi_struct *napi)
{
	__netif_napi_del(napi);
}

void offload_nic_napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}

/* What GRO has done with goes up at the end of the poll; the frame goes behind it, as it is. */
static void go_past_gro(struct napi_struct *napi, struct sk_buff *skb)
{
	skb_mark_napi_id(skb, napi);
	list_add_tail(&skb->list, &napi->gro.rx_list);
	napi->gro.rx_count++;
}

/*
 * Whether GRO would do nothing with a frame that is the last one of a poll: there is none that it
 * could go together with, and it would not wait for one.
 */
static bool gro_would_do_nothing(const struct napi_struct *napi)
{
	return !napi->gro.bitmask && !napi->gro.rx_count && !READ_ONCE(napi->gro_flush_timeout);
}

/*
 * Whether gre_gro_complete() would forget how a super-frame is to be cut, if GRO held it: that the
 * tunnel has a checksum, and that identifications are fixed.
 */
static bool gro_would_forget(const struct sk_buff *skb)
{
	unsigned int kind = skb_shinfo(skb)->gso_type;

	return kind & SKB_GSO_GRE_CSUM ||
		(kind & SKB_GSO_GRE && kind & (SKB_GSO_TCP_FIXEDID | SKB_GSO_TCP_FIXEDID_INNER));
}

/*
 * All that a driver does with a frame for the stack: the fields lie in unions of sk_buff. Behind
 * one that is_last comes no other in this poll, as far as is known.
 */
void offload_nic_napi_receive(struct napi_struct *napi, struct sk_buff *skb, u16 queue,
			      bool is_last)
{
	skb_record_rx_queue(skb, queue);
	skb->protocol = eth_type_trans(skb, napi->dev);
	/* Not to the stack from here: it is to begin where less lies on this one. */
	if (is_last && gro_would_do_nothing(napi)) {
		go_past_gro(napi, skb);
	} else if (gro_would_forget(skb)) {
		/* Past it, but in order. */
		napi_gro_flush(napi, false);
		go_past_gro(napi, skb);
	} else {
		napi_gro_receive(napi, skb);
	}
}

/*
 * As offload_nic_napi_receive(), for a frame that is still the sender's: what the sender's
 * host knew of it does not come along, as on any cable. Returns false, and the frame is
 * freed, if there is no memory for bytes that are a task's. A hash of 0 and of no kind is none.
 */
bool offload_nic_napi_receive_sent(struct napi_struct *napi, struct sk_buff *skb, u16 queue,
				   u32 hash, enum offload_nic_hash kind)
{
	if (skb_orphan_frags(skb, GFP_ATOMIC)) {
		kfree_skb(skb);
		return false;
	}

	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_reset_redirect(skb);
	offload_nic_skb_set_hash(skb, hash, kind);
	skb->priority = 0;
	skb_record_rx_queue(skb, queue);
	skb->protocol = eth_type_trans(skb, napi->dev);
	napi_gro_receive(napi, skb);
	return true;
}

/* Whether a classifier of the host would look at a frame that dev has received. */
static bool has_software_classifier(const struct net_device *dev)
{
#if defined(CONFIG_NET_XGRESS) && defined(CONFIG_NET_CLS_ACT)
	struct bpf_mprog_entry *entry = rcu_dereference_bh(dev->tcx_ingress);
	struct mini_Qdisc *miniq;

	if (!entry)
		return false;
	miniq = rcu_dereference_bh(tcx_entry(entry)->miniq);
	return miniq && !tcf_block_bypass_sw(miniq->block);
#else
	return false;
#endif
}

/*
 * As offload_nic_napi_receive(), for a frame that a classifier of the device has dealt
 * with: what is known of it is not found out again. The host's classifiers are told to
 * leave it only where there are any, as packet taps leave such a frame too.
 */
void offload_nic_napi_receive_classified(struct napi_struct *napi, struct sk_buff *skb,
					 const struct offload_nic_classified *found)
{
	bool skip = found->is_final && has_software_classifier(napi->dev);

	skb->dev = napi->dev;
	/* RPS warns of a queue that there is not. */
	if (found->queue_mapping <= napi->dev->real_num_rx_queues)
		skb_set_queue_mapping(skb, found->queue_mapping);
	skb_reset_mac_header(skb);
	__skb_pull(skb, found->network_offset);
	skb->protocol = cpu_to_be16(found->protocol);
	skb->pkt_type = found->pkt_type;
	skb->mark = found->mark;
	skb->priority = found->priority;
	if (found->has_vlan)
		__vlan_hwaccel_put_tag(skb, cpu_to_be16(found->vlan_proto), found->vlan_tci);
#ifdef CONFIG_NET_SCHED
	skb->tc_index = found->tc_index;
#endif
#ifdef CONFIG_NET_XGRESS
	skb->tc_skip_classify = skip;
#endif
	if (!skip && !found->mark && !found->priority && !found->tc_index) {
		napi_gro_receive(napi, skb);
		return;
	}
	/* GRO merges frames without a look at these fields: past it, but in order. */
	napi_gro_flush(napi, false);
	go_past_gro(napi, skb);
}

/* An instance that is in no list yet is never to be scheduled, as one that is off. */
void offload_nic_napi_mark_scheduled(struct napi_struct *napi)
{
	set_bit(NAPI_STATE_SCHED, &napi->state);
}

void offload_nic_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}
