/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program that leaves its mark in two places of a UDP frame, far apart in its
 * own code, so that a mixture of two programs would show.
 */
#ifndef OFFLOAD_TESTS_STAMP_H
#define OFFLOAD_TESTS_STAMP_H

#include "frame.h"

/* The experimental EtherType after the two of the marks: frames to be stamped. */
#define P_STAMP 0x88b7

static __always_inline int stamp(struct xdp_md *ctx, __u8 mark)
{
	__u8 *data = begin(ctx);
	__u32 sum = 0;
	int i;

	ANSWER_MARKS(ctx);
	if ((void *)(data + 60) > end(ctx))
		return XDP_PASS;
	if (data[12] != P_STAMP >> 8 || data[13] != (P_STAMP & 0xff))
		return XDP_PASS;
	data[20] = mark;
	for (i = 30; i < 60; i++)
		sum += data[i];
	data[21] = sum;
	data[40] = mark;
	return XDP_PASS;
}

#endif
