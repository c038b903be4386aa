// SPDX-License-Identifier: GPL-2.0
/* Drops every packet. */
#include "packet.h"

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}
