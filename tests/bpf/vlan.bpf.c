// SPDX-License-Identifier: GPL-2.0
/*
 * A VLAN gateway: takes the outer tag off tagged frames (and sends every second
 * VLAN back out), puts a tag on untagged IP. Both move the frame's head.
 */
#include "frame.h"

enum { POPPED, PUSHED, LEFT, REFUSED, KINDS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u16);
	__type(value, __u64);
} vids SEC(".maps");

static __always_inline void count(__u32 kind)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &kind);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static __always_inline void count_vid(__u16 vid)
{
	__u64 *value = bpf_map_lookup_elem(&vids, &vid), one = 1;

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&vids, &vid, &one, BPF_NOEXIST);
}

static __always_inline int pop(struct xdp_md *ctx)
{
	__u8 macs[2 * ETH_ALEN];
	void *data = begin(ctx);
	struct vlan *tag = data + sizeof(struct eth);
	__u16 vid;

	if ((void *)(tag + 1) > end(ctx))
		return XDP_DROP;
	vid = bpf_ntohs(tag->tci) & 0xfff;
	count_vid(vid);
	__builtin_memcpy(macs, data, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, sizeof(struct vlan))) {
		count(REFUSED);
		return XDP_DROP;
	}
	data = begin(ctx);
	if (data + sizeof(struct eth) > end(ctx))
		return XDP_ABORTED;
	__builtin_memcpy(data, macs, sizeof(macs));
	count(POPPED);
	return vid & 1 ? XDP_TX : XDP_PASS;
}

static __always_inline int push(struct xdp_md *ctx)
{
	__u8 macs[2 * ETH_ALEN];
	void *data = begin(ctx);
	struct vlan *tag;
	struct eth *eth;

	__builtin_memcpy(macs, data, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct vlan))) {
		count(REFUSED);
		return XDP_DROP;
	}
	eth = begin(ctx);
	tag = (void *)(eth + 1);
	if ((void *)(tag + 1) > end(ctx))
		return XDP_ABORTED;
	__builtin_memcpy(eth, macs, sizeof(macs));
	eth->proto = bpf_htons(P_VLAN);
	tag->tci = bpf_htons(3 << 13 | 100);
	count(PUSHED);
	return XDP_PASS;
}

SEC("xdp")
int vlan_gateway(struct xdp_md *ctx)
{
	struct eth *eth = begin(ctx);

	ANSWER_MARKS(ctx);
	if ((void *)(eth + 1) > end(ctx))
		return XDP_ABORTED;
	if (eth->proto == bpf_htons(P_VLAN) || eth->proto == bpf_htons(P_QINQ))
		return pop(ctx);
	if (eth->proto == bpf_htons(P_IPV4) || eth->proto == bpf_htons(P_IPV6))
		return push(ctx);
	count(LEFT);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
