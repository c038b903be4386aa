/* SPDX-License-Identifier: GPL-2.0 */
/* The headers of a packet, and a parser of its five-tuple. */
#ifndef ENGINE_PEERS_PACKET_H
#define ENGINE_PEERS_PACKET_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_TCP		6
#define IP_UDP		17

struct eth {
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
} __attribute__((packed));

struct vlan {
	__be16 tci;
	__be16 proto;
} __attribute__((packed));

struct ipv4 {
	__u8 ihl_version;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 proto;
	__be16 check;
	__be32 src;
	__be32 dst;
} __attribute__((packed));

struct ipv6 {
	__be32 flow;
	__be16 payload_len;
	__u8 next;
	__u8 hops;
	__be32 src[4];
	__be32 dst[4];
} __attribute__((packed));

struct ports {
	__be16 src;
	__be16 dst;
} __attribute__((packed));

/* Addresses of IPv6 are folded to four bytes each. */
struct tuple {
	__u32 src;
	__u32 dst;
	__u16 sport;
	__u16 dport;
	__u32 proto;
};

/*
 * Fills in *t; returns the network header, or NULL for what is neither TCP nor
 * UDP, a later fragment, or cut short. One VLAN tag is passed over.
 */
static __always_inline void *parse(struct xdp_md *ctx, struct tuple *t)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct eth *eth = data;
	void *at = eth + 1, *network;
	struct ports *ports;
	__be16 proto;

	if (at > data_end)
		return 0;
	proto = eth->proto;
	if (proto == bpf_htons(0x8100)) {
		struct vlan *tag = at;

		if ((void *)(tag + 1) > data_end)
			return 0;
		proto = tag->proto;
		at = tag + 1;
	}
	network = at;
	if (proto == bpf_htons(0x0800)) {
		struct ipv4 *ip = at;

		if ((void *)(ip + 1) > data_end || (ip->ihl_version & 15) < 5)
			return 0;
		if (ip->frag_off & bpf_htons(0x1fff))
			return 0;
		t->src = ip->src;
		t->dst = ip->dst;
		t->proto = ip->proto;
		at += (ip->ihl_version & 15) * 4;
	} else if (proto == bpf_htons(0x86dd)) {
		struct ipv6 *ip = at;

		if ((void *)(ip + 1) > data_end)
			return 0;
		t->src = ip->src[0] ^ ip->src[1] ^ ip->src[2] ^ ip->src[3];
		t->dst = ip->dst[0] ^ ip->dst[1] ^ ip->dst[2] ^ ip->dst[3];
		t->proto = ip->next;
		at = ip + 1;
	} else {
		return 0;
	}
	if (t->proto != IP_TCP && t->proto != IP_UDP)
		return 0;
	ports = at;
	if ((void *)(ports + 1) > data_end)
		return 0;
	t->sport = ports->src;
	t->dport = ports->dst;
	return network;
}

char _license[] SEC("license") = "GPL";

#endif
