// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of GSO as Linux 7.2 has them, for TCP, UDP and SCTP, in tunnels or not: a GSO program
 * that says exactly what the device does by itself, and a beginning for one that says something else.
 *
 * clang -O2 -g -target bpf -c kernel.bpf.c -o kernel.bpf.o
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "offload_gso.h"

#define FIN	0x01
#define PSH	0x08
#define CWR	0x80

/* Protocols of transport headers. */
#define TCP	6
#define UDP	17

/* The length of an IPv6 header, which its own length does not count. */
#define IPV6_HEADER	40

struct ipv4 {
	__u8 ihl_version;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
};

struct ipv6 {
	__be16 flow[2];
	__be16 payload_len;
};

struct udp {
	__be16 ports[2];
	__be16 len;
};

struct tcp {
	__be16 ports[2];
	__be16 seq[2];
	__be16 ack[2];
	__u8 doff;
	__u8 flags;
};

/*
 * Headers lie at even offsets, and so all is read as words of two bytes, or bytes. To say so changes
 * none, and tells the verifier of machines that want their words aligned, and how far at most.
 */
static __always_inline __u32 aligned(__u32 offset)
{
	return offset & (GSO_HEADERS - 2);
}

/* The header at an offset, if there is room for it. */
#define HEADER(ctx, gso, type, at)							\
	({										\
		type *header = (void *)(gso)->headers + aligned(at);			\
											\
		(void *)(header + 1) > (void *)(long)(ctx)->data_end ? NULL : header;	\
	})

static __always_inline __be16 plus(__be16 word, __u32 number)
{
	return bpf_htons(bpf_ntohs(word) + number);
}

/* The length of what begins at an offset. */
static __always_inline __be16 length(struct offload_gso *gso, __u32 at)
{
	return bpf_htons(gso->payload - at + gso->len);
}

/* Length and identification of an IP packet. */
static __always_inline int finish_ip(struct xdp_md *ctx, struct offload_gso *gso, __u32 at,
				     __u32 version, __u32 is_fixed)
{
	if (version == 4) {
		struct ipv4 *ip = HEADER(ctx, gso, struct ipv4, at);

		if (!ip)
			return 0;
		ip->tot_len = length(gso, at);
		if (!is_fixed)
			ip->id = plus(ip->id, gso->index);
	} else {
		struct ipv6 *ip = HEADER(ctx, gso, struct ipv6, at);

		if (!ip)
			return 0;
		ip->payload_len = length(gso, at + IPV6_HEADER);
	}
	return 1;
}

static __always_inline int finish_udp(struct xdp_md *ctx, struct offload_gso *gso, __u32 at)
{
	struct udp *udp = HEADER(ctx, gso, struct udp, at);

	if (!udp)
		return 0;
	udp->len = length(gso, at);
	return 1;
}

static __always_inline int finish_tcp(struct xdp_md *ctx, struct offload_gso *gso)
{
	struct tcp *tcp = HEADER(ctx, gso, struct tcp, gso->transport);
	__u32 seq;

	if (!tcp)
		return 0;
	seq = ((__u32)bpf_ntohs(tcp->seq[0]) << 16 | bpf_ntohs(tcp->seq[1])) + gso->before;
	tcp->seq[0] = bpf_htons(seq >> 16);
	tcp->seq[1] = bpf_htons(seq);
	if (!(gso->flags & GSO_LAST))
		tcp->flags &= ~(FIN | PSH);
	if (!(gso->flags & (GSO_FIRST | GSO_KEEP_CWR)))
		tcp->flags &= ~CWR;
	return 1;
}

SEC("xdp")
int kernel_gso(struct xdp_md *ctx)
{
	struct offload_gso *gso = (void *)(long)ctx->data;

	if ((void *)(gso + 1) > (void *)(long)ctx->data_end || gso->version != GSO_VERSION)
		return XDP_ABORTED;
	if (!finish_ip(ctx, gso, gso->network, gso->version_outer, gso->flags & GSO_FIXED_OUTER))
		return XDP_ABORTED;
	if (gso->inner &&
	    !finish_ip(ctx, gso, gso->inner, gso->version_inner, gso->flags & GSO_FIXED_INNER))
		return XDP_ABORTED;
	if (gso->tunnel_protocol == UDP && !finish_udp(ctx, gso, gso->tunnel))
		return XDP_ABORTED;
	if (gso->protocol == UDP && !finish_udp(ctx, gso, gso->transport))
		return XDP_ABORTED;
	if (gso->protocol == TCP && !finish_tcp(ctx, gso))
		return XDP_ABORTED;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
