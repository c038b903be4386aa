/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a GSO program is shown, and what it makes of it.
 *
 * It is an XDP program, and its packet is a struct offload_gso. It is asked about each segment of a
 * super-frame: of the headers of the super-frame, as the stack has made them, it makes those of the
 * segment, where they are, and returns XDP_PASS. Checksums are not its business: who runs it fills
 * them all in.
 *
 * The device makes the headers, too, by the rules of the kernel's GSO, and has the program's only if
 * they are the same but for what these rules leave open: the identification of an IPv4 header with
 * the flag "don't fragment". That may be any number, as nobody puts such packets together from
 * fragments (RFC 6864); the kernel calls it mangled (NETIF_F_TSO_MANGLEID). Whatever else a program
 * writes or returns, no byte on the wire is another one: tx_gso_prog_overruled and
 * tx_gso_prog_faults count such segments.
 */
#ifndef OFFLOAD_GSO_H
#define OFFLOAD_GSO_H

#include <linux/types.h>

#define GSO_VERSION	1
#define GSO_HEADERS	256

/* Flags. */
#define GSO_FIRST	1	/* the segment is the first one */
#define GSO_LAST	2	/* and the last one */
#define GSO_FIXED_OUTER	4	/* the first IPv4 header has the same identification in all segments */
#define GSO_FIXED_INNER	8	/* so does the second one */
#define GSO_KEEP_CWR	16	/* CWR stays in all segments (accurate ECN), else in the first one */

/*
 * Numbers are the processor's, headers as on the wire, with zeroes behind them. Offsets are even.
 * Of frames with more headers than there is room for nobody is asked.
 */
struct offload_gso {
	__u32 version;		/* GSO_VERSION */
	__u32 index;		/* the number of the segment, from 0 on */
	__u32 segments;		/* how many there are */
	__u32 before;		/* bytes that the ones before carry */
	__u32 len;		/* bytes that this one carries */
	__u32 whole;		/* bytes that all carry */
	__u32 size;		/* bytes that each but the last carries, 0 if they differ */
	__u32 flags;
	__u16 network;		/* offset of the first IP header */
	__u16 inner;		/* offset of the second one, 0 if there is none */
	__u16 transport;	/* offset of the TCP, UDP or SCTP header */
	__u16 payload;		/* length of all headers */
	__u16 tunnel;		/* offset of the header of UDP or GRE between IP headers, 0 if there is none */
	__u8 version_outer;	/* 4 or 6 */
	__u8 version_inner;	/* 4 or 6, 0 if there is none */
	__u8 protocol;		/* of the transport header: 6, 17 or 132 */
	__u8 tunnel_protocol;	/* of the one between IP headers: 17 or 47, 0 if there is none */
	__u8 reserved[18];
	__u8 headers[GSO_HEADERS];
};

#endif
