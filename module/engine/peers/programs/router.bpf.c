// SPDX-License-Identifier: GPL-2.0
/* What a router does to a packet: one hop less, the checksum brought up to date, new MACs. */
#include "packet.h"

static const __u8 here[ETH_ALEN] = { 0x02, 0, 0, 0, 0x01, 0x01 };
static const __u8 hops[2][ETH_ALEN] = {
	{ 0x02, 0, 0, 0, 0x02, 0x01 },
	{ 0x02, 0, 0, 0, 0x02, 0x02 },
};

/* The checksum over a word that was @old and is @new (RFC 1624). */
static __always_inline __u16 updated(__u16 check, __u16 old, __u16 new)
{
	__u32 sum = (__u16)~check;

	sum += (__u16)~old;
	sum += new;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp")
int router(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u16 old, new;

	if ((void *)(ip + 1) > data_end)
		return XDP_DROP;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->version != 4 || ip->ihl < 5)
		return XDP_PASS;
	if (ip->ttl <= 1)
		return XDP_PASS;
	old = bpf_htons(ip->ttl << 8 | ip->protocol);
	ip->ttl--;
	new = bpf_htons(ip->ttl << 8 | ip->protocol);
	ip->check = updated(ip->check, old, new);
	if (ip->daddr & bpf_htonl(0x10000))
		__builtin_memcpy(eth->h_dest, hops[1], ETH_ALEN);
	else
		__builtin_memcpy(eth->h_dest, hops[0], ETH_ALEN);
	__builtin_memcpy(eth->h_source, here, ETH_ALEN);
	return XDP_TX;
}
