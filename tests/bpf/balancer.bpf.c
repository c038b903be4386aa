// SPDX-License-Identifier: GPL-2.0
/*
 * A layer-4 load balancer on one leg: TCP and UDP over IPv4 is hashed to one of
 * eight backends, rewritten with its checksums and sent back out (XDP_TX).
 */
#include "frame.h"

#define BACKENDS 8

struct backend {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BACKENDS);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

static __always_inline __u32 rotate(__u32 x, int by)
{
	return x << by | x >> (32 - by);
}

static __always_inline __u32 hash(__u32 a, __u32 b, __u32 c)
{
	c = (c ^ b) - rotate(b, 14);
	a = (a ^ c) - rotate(c, 11);
	b = (b ^ a) - rotate(a, 25);
	c = (c ^ b) - rotate(b, 16);
	a = (a ^ c) - rotate(c, 4);
	b = (b ^ a) - rotate(a, 14);
	return (c ^ b) - rotate(b, 24);
}

/* RFC 1624: the checksum after one 16-bit word of the sum became another. */
static __always_inline __be16 updated(__be16 check, __be16 old, __be16 new)
{
	__u32 sum = (__u16)~check + (__u32)(__u16)~old + new;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	void *data = begin(ctx), *data_end = end(ctx);
	struct eth *eth = data;
	struct backend *backend;
	struct ports *ports;
	struct ipv4 *ip;
	__be16 *check, old;
	__u32 index;

	ANSWER_MARKS(ctx);
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > data_end || eth->proto != bpf_htons(P_IPV4))
		return XDP_PASS;
	if (ip->ihl_version != 0x45 || ip->frag_off & bpf_htons(0x3fff) || ip->ttl <= 1)
		return XDP_PASS;
	ports = (void *)(ip + 1);
	if (ip->proto == IP_TCP)
		check = (void *)ports + 16;
	else if (ip->proto == IP_UDP)
		check = (void *)ports + 6;
	else
		return XDP_PASS;
	if ((void *)(check + 1) > data_end)
		return XDP_PASS;

	index = hash(*(__u32 *)ip->src, *(__u32 *)ip->dst,
		     (__u32)ports->src << 16 | ports->dst) % BACKENDS;
	backend = bpf_map_lookup_elem(&backends, &index);
	if (!backend)
		return XDP_ABORTED;
	__sync_fetch_and_add(&backend->packets, 1);
	__sync_fetch_and_add(&backend->bytes, data_end - data);

	/* The backend's address is ours with another last 16 bits: 10.x.7.index. */
	old = *(__be16 *)&ip->dst[2];
	ip->dst[2] = 7;
	ip->dst[3] = index;
	ip->check = updated(ip->check, old, *(__be16 *)&ip->dst[2]);
	if (ip->proto == IP_TCP || *check) {
		*check = updated(*check, old, *(__be16 *)&ip->dst[2]);
		if (ip->proto == IP_UDP && !*check)
			*check = 0xffff;
	}
	old = *(__be16 *)&ip->ttl;
	ip->ttl--;
	ip->check = updated(ip->check, old, *(__be16 *)&ip->ttl);
	swap_macs(eth);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
