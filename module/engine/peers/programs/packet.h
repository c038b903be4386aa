/* SPDX-License-Identifier: GPL-2.0 */
/* A parser of the five-tuple, with the kernel's own headers as most programs have it. */
#ifndef ENGINE_PEERS_PACKET_H
#define ENGINE_PEERS_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct vlan {
	__be16 tci;
	__be16 proto;
};

/* TCP and UDP begin alike. */
struct ports {
	__be16 src;
	__be16 dst;
};

/* Addresses of IPv6 are folded to four bytes each. */
struct tuple {
	__u32 src;
	__u32 dst;
	__u16 sport;
	__u16 dport;
	__u32 proto;
};

static __always_inline __u32 folded(const struct in6_addr *address)
{
	const __be32 *words = address->s6_addr32;

	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

/*
 * Fills in *t; returns the network header, or NULL for what is neither TCP nor
 * UDP, a later fragment, or cut short. One VLAN tag is passed over.
 */
static __always_inline void *parse(struct xdp_md *ctx, struct tuple *t)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	void *at = eth + 1, *network;
	struct ports *ports;
	__be16 proto;

	if (at > data_end)
		return 0;
	proto = eth->h_proto;
	if (proto == bpf_htons(ETH_P_8021Q)) {
		struct vlan *tag = at;

		if ((void *)(tag + 1) > data_end)
			return 0;
		proto = tag->proto;
		at = tag + 1;
	}
	network = at;
	if (proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > data_end || ip->ihl < 5)
			return 0;
		if (ip->frag_off & bpf_htons(0x1fff))
			return 0;
		t->src = ip->saddr;
		t->dst = ip->daddr;
		t->proto = ip->protocol;
		at += ip->ihl * 4;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > data_end)
			return 0;
		t->src = folded(&ip->saddr);
		t->dst = folded(&ip->daddr);
		t->proto = ip->nexthdr;
		at = ip + 1;
	} else {
		return 0;
	}
	if (t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP)
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
