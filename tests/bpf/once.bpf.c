// SPDX-License-Identifier: GPL-2.0
/* Counts in the frame itself how often it has met the program. */
#include "frame.h"

/* The experimental EtherType after the two of the marks: frames that are counted in. */
#define P_ONCE 0x88b7

SEC("xdp")
int once(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);

	ANSWER_MARKS(ctx);
	if ((void *)(data + 60) > end(ctx))
		return XDP_PASS;
	if (data[12] == P_ONCE >> 8 && data[13] == (P_ONCE & 0xff))
		data[20]++;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
