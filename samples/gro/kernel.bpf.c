// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of GRO as Linux 7.2 has them, for TCP and UDP: a GRO program that says exactly what the
 * device does by itself, and a beginning for one that says something else.
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

/* Datagrams that are put together at most. */
#define MOST_DATAGRAMS	64

/* Protocols of transport headers. */
#define TCP		6
#define UDP		17

/* The flag of a GRE header that has a checksum, which is the second word of it. */
#define GRE_CSUM	0x8000

/* Words that two headers have, as far as there is room. */
#define MOST_WORDS	(GRO_HEADERS / 2)

struct ipv4 {
	__u8 ihl_version;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__be16 addresses[4];
};

struct ipv6 {
	__be16 flow[2];
	__be16 payload_len;
	__u8 next;
	__u8 hops;
	__be16 addresses[16];
};

struct tcp {
	__be16 ports[2];
	__be16 seq[2];
	__be16 ack[2];
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
 * Headers lie at even offsets, and so all is read as words of two bytes, or bytes. To say so changes
 * none, and tells the verifier of machines that want their words aligned, and how far at most.
 */
static __always_inline __u32 aligned(__u32 offset)
{
	return offset & (GRO_HEADERS - 2);
}

/* Two words that are one number. */
static __always_inline __u32 number(const __be16 *words)
{
	return (__u32)bpf_ntohs(words[0]) << 16 | bpf_ntohs(words[1]);
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
	for (i = 0; i < MOST_WORDS && from < to; i++, from += 2) {
		__be16 *held, *new;

		FIND(ctx, gro, held, new, from);
		if (*held != *new)
			return 0;
	}
	return 1;
}

/* Whether the bytes of an IP header that tell flows are the same; behind it comes what is at end. */
static __noinline int same_flow(struct xdp_md *ctx, __u32 at, __u32 end, __u32 version)
{
	struct offload_gro *gro = shown(ctx);

	if (!gro)
		return 0;
	if (version == 4) {
		struct ipv4 *held, *new;

		FIND(ctx, gro, held, new, at);
		return held->protocol == new->protocol &&
		       number(held->addresses) == number(new->addresses) &&
		       number(held->addresses + 2) == number(new->addresses + 2);
	} else {
		struct ipv6 *held, *new;

		FIND(ctx, gro, held, new, at);
		/* All but the traffic class, and all that is behind the hop limit. */
		return !((number(held->flow) ^ number(new->flow)) & 0xf00fffff) &&
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
		return !((number(held->flow) ^ number(new->flow)) & 0x0ff00000) &&
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
	return number(held->seq) + gro->held_payload == number(new->seq) &&
	       number(held->ack) == number(new->ack) && held->doff == new->doff &&
	       !((held->flags ^ new->flags) & ~(FIN | PSH)) && held->window == new->window &&
	       same_words(ctx, gro->transport + sizeof(*new), gro->payload);
}

/*
 * Whether what is between two IP headers is of one tunnel: all of it but the checksum, which has a word
 * of zeroes behind it.
 */
static __noinline int same_tunnel(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	__be16 *held, *new;
	__u32 skipped;

	if (!gro)
		return 0;
	FIND(ctx, gro, held, new, gro->tunnel);
	skipped = *new & bpf_htons(GRE_CSUM) ? 4 : 0;
	return same_words(ctx, gro->tunnel, gro->tunnel + 4) &&
	       same_words(ctx, gro->tunnel + 4 + skipped, gro->inner);
}

/* Whether both frames are of one flow. */
static __noinline int same_flows(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	__u32 end;

	if (!gro)
		return 0;
	/* The Ethernet header, VLAN tags, and ports. */
	if (!same_words(ctx, 0, gro->network) ||
	    !same_words(ctx, gro->transport, gro->transport + 4))
		return 0;
	if (!gro->inner)
		return same_flow(ctx, gro->network, gro->transport, gro->version_outer);
	end = gro->inner;
	if (gro->tunnel) {
		if (!same_tunnel(ctx))
			return 0;
		end = gro->tunnel;
	}
	return same_flow(ctx, gro->network, end, gro->version_outer) &&
	       same_flow(ctx, gro->inner, gro->transport, gro->version_inner);
}

/*
 * Whether one bit can say of both identifications of what is in GRE whether they are fixed: who cuts
 * it has no other.
 */
static __noinline int same_kind_of_ids(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	struct ipv4 *held, *new;
	int is_fixed;

	if (!gro)
		return 0;
	if (!gro->tunnel || gro->version_outer != 4 || gro->version_inner != 4)
		return 1;
	FIND(ctx, gro, held, new, gro->network);
	is_fixed = held->id == new->id;
	FIND(ctx, gro, held, new, gro->inner);
	return is_fixed == (held->id == new->id);
}

/* The flags of TCP. */
static __noinline int flags(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	struct tcp *held, *new;

	if (!gro || gro->protocol != TCP)
		return 0;
	FIND(ctx, gro, held, new, gro->transport);
	return new->flags;
}

SEC("xdp")
int kernel_gro(struct xdp_md *ctx)
{
	struct offload_gro *gro = shown(ctx);
	int may_begin, is_last, is_next;

	if (!gro || gro->version != GRO_VERSION)
		return GRO_PASS;
	is_last = flags(ctx) & LAST;
	may_begin = gro->flags & GRO_TRUE_LENGTHS && gro->len && !is_last;
	if (!gro->segments)
		return may_begin ? GRO_HOLD : GRO_PASS;
	if (!same_flows(ctx))
		return GRO_OTHER_FLOW;
	if (!(gro->flags & GRO_TRUE_LENGTHS))
		return GRO_PASS;
	is_next = gro->len && gro->len <= gro->size && gro->held_len + gro->len < gro->limit &&
		  (gro->protocol == UDP || next_tcp(ctx)) &&
		  next_ip(ctx, gro->network, gro->version_outer, gro->flags & GRO_FIXED_OUTER) &&
		  (!gro->inner || next_ip(ctx, gro->inner, gro->version_inner,
					  gro->flags & GRO_FIXED_INNER)) &&
		  same_kind_of_ids(ctx);
	if (!is_next)
		return may_begin ? GRO_HOLD : GRO_PASS;
	if (gro->protocol == UDP && gro->segments + 1 >= MOST_DATAGRAMS)
		is_last = 1;
	return is_last || gro->len < gro->size ? GRO_MERGE_AND_END : GRO_MERGE;
}

char _license[] SEC("license") = "GPL";
