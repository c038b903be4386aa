// SPDX-License-Identifier: GPL-2.0
/*
 * Native XDP and its buffers.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <net/page_pool/helpers.h>
#include <net/xdp.h>
#include <net/xdp_sock.h>

#include "../helpers.h"

u32 offload_nic_bpf_prog_run_xdp(const struct bpf_prog *prog, struct xdp_buff *xdp)
{
	return bpf_prog_run_xdp(prog, xdp);
}

/*
 * Runs a program on bytes that are no frame: it may write them, and no helper leads out of them, as
 * what is behind them counts as the end of a buffer. Without bpf_prog_run_xdp(): what is returned is
 * no action, and must not be taken for one on a port of a bond.
 */
u32 offload_nic_bpf_prog_look(const struct bpf_prog *prog, void *bytes, u32 len,
			      struct xdp_rxq_info *info)
{
	struct xdp_buff xdp;

	xdp_init_buff(&xdp, len + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)), info);
	xdp_prepare_buff(&xdp, bytes, 0, len, false);
	return bpf_prog_run(prog, &xdp);
}

/*
 * The same where nobody polls: what programs find in their context is made here. Nothing is run where
 * that could come upon somebody who holds the lock of a map, as netpoll could.
 */
u32 offload_nic_bpf_prog_look_sending(const struct bpf_prog *prog, void *bytes, u32 len,
				      struct net_device *dev, u32 queue)
{
	struct xdp_rxq_info info = { .dev = dev, .queue_index = queue };
	struct bpf_net_context context, *set;
	u32 said;

	if (irqs_disabled() || WARN_ON_ONCE(!in_softirq()))
		return XDP_ABORTED;

	rcu_read_lock();
	set = bpf_net_ctx_set(&context);
	said = offload_nic_bpf_prog_look(prog, bytes, len, &info);
	bpf_net_ctx_clear(set);
	rcu_read_unlock();
	return said;
}

/*
 * The poll of napi alone takes pages out of it. Who gives them back is told by the numbers in
 * it whether that is there, and users whose queue it is.
 */
struct page_pool *offload_nic_page_pool_create(struct napi_struct *napi, struct net_device *dev,
						u32 queue, unsigned int frames)
{
	const struct page_pool_params params = {
		.pool_size = frames,
		.nid = NUMA_NO_NODE,
		.dev = &dev->dev,
		.napi = napi,
		.netdev = dev,
		.queue_idx = queue,
	};

	return page_pool_create(&params);
}

/* All frames that programs see lie in a struct offload_nic_xdp_buff: those of XdpBuffer. */
static int offload_nic_xdp_rx_hash(const struct xdp_md *ctx, u32 *hash,
				   enum xdp_rss_hash_type *type)
{
	const struct xdp_buff *xdp = (const void *)ctx;
	const struct offload_nic_xdp_buff *buff =
		container_of(xdp, struct offload_nic_xdp_buff, xdp);

	if (!buff->hash_type)
		return -ENODATA;
	*hash = buff->hash;
	*type = buff->hash_type;
	return 0;
}

static int offload_nic_xdp_rx_timestamp(const struct xdp_md *ctx, u64 *timestamp)
{
	const struct xdp_buff *xdp = (const void *)ctx;
	const struct offload_nic_xdp_buff *buff =
		container_of(xdp, struct offload_nic_xdp_buff, xdp);

	if (!buff->timestamp)
		return -ENODATA;
	*timestamp = buff->timestamp;
	return 0;
}

static int offload_nic_xdp_rx_vlan_tag(const struct xdp_md *ctx, __be16 *proto, u16 *tci)
{
	const struct xdp_buff *xdp = (const void *)ctx;
	const struct offload_nic_xdp_buff *buff =
		container_of(xdp, struct offload_nic_xdp_buff, xdp);

	if (!buff->vlan_proto)
		return -ENODATA;
	*proto = cpu_to_be16(buff->vlan_proto);
	*tci = buff->vlan_tci;
	return 0;
}

const struct xdp_metadata_ops offload_nic_xdp_metadata_ops = {
	.xmo_rx_hash = offload_nic_xdp_rx_hash,
	.xmo_rx_timestamp = offload_nic_xdp_rx_timestamp,
	.xmo_rx_vlan_tag = offload_nic_xdp_rx_vlan_tag,
};

void offload_nic_trace_xdp_exception(const struct net_device *dev, const struct bpf_prog *prog,
				     u32 action)
{
	trace_xdp_exception(dev, prog, action);
}

/* Bytes of skb from offset on to the buffers, without the tag bytes that follow the addresses. */
static int copy_without_tag(const struct sk_buff *skb, u32 offset, void *to, u32 size, u32 tag)
{
	u32 front = offset < 2 * ETH_ALEN ? min_t(u32, size, 2 * ETH_ALEN - offset) : 0;

	if (front && skb_copy_bits(skb, offset, to, front))
		return -EFAULT;
	return skb_copy_bits(skb, offset + front + tag, to + front, size - front);
}

/*
 * Each buffer is a page of the pool, so that the frame can grow into what is left of the last. The
 * frame has a tag if it is to be copied without. The first header bytes then lie in one of their
 * own, if there are any.
 */
int offload_nic_xdp_buff_from_skb(struct xdp_buff *xdp, struct xdp_rxq_info *info,
				  struct page_pool *pool, const struct sk_buff *skb,
				  bool without_tag, u32 header)
{
	u32 tag = without_tag ? VLAN_HLEN : 0, len = skb->len - tag;
	u32 size = min_t(u32, header ?: len, OFFLOAD_NIC_XDP_SINGLE_BUFFER);
	struct page *page;
	u32 done;

	if (skb->len < ETH_HLEN + tag)
		return -EINVAL;

	page = page_pool_dev_alloc_pages(pool);
	if (!page)
		return -ENOMEM;

	xdp_init_buff(xdp, OFFLOAD_NIC_XDP_BUFFER, info);
	xdp_prepare_buff(xdp, page_address(page), XDP_PACKET_HEADROOM, size, true);
	if (copy_without_tag(skb, 0, xdp->data, size, tag))
		goto free;

	for (done = size; done < len; done += size) {
		page = page_pool_dev_alloc_pages(pool);
		if (!page)
			goto free;

		size = min_t(u32, len - done, PAGE_SIZE);
		if (!xdp_buff_add_frag(xdp, page_to_netmem(page), 0, size, PAGE_SIZE)) {
			page_pool_put_full_page(pool, page, true);
			goto free;
		}
		if (copy_without_tag(skb, done, page_address(page), size, tag))
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

/*
 * The core copies the frames of AF_XDP sockets into skbs, and asks for their checksums as for those
 * of all others (xsk_skb_metadata()): CHECKSUM_PARTIAL. Only a driver that takes frames out of the
 * memory of sockets has use for the function, and calls it by xsk_tx_metadata_request(); that it is
 * there tells users that they may ask.
 */
static void offload_nic_xsk_request_checksum(u16 csum_start, u16 csum_offset, void *priv)
{
	WARN_ONCE(1, "checksum of a frame in the memory of a socket, at %u+%u", csum_start,
		  csum_offset);
}

/*
 * No time stamps: of a frame that was copied xsk_destruct_skb() gives the system's time by itself,
 * and asks no driver for the device's. No launch times: nothing holds frames back.
 */
const struct xsk_tx_metadata_ops offload_nic_xsk_tx_metadata_ops = {
	.tmo_request_checksum = offload_nic_xsk_request_checksum,
};
