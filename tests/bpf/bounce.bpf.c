// SPDX-License-Identifier: GPL-2.0
/* Sends everything back where it came from; two of these bounce for ever. */
#include "frame.h"

SEC("xdp")
int bounce(struct xdp_md *ctx)
{
	struct eth *eth = begin(ctx);

	if ((void *)(eth + 1) > end(ctx))
		return XDP_DROP;
	swap_macs(eth);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
