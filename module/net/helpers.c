// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions and macros of the kernel as functions that Rust can call.
 * Sorted alphabetically; what is odd about one stands at it.
 */

#include <crypto/sha2.h>
#include <linux/bpf_mprog.h>
#include <linux/bpf_trace.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/ptr_ring.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/skbuff_ref.h>
#include <linux/workqueue.h>
#include <net/busy_poll.h>
#include <net/flow_offload.h>
#include <net/genetlink.h>
#include <net/gro.h>
#include <net/gso.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/page_pool/helpers.h>
#include <net/pkt_cls.h>
#include <net/tcx.h>
#include <net/xdp.h>

#include "helpers.h"

/* The blocks whose filters go to ports of this module. Changed under RTNL. */
static LIST_HEAD(blocks);

/* The address of the device tells its callback from those of the other ports. */
int offload_nic_block_setup(struct net_device *dev, struct flow_block_offload *block,
			    flow_setup_cb_t *callback)
{
	return flow_block_cb_setup_simple(block, &blocks, callback, dev, dev, true);
}

u32 offload_nic_bpf_prog_run_xdp(const struct bpf_prog *prog, struct xdp_buff *xdp)
{
	return bpf_prog_run_xdp(prog, xdp);
}

void offload_nic_consume_skb(struct sk_buff *skb)
{
	consume_skb(skb);
}

/* Without CONFIG_DEBUG_FS these are inline. */
struct dentry *offload_nic_debugfs_create_symlink(const char *name, struct dentry *parent,
						   const char *target)
{
	return debugfs_create_symlink(name, parent, target);
}

struct dentry *offload_nic_debugfs_lookup(const char *name, struct dentry *parent)
{
	return debugfs_lookup(name, parent);
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

void offload_nic_dput(struct dentry *dentry)
{
	dput(dentry);
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

struct net *offload_nic_get_current_net(void)
{
	return get_net(current->nsproxy->net_ns);
}

void offload_nic_init_delayed_work(struct delayed_work *work,
				   void (*function)(struct work_struct *))
{
	INIT_DELAYED_WORK(work, function);
}

void offload_nic_init_work(struct work_struct *work, void (*function)(struct work_struct *))
{
	INIT_WORK(work, function);
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

/* All that a driver does with a frame for the stack: the fields lie in unions of sk_buff. */
void offload_nic_napi_receive(struct napi_struct *napi, struct sk_buff *skb, u16 queue)
{
	skb_record_rx_queue(skb, queue);
	skb->protocol = eth_type_trans(skb, napi->dev);
	napi_gro_receive(napi, skb);
}

/*
 * As offload_nic_napi_receive(), for a frame that is still the sender's: what the sender's
 * host knew of it does not come along, as on any cable. Returns false, and the frame is
 * freed, if there is no memory for bytes that are a task's.
 */
bool offload_nic_napi_receive_sent(struct napi_struct *napi, struct sk_buff *skb, u16 queue)
{
	if (skb_orphan_frags(skb, GFP_ATOMIC)) {
		kfree_skb(skb);
		return false;
	}

	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_reset_redirect(skb);
	skb_clear_hash(skb);
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
	skb_mark_napi_id(skb, napi);
	list_add_tail(&skb->list, &napi->gro.rx_list);
	napi->gro.rx_count++;
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

void *offload_nic_netdev_priv(const struct net_device *dev)
{
	return netdev_priv(dev);
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

struct page_pool *offload_nic_page_pool_create(struct net_device *dev, unsigned int frames)
{
	const struct page_pool_params params = {
		.pool_size = frames,
		.nid = NUMA_NO_NODE,
		.dev = &dev->dev,
		.netdev = dev,
	};

	return page_pool_create(&params);
}

void offload_nic_ptr_ring_cleanup(struct ptr_ring *ring, void (*destroy)(void *))
{
	void *ptr;

	/* ptr_ring_cleanup() takes the lock as if no softirq ever did. */
	while ((ptr = ptr_ring_consume_bh(ring)))
		destroy(ptr);
	ptr_ring_cleanup(ring, NULL);
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

/*
 * Takes the software time stamp of each frame of a list only if there is room, and
 * before the reader can have it: both are known under the lock of the producers.
 */
int offload_nic_ptr_ring_send(struct ptr_ring *ring, struct sk_buff *skb)
{
	struct sk_buff *frame;
	int err = -ENOSPC;

	spin_lock(&ring->producer_lock);
	if (!__ptr_ring_full(ring)) {
		for (frame = skb; frame; frame = frame->next)
			skb_tx_timestamp(frame);
		err = __ptr_ring_produce(ring, skb);
	}
	spin_unlock(&ring->producer_lock);
	return err;
}

int offload_nic_ptr_ring_resize(struct ptr_ring *ring, int size, void (*destroy)(void *))
{
	return ptr_ring_resize(ring, size, GFP_KERNEL, destroy);
}

void offload_nic_put_net(struct net *net)
{
	put_net(net);
}

u32 offload_nic_raw_smp_processor_id(void)
{
	return raw_smp_processor_id();
}

void offload_nic_rest_cancel(struct offload_nic_rest *rest)
{
	hrtimer_cancel(&rest->timer);
}

/* Ends a pause before its time. */
void offload_nic_rest_end(struct offload_nic_rest *rest)
{
	if (!hrtimer_cancel(&rest->timer))
		return;

	local_bh_disable();
	__napi_schedule(rest->napi);
	local_bh_enable();
}

/* The poll kept the bit that says "scheduled", so nobody else has scheduled it since. */
static enum hrtimer_restart offload_nic_rest_over(struct hrtimer *timer)
{
	struct offload_nic_rest *rest = container_of(timer, struct offload_nic_rest, timer);

	__napi_schedule(rest->napi);
	return HRTIMER_NORESTART;
}

void offload_nic_rest_setup(struct offload_nic_rest *rest, struct napi_struct *napi)
{
	rest->napi = napi;
	hrtimer_setup(&rest->timer, offload_nic_rest_over, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED);
}

void offload_nic_rest_start(struct offload_nic_rest *rest, u64 nanoseconds)
{
	hrtimer_start(&rest->timer, ns_to_ktime(nanoseconds), HRTIMER_MODE_REL_PINNED);
}

void offload_nic_schedule_delayed_work(struct delayed_work *work, unsigned int milliseconds)
{
	schedule_delayed_work(work, msecs_to_jiffies(milliseconds));
}

void offload_nic_schedule_work(struct work_struct *work)
{
	schedule_work(work);
}

/*
 * The address may change while the interface is up. Frames must come unshared: they
 * wait in rings and are changed on their way.
 */
void offload_nic_set_priv_flags(struct net_device *dev)
{
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
}

/*
 * A driver takes whatever the stack can leave open, and decides by itself for each frame;
 * that holds for frames in tunnels, VLANs and MPLS as well. FCoE alone is not among it, as
 * software has nothing to cut its frames with. UDP fragmentation has no name any more by which
 * a user could switch it, and tools that set features by name trip over one without.
 */
void offload_nic_set_offload_features(struct net_device *dev)
{
	netdev_features_t features = NETIF_F_HW_CSUM | NETIF_F_SCTP_CRC | NETIF_F_SG |
		NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | NETIF_F_RXCSUM |
		(NETIF_F_GSO_MASK & ~NETIF_F_FSO);

	dev->features |= features;
	/* The user decides whether super-frames of a cable may stay whole. */
	dev->hw_features |= (features & ~NETIF_F_GSO_UDP) | NETIF_F_GRO_HW;
	dev->hw_enc_features |= features;
	dev->vlan_features |= features;
	dev->mpls_features |= features;
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
	netif_set_tso_max_segs(dev, OFFLOAD_NIC_MAX_SEGMENTS);
}

void offload_nic_set_mtu(struct net_device *dev, unsigned int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
}

void offload_nic_set_netdev_dev(struct net_device *dev, struct device *parent)
{
	SET_NETDEV_DEV(dev, parent);
}

void offload_nic_sha256_update(struct sha256_ctx *ctx, const u8 *data, size_t len)
{
	sha256_update(ctx, data, len);
}

/* A sum of bytes, folded to 16 bits, is a __wsum as well. */
void offload_nic_skb_checksum_complete(struct sk_buff *skb, u16 sum)
{
	skb->csum = (__force __wsum)sum;
	skb->ip_summed = CHECKSUM_COMPLETE;
}

void offload_nic_skb_checksum_done(struct sk_buff *skb)
{
	skb_reset_csum_not_inet(skb);
	skb->ip_summed = CHECKSUM_NONE;
}

u16 offload_nic_skb_get_queue_mapping(const struct sk_buff *skb)
{
	return skb_get_queue_mapping(skb);
}

struct sk_buff *offload_nic_skb_frag_list(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->frag_list;
}

unsigned int offload_nic_skb_headlen(const struct sk_buff *skb)
{
	return skb_headlen(skb);
}

bool offload_nic_skb_is_gso(const struct sk_buff *skb)
{
	return skb_is_gso(skb);
}

/* The last byte of the control buffer: queueing disciplines and segmentation use the first ones. */
u8 offload_nic_skb_note(const struct sk_buff *skb)
{
	return skb->cb[sizeof(skb->cb) - 1];
}

/* A header that was never set has an offset far beyond any frame, or before it. */
static u16 header_offset(const struct sk_buff *skb, int offset)
{
	return offset > 0 && offset <= skb_headlen(skb) ? min(offset, U16_MAX) : 0;
}

struct offload_nic_offload_request offload_nic_skb_offload_request(struct sk_buff *skb)
{
	struct offload_nic_offload_request request = {};

	request.network = header_offset(skb, skb_network_offset(skb));
	if (skb_transport_header_was_set(skb))
		request.transport = header_offset(skb, skb_transport_offset(skb));
	if (skb->encapsulation) {
		request.encapsulation = true;
		request.inner_network = header_offset(skb, skb_inner_network_offset(skb));
		request.inner_transport = header_offset(skb, skb_inner_transport_offset(skb));
	} else if (skb_inner_network_header_was_set(skb)) {
		request.labelled = header_offset(skb, skb_inner_network_offset(skb));
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		request.csum = true;
		request.csum_not_inet = skb_csum_is_sctp(skb);
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

int offload_nic_restart_syscall(void)
{
	return restart_syscall();
}

bool offload_nic_same_net(const struct net_device *a, const struct net_device *b)
{
	return net_eq(dev_net_rcu(a), dev_net_rcu(b));
}

/* Whether others may hold on to the pages of a frame: they are the kernel's, and stay as they are. */
bool offload_nic_skb_has_stable_pages(const struct sk_buff *skb)
{
	return !skb_zcopy((struct sk_buff *)skb) && !skb_has_shared_frag(skb) &&
		skb_frags_readable(skb);
}

/*
 * The bytes of a frame from offset on that lie in one piece, and how many there are. NULL if
 * they can't be looked at, or lie in a list of frames.
 */
const void *offload_nic_skb_piece(const struct sk_buff *skb, u32 offset, u32 *len)
{
	u32 start = skb_headlen(skb);
	int i;

	if (offset < start) {
		*len = start - offset;
		return skb->data + offset;
	}

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		u32 size = skb_frag_size(frag);

		if (offset - start < size) {
			*len = size - (offset - start);
			return IS_ENABLED(CONFIG_HIGHMEM) ? NULL :
				skb_frag_address_safe(frag) + (offset - start);
		}
		start += size;
	}
	return NULL;
}

/*
 * Puts len bytes of from's pages behind the headers that to has. Whether it fits. Who wants to
 * write to them, as IPsec does, has to copy them: the sender may need them again. The frame
 * counts as much as one in a buffer of its own: whoever keeps it keeps the pages.
 */
bool offload_nic_skb_share(struct sk_buff *to, const struct sk_buff *from, u32 offset, u32 len)
{
	struct skb_shared_info *shinfo = skb_shinfo(to);
	u32 start = skb_headlen(from);
	int i;

	to->truesize += SKB_DATA_ALIGN(NET_SKB_PAD + NET_IP_ALIGN + to->len + len) +
		SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	shinfo->flags |= SKBFL_SHARED_FRAG;
	for (i = 0; i < skb_shinfo(from)->nr_frags && len; i++) {
		const skb_frag_t *frag = &skb_shinfo(from)->frags[i];
		u32 size = skb_frag_size(frag), skip, take;

		skip = offset - start;
		start += size;
		if (skip >= size)
			continue;
		if (shinfo->nr_frags == MAX_SKB_FRAGS)
			return false;

		take = min(size - skip, len);
		shinfo->frags[shinfo->nr_frags] = *frag;
		skb_frag_off_add(&shinfo->frags[shinfo->nr_frags], skip);
		skb_frag_size_set(&shinfo->frags[shinfo->nr_frags], take);
		skb_frag_ref(to, shinfo->nr_frags);
		shinfo->nr_frags++;
		to->len += take;
		to->data_len += take;
		offset += take;
		len -= take;
	}
	return !len;
}

void offload_nic_skb_metadata_set(struct sk_buff *skb, u8 len)
{
	skb_metadata_set(skb, len);
}

void offload_nic_skb_orphan(struct sk_buff *skb)
{
	skb_orphan(skb);
}

void offload_nic_skb_reserve(struct sk_buff *skb, int len)
{
	skb_reserve(skb, len);
}

/*
 * As skb_gso_segment(), without help of any device but for checksums. Gives NULL if there is
 * nothing to cut.
 */
struct sk_buff *offload_nic_skb_segment(struct sk_buff *skb, bool checksums)
{
	netdev_features_t features = NETIF_F_SG;

	if (checksums)
		features |= NETIF_F_HW_CSUM | NETIF_F_SCTP_CRC;
	return skb_gso_segment(skb, features);
}

void offload_nic_skb_set_note(struct sk_buff *skb, u8 note)
{
	skb->cb[sizeof(skb->cb) - 1] = note;
}

void offload_nic_skb_set_queue_mapping(struct sk_buff *skb, u16 queue)
{
	skb_set_queue_mapping(skb, queue);
}

unsigned int offload_nic_skb_tailroom(const struct sk_buff *skb)
{
	return skb_tailroom(skb);
}

void offload_nic_smp_mb(void)
{
	smp_mb();
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

void offload_nic_trace_xdp_exception(const struct net_device *dev, const struct bpf_prog *prog,
				     u32 action)
{
	trace_xdp_exception(dev, prog, action);
}

/* Each buffer is a page of the pool, so that the frame can grow into what is left of the last. */
int offload_nic_xdp_buff_from_skb(struct xdp_buff *xdp, struct xdp_rxq_info *info,
				  struct page_pool *pool, const struct sk_buff *skb)
{
	u32 size = min_t(u32, skb->len, OFFLOAD_NIC_XDP_SINGLE_BUFFER);
	struct page *page;
	u32 done;

	page = page_pool_dev_alloc_pages(pool);
	if (!page)
		return -ENOMEM;

	xdp_init_buff(xdp, OFFLOAD_NIC_XDP_BUFFER, info);
	xdp_prepare_buff(xdp, page_address(page), XDP_PACKET_HEADROOM, size, true);
	if (skb_copy_bits(skb, 0, xdp->data, size))
		goto free;

	for (done = size; done < skb->len; done += size) {
		page = page_pool_dev_alloc_pages(pool);
		if (!page)
			goto free;

		size = min_t(u32, skb->len - done, PAGE_SIZE);
		if (!xdp_buff_add_frag(xdp, page_to_netmem(page), 0, size, PAGE_SIZE)) {
			page_pool_put_full_page(pool, page, true);
			goto free;
		}
		if (skb_copy_bits(skb, done, page_address(page), size))
			goto free;
	}
	return 0;

free:
	xdp_return_buff(xdp);
	return -ENOMEM;
}

bool offload_nic_xdp_buff_has_frags(const struct xdp_buff *xdp)
{
	return xdp_buff_has_frags(xdp);
}

int offload_nic_xdp_rxq_info_reg(struct xdp_rxq_info *info, struct net_device *dev, u32 index)
{
	return __xdp_rxq_info_reg(info, dev, index, 0, OFFLOAD_NIC_XDP_BUFFER);
}
