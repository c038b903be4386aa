/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every program of this directory needs: the packet's bounds, the frames
 * that mark the end of a batch, and a walk from Ethernet to the transport
 * header that the verifier and the device both accept.
 */
#ifndef OFFLOAD_TESTS_FRAME_H
#define OFFLOAD_TESTS_FRAME_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The context of the programs: classifiers define it before they include this. */
#ifndef FRAME_CTX
#define FRAME_CTX	struct xdp_md
#endif

#define ETH_ALEN	6
#define P_IPV4		0x0800
#define P_ARP		0x0806
#define P_VLAN		0x8100
#define P_IPV6		0x86dd
#define P_QINQ		0x88a8

/*
 * IEEE's two EtherTypes for local experiments. A test sends one after each
 * batch: the first always passes and the second always bounces, so its arrival
 * says that everything sent before has been dealt with.
 */
#define P_MARK_PASS	0x88b5
#define P_MARK_TX	0x88b6

#define IP_ICMP		1
#define IP_TCP		6
#define IP_UDP		17
#define IP6_HOPOPTS	0
#define IP6_ROUTING	43
#define IP6_FRAGMENT	44
#define IP6_ICMP	58
#define IP6_NONE	59
#define IP6_DSTOPTS	60

struct eth {
	__u8 dst[ETH_ALEN];
	__u8 src[ETH_ALEN];
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
	__u8 src[4];
	__u8 dst[4];
} __attribute__((packed));

struct ipv6 {
	__be32 flow;
	__be16 payload_len;
	__u8 next;
	__u8 hops;
	__u8 src[16];
	__u8 dst[16];
} __attribute__((packed));

struct ports {
	__be16 src;
	__be16 dst;
} __attribute__((packed));

/* Where a frame's parts lie, filled in by parse(). */
struct parsed {
	__u8 src[16];		/* IPv4 as ::ffff:a.b.c.d */
	__u8 dst[16];
	__be16 sport;		/* 0 where there is no port */
	__be16 dport;
	__u8 proto;		/* IP protocol after the extension headers */
	__u8 version;		/* 4, 6, or 0 for anything else */
	__be16 ethertype;	/* after the VLAN tags */
	__u8 tags;		/* VLAN tags passed over */
	__u8 fragment;		/* not the first fragment: no transport header */
	__u16 l3;		/* offset of the IP header */
	__u16 l4;		/* offset of the transport header */
};

static __always_inline void *begin(FRAME_CTX *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *end(FRAME_CTX *ctx)
{
	return (void *)(long)ctx->data_end;
}

/* Answers the frames that end a batch before the program looks at anything. */
#define ANSWER_MARKS(ctx)						\
	do {								\
		struct eth *mark = begin(ctx);				\
									\
		if ((void *)(mark + 1) > end(ctx))			\
			break;						\
		if (mark->proto == bpf_htons(P_MARK_PASS))		\
			return XDP_PASS;				\
		if (mark->proto == bpf_htons(P_MARK_TX))		\
			return XDP_TX;					\
	} while (0)

/*
 * Walks Ethernet, up to two VLAN tags, IPv4 with options or IPv6 with up to six
 * extension headers, and the ports. Returns 0, or -1 where the frame ends early
 * or contradicts itself; what was found until then stays in *p.
 */
static __always_inline int parse(FRAME_CTX *ctx, struct parsed *p)
{
	void *data = begin(ctx), *data_end = end(ctx);
	struct eth *eth = data;
	__be16 proto;
	void *at;
	int i;

	__builtin_memset(p, 0, sizeof(*p));
	if ((void *)(eth + 1) > data_end)
		return -1;
	proto = eth->proto;
	at = eth + 1;
#pragma unroll
	for (i = 0; i < 2; i++) {
		struct vlan *tag = at;

		if (proto != bpf_htons(P_VLAN) && proto != bpf_htons(P_QINQ))
			break;
		if ((void *)(tag + 1) > data_end)
			return -1;
		proto = tag->proto;
		at = tag + 1;
		p->tags++;
	}
	p->l3 = at - data;
	p->ethertype = proto;

	if (proto == bpf_htons(P_IPV4)) {
		struct ipv4 *ip = at;
		__u32 header;

		if ((void *)(ip + 1) > data_end)
			return -1;
		header = (ip->ihl_version & 15) * 4;
		if (ip->ihl_version >> 4 != 4 || header < sizeof(*ip))
			return -1;
		p->version = 4;
		p->proto = ip->proto;
		p->src[10] = p->src[11] = 0xff;
		p->dst[10] = p->dst[11] = 0xff;
		__builtin_memcpy(p->src + 12, ip->src, 4);
		__builtin_memcpy(p->dst + 12, ip->dst, 4);
		p->fragment = (ip->frag_off & bpf_htons(0x1fff)) != 0;
		at += header;
	} else if (proto == bpf_htons(P_IPV6)) {
		struct ipv6 *ip = at;
		__u8 next;

		if ((void *)(ip + 1) > data_end)
			return -1;
		p->version = 6;
		__builtin_memcpy(p->src, ip->src, 16);
		__builtin_memcpy(p->dst, ip->dst, 16);
		next = ip->next;
		at = ip + 1;
		for (i = 0; i < 6; i++) {
			__u8 *header = at;

			if (next != IP6_HOPOPTS && next != IP6_ROUTING &&
			    next != IP6_FRAGMENT && next != IP6_DSTOPTS)
				break;
			if ((void *)(header + 8) > data_end)
				return -1;
			if (next == IP6_FRAGMENT) {
				p->fragment |= header[2] || (header[3] & 0xf8);
				at += 8;
			} else {
				at += 8 + header[1] * 8;
			}
			next = header[0];
		}
		p->proto = next;
	} else {
		return 0;
	}
	p->l4 = at - data;

	if (!p->fragment && (p->proto == IP_TCP || p->proto == IP_UDP)) {
		struct ports *ports = at;

		if ((void *)(ports + 1) > data_end)
			return -1;
		p->sport = ports->src;
		p->dport = ports->dst;
	}
	return 0;
}

/*
 * Where the transport header starts. The mask changes no offset that parse()
 * can find; it tells the verifier how far at most.
 */
static __always_inline void *transport(FRAME_CTX *ctx, const struct parsed *p)
{
	return begin(ctx) + (p->l4 & 0x3fff);
}

static __always_inline void swap_macs(struct eth *eth)
{
	__u8 dst[ETH_ALEN];

	__builtin_memcpy(dst, eth->dst, ETH_ALEN);
	__builtin_memcpy(eth->dst, eth->src, ETH_ALEN);
	__builtin_memcpy(eth->src, dst, ETH_ALEN);
}

/* The two ports of a datagram of IPv4 that has no options and no tags; NULL of all else. */
static __always_inline __be16 *udp4_ports(FRAME_CTX *ctx)
{
	struct eth *eth = begin(ctx);
	struct ipv4 *ip = (void *)(eth + 1);
	__be16 *ports = (void *)(ip + 1);

	if ((void *)(ports + 2) > end(ctx) || eth->proto != bpf_htons(P_IPV4))
		return NULL;
	if (ip->ihl_version != 0x45 || ip->proto != IP_UDP)
		return NULL;
	return ports;
}

#endif
