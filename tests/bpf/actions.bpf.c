// SPDX-License-Identifier: GPL-2.0
/*
 * Answers with whatever the frame asks for: the four verdicts, XDP_ABORTED, and
 * numbers that are none.
 */
#include "frame.h"

SEC("xdp")
int actions(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);

	ANSWER_MARKS(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	switch (data[11] % 8) {
	case 0:
		return XDP_ABORTED;
	case 1:
		return XDP_DROP;
	case 2:
	case 3:
		return XDP_PASS;
	case 4:
		return XDP_TX;
	case 5:
		return 5;
	case 6:
		return data[10] + 100;
	default:
		return -1;
	}
}

char _license[] SEC("license") = "GPL";
