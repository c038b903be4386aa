// SPDX-License-Identifier: GPL-2.0
/*
 * Native XDP and its buffers.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <net/page_pool/helpers.h>
#include <net/xdp.h>

#include "../helpers.h"

u32 offload_nic_bpf_prog_run_xdp(const struct bpf_prog *prog, struct xdp_buff *xdp)
{
	return bpf_prog_run_xdp(prog, xdp);
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

const struct xdp_metadata_ops offload_nic_xdp_metadata_ops = {
	.xmo_rx_hash = offload_nic_xdp_rx_hash,
	.xmo_rx_timestamp = offload_nic_xdp_rx_timestamp,
};

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
