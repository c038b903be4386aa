// SPDX-License-Identifier: GPL-2.0
/* Stamps frames with 'A'. */
#include "stamp.h"

SEC("xdp")
int stamp_a(struct xdp_md *ctx)
{
	return stamp(ctx, 'A');
}

char _license[] SEC("license") = "GPL";
