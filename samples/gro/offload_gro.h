/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a GRO program is shown, and what it says.
 *
 * It is an XDP program that only reads, and its packet is a struct offload_gro. It is asked about
 * each frame that GRO would hold, or put behind one that it holds, and says what becomes of the
 * two. What it says may narrow what the kernel's rules permit and never widens it: whatever it
 * returns, no frame is lost or changed. (What would have been too much counts as Pass or Hold, in
 * rx_gro_prog_overruled.)
 */
#ifndef OFFLOAD_GRO_H
#define OFFLOAD_GRO_H

#include <linux/types.h>

#define GRO_VERSION	1
#define GRO_HEADERS	256

/* What a program returns. */
enum gro_verdict {
	/* The new frame goes up by itself, and what is held of its flow before it. */
	GRO_PASS,
	/* What is held is of another flow. */
	GRO_OTHER_FLOW,
	/* The new frame goes behind what is held, */
	GRO_MERGE,
	/* and that goes up. */
	GRO_MERGE_AND_END,
	/* The new frame is held, and what was held of its flow goes up. */
	GRO_HOLD,
};

/* Flags. */
#define GRO_TRUE_LENGTHS	1	/* the new frame is as long as its headers say; UDP has a checksum */
#define GRO_FIXED_OUTER		2	/* all that is held has one identification in its first header */
#define GRO_FIXED_INNER		4	/* and in its second one */

/*
 * Numbers are the processor's, headers as on the wire. The headers of both frames lie in the same
 * places, at even offsets, which are multiples of four inside Ethernet inside GRE alone. Where
 * nothing is held, and a program says whether the new frame is to be, all of "held" is zeroes.
 */
struct offload_gro {
	__u32 version;		/* GRO_VERSION */
	__u32 segments;		/* held: how many, 0 for nothing */
	__u32 held_len;		/* held: bytes behind the Ethernet header */
	__u32 held_payload;	/* held: bytes that these carry */
	__u32 size;		/* held: what the first segment carries */
	__u32 limit;		/* packets stay shorter than this, counted as held_len */
	__u32 len;		/* what the new frame carries */
	__u32 flags;
	__u16 network;		/* offset of the first IP header */
	__u16 inner;		/* offset of the second one, 0 if there is none */
	__u16 transport;	/* offset of the TCP or UDP header */
	__u16 payload;		/* offset of what the new frame carries */
	__u16 held_header;	/* the same of the frame that is held */
	__u8 version_outer;	/* 4 or 6 */
	__u8 version_inner;	/* 4 or 6, 0 if there is none */
	__u8 protocol;		/* of the transport header: 6 or 17 */
	__u8 padding;
	__u16 tunnel;		/* offset of the GRE header between the IP headers, 0 if there is none */
	__u8 reserved[16];
	__u8 held[GRO_HEADERS];
	__u8 new[GRO_HEADERS];
};

#endif
