// SPDX-License-Identifier: GPL-2.0
/*
 * Counts frames per EtherType and per IP protocol, walking VLAN tags and IPv6
 * extension headers with bounded loops, and keeps a histogram of lengths.
 */
#include "frame.h"

struct chain_key {
	__u8 tags;
	__u8 headers;
	__u8 last;
	__u8 fragment;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} by_proto SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u16);
	__type(value, __u64);
} by_ethertype SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct chain_key);
	__type(value, __u64);
} by_chain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} by_length SEC(".maps");

static __always_inline void count(void *map, const void *key)
{
	__u64 *value = bpf_map_lookup_elem(map, key), one = 1;

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(map, key, &one, BPF_ANY);
}

static __always_inline __u32 log2(__u32 x)
{
	__u32 bits = 0;

	while (x > 1 && bits < 15) {
		x >>= 1;
		bits++;
	}
	return bits;
}

SEC("xdp")
int protocols(struct xdp_md *ctx)
{
	void *data = begin(ctx), *data_end = end(ctx), *at;
	struct chain_key chain = {};
	struct eth *eth = data;
	__u32 index;
	__u16 proto;
	int i;

	ANSWER_MARKS(ctx);
	index = log2(data_end - data);
	count(&by_length, &index);
	if ((void *)(eth + 1) > data_end)
		return XDP_ABORTED;
	proto = bpf_ntohs(eth->proto);
	at = eth + 1;
	for (i = 0; i < 8; i++) {
		struct vlan *tag = at;

		if (proto != P_VLAN && proto != P_QINQ)
			break;
		if ((void *)(tag + 1) > data_end)
			return XDP_DROP;
		proto = bpf_ntohs(tag->proto);
		at = tag + 1;
		chain.tags++;
	}
	count(&by_ethertype, &proto);

	if (proto == P_IPV4) {
		struct ipv4 *ip = at;

		if ((void *)(ip + 1) > data_end)
			return XDP_DROP;
		chain.last = ip->proto;
		chain.fragment = (ip->frag_off & bpf_htons(0x3fff)) != 0;
	} else if (proto == P_IPV6) {
		struct ipv6 *ip = at;
		__u8 next;

		if ((void *)(ip + 1) > data_end)
			return XDP_DROP;
		next = ip->next;
		at = ip + 1;
		for (i = 0; i < 12; i++) {
			__u8 *header = at;

			if (next != IP6_HOPOPTS && next != IP6_ROUTING &&
			    next != IP6_FRAGMENT && next != IP6_DSTOPTS)
				break;
			if ((void *)(header + 8) > data_end)
				return XDP_DROP;
			if (next == IP6_FRAGMENT) {
				chain.fragment = 1;
				at += 8;
			} else {
				at += (header[1] + 1) * 8;
			}
			next = header[0];
			chain.headers++;
		}
		chain.last = next;
	} else {
		return XDP_PASS;
	}
	index = chain.last;
	count(&by_proto, &index);
	count(&by_chain, &chain);
	return chain.headers > 4 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
