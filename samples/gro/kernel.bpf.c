// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of GRO as Linux 7.2 has them, for TCP: a GRO program that says exactly what the device
 * does by itself, and a beginning for one that says something else.
 *
 * clang -O2 -g -target bpf -c kernel.bpf.c -o kernel.bpf.o
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "offload_gro.h"

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define URG	0x20

/* Flags behind which GRO waits for nothing more. */
#define LAST	(FIN | SYN | RST | PSH | URG)

/* Words of a VLAN tag and of extension headers, as far as there is room. */
#define MOST_WORDS	(GRO_HEADERS / 4)

struct ipv4 {
	__u8 ihl_version;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__be32 addresses[2];
};

struct ipv6 {
	__be32 flow;
	__be16 payload_len;
	__u8 next;
	__u8 hops;
	__be32 addresses[8];
};

struct tcp {
	__be32 ports;
	__be32 seq;
	__be32 ack;
	__u8 doff;
	__u8 flags;
	__be16 window;
	__be16 check;
	__be16 urgent;
};

/* What a program is shown, if it is whole. */
static __always_inline struct offload_gro *shown(struct xdp_md *ctx)
{
	struct offload_gro *gro = (void *)(long)ctx->data;

	return (void *)(gro + 1) > (void *)(long)ctx->data_end ? NULL : gro;
}

/*
 * Headers lie at offsets that are two more than a multiple of four. To say so changes none, and
 * tells the verifier of machines that want their words aligned, and how far at most.
 */
static __always_inline __u32 aligned(__u32 offset)
{
	return (offset & (GRO_HEADERS - 4)) | 2;
}

/* Has held and new be the headers of that type at an offset; without room for them it returns 0. */
#define FIND(ctx, gro, held, new, at)						\
	do {									\
		void *end = (void *)(long)(ctx)->data_end;			\
										\
		(held) = (void *)(gro)->held + aligned(at);			\
		(new) = (void *)(gro)->new + aligned(at);			\
		if ((void *)((held) + 1) > end || (void *)((new) + 1) > end)	\
			return 0;						\
	} while (0)

/*
 * Whether the bytes from an offset on to another one are the same. The verifier follows a loop step
 * by step: it is not to learn from each of them what the caller's offsets are, or there is no end
 * of paths. So they are masked, which changes none.
 */
static __noinline int same_words(struct xdp_md *ctx, __u32 from, __u32 to)
{
	struct offload_gro *gro = shown(ctx);
	__u32 i;

	if (!gro)
		return 0;
	from &= 2 * GRO_HEADERS - 1;
	to &= 2 * GRO_HEADERS - 1;
	for (i = 0; i < MOST_WORDS && from < to; i++, from += 4) {
		__be32 *held, *new;

		FIND(ctx, gro, held, new, from);
		if (*held != *new)
			return 0;
	}
	return 1;
}

/* Whether the bytes of an IP header that tell flows are the same; what is behind it begins at end. */
static __noinline int same_flow(struct xdp_md *ctx, __u32 at, __u32 end, __u32 version)
{
	struct offload_gro *gro = shown(ctx);

	if (!gro)
		return 0;
	if (version == 4) {
		struct ipv4 *held, *new;

		FIND(ctx, gro, held, new, at);
		return held->protocol == new->protocol &&
		       held->addresses[0] == new->addresses[0] &&
		       held->addresses[1] == new->addresses[1];
	} else {
		struct ipv6 *held, *new;

		FIND(ctx, gro, held, new, at);
		/* All but the traffic class, and all that is behind the hop limit. */
		return !((held->flow ^ new->flow) & bpf_htonl(0xf00fffff)) &&
		       held->next == new->next && same_words(ctx, at + 8, end);
	}
}

/* Whether an IP header is that of the next packet. */
static __noinline int next_ip(struct xdp_md *ctx, __u32 at, __u32 version, __u32 is_fixed)
{
	struct offload_gro *gro = shown(ctx);

	if (!gro)
		return 0;
	if (version == 4) {
		struct ipv4 *held, *new;
		__u16 distance;

		FIND(ctx, gro, held, new, at);
		if (held->tos != new->tos || held->ttl != new->ttl ||
		    (held->frag_off ^ new->frag_off) & bpf_htons(0x4000))
			return 0;
		distance = bpf_ntohs(new->id) - bpf_ntohs(held->id);
		/* The second segment decides whether all have one identification. */
		if (is_fixed || (gro->segments == 1 && !distance))
			return !distance;
		return distance == (__u16)gro->segments;
	} else {
		struct ipv6 *held, *new;

		FIND(ctx, gro, held, new, at);
		return !((held->flow ^ new->flow) & bpf_htonl(0x0ff00000)) &&
		       held->hops == new->hops;
	}
}

/* Whether the TCP header is that of the next segment, but for what it says of its end. */
static __noinline int next_tcp(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	struct tcp *held, *new;

	if (!gro)
		return 0;
	FIND(ctx, gro, held, new, gro->transport);
	return bpf_ntohl(held->seq) + gro->held_payload == bpf_ntohl(new->seq) &&
	       held->ack == new->ack && held->doff == new->doff &&
	       !((held->flags ^ new->flags) & ~(FIN | PSH)) && held->window == new->window &&
	       same_words(ctx, gro->transport + sizeof(*new), gro->payload);
}

/* Whether both frames are of one flow. */
static __noinline int same_flows(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	__be32 *held, *new;

	if (!gro)
		return 0;
	/* The Ethernet header, which begins at an offset of another kind, and VLAN tags. */
	held = (__be32 *)gro->held;
	new = (__be32 *)gro->new;
	if (held[0] != new[0] || held[1] != new[1] || held[2] != new[2] ||
	    *(__be16 *)&held[3] != *(__be16 *)&new[3] || !same_words(ctx, 14, gro->network))
		return 0;
	FIND(ctx, gro, held, new, gro->transport);
	if (*held != *new)
		return 0;
	if (!gro->inner)
		return same_flow(ctx, gro->network, gro->transport, gro->version_outer);
	return same_flow(ctx, gro->network, gro->inner, gro->version_outer) &&
	       same_flow(ctx, gro->inner, gro->transport, gro->version_inner);
}

SEC("xdp")
int kernel_gro(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	int may_begin, is_next;
	struct tcp *held, *new;

	if (!gro || gro->version != GRO_VERSION)
		return GRO_PASS;
	/* Without room for it that is GRO_PASS. */
	FIND(ctx, gro, held, new, gro->transport);
	may_begin = gro->flags & GRO_TRUE_LENGTHS && gro->len && !(new->flags & LAST);
	if (!gro->segments)
		return may_begin ? GRO_HOLD : GRO_PASS;
	if (!same_flows(ctx))
		return GRO_OTHER_FLOW;
	if (!(gro->flags & GRO_TRUE_LENGTHS))
		return GRO_PASS;
	is_next = gro->len && gro->len <= gro->size && gro->held_len + gro->len < gro->limit &&
		  next_tcp(ctx) &&
		  next_ip(ctx, gro->network, gro->version_outer, gro->flags & GRO_FIXED_OUTER) &&
		  (!gro->inner || next_ip(ctx, gro->inner, gro->version_inner,
					  gro->flags & GRO_FIXED_INNER));
	if (!is_next)
		return may_begin ? GRO_HOLD : GRO_PASS;
	return new->flags & LAST || gro->len < gro->size ? GRO_MERGE_AND_END : GRO_MERGE;
}

char _license[] SEC("license") = "GPL";
