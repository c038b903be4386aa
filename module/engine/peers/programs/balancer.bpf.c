// SPDX-License-Identifier: GPL-2.0
/*
 * A layer-4 load balancer on one leg: the five-tuple is hashed (Jenkins, three
 * words) to a backend of an array, whose address replaces the destination.
 */
#include "packet.h"

struct backend {
	__u8 mac[8];
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

static __always_inline __u32 rotate(__u32 x, int by)
{
	return x << by | x >> (32 - by);
}

static __always_inline __u32 hash(__u32 a, __u32 b, __u32 c)
{
	a += 0xdeadbeef;
	b += 0xdeadbeef;
	c += 0xdeadbeef;
	c = (c ^ b) - rotate(b, 14);
	a = (a ^ c) - rotate(c, 11);
	b = (b ^ a) - rotate(a, 25);
	c = (c ^ b) - rotate(b, 16);
	a = (a ^ c) - rotate(c, 4);
	b = (b ^ a) - rotate(a, 14);
	return (c ^ b) - rotate(b, 24);
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct backend *backend;
	struct ethhdr *eth = data;
	struct tuple t;
	__u32 index;

	if (!parse(ctx, &t))
		return XDP_PASS;
	index = hash(t.src ^ t.proto, t.dst, (__u32)t.sport << 16 | t.dport) % 64;
	backend = bpf_map_lookup_elem(&backends, &index);
	if (!backend || (void *)(eth + 1) > data_end)
		return XDP_ABORTED;
	backend->packets++;
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, backend->mac, ETH_ALEN);
	return XDP_TX;
}
