// SPDX-License-Identifier: GPL-2.0
/* Stamps frames with 'B'. */
#include "stamp.h"

SEC("xdp")
int stamp_b(struct xdp_md *ctx)
{
	return stamp(ctx, 'B');
}

char _license[] SEC("license") = "GPL";
