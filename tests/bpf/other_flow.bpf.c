// SPDX-License-Identifier: GPL-2.0
/*
 * Makes other flows of datagrams of IPv4: the source port is the destination
 * port as well. Which checksum they have then does not matter here.
 */
#include "frame.h"

SEC("xdp")
int other_flow(struct xdp_md *ctx)
{
	__be16 *ports = udp4_ports(ctx);

	if (ports)
		ports[1] = ports[0];
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
