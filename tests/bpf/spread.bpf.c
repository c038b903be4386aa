// SPDX-License-Identifier: GPL-2.0
/*
 * Receive-side scaling as a program: has datagrams of IPv4 received by the queue
 * that the three lowest bits of their source port number, whether or not there
 * are as many; the rest is steered as ever.
 */
#include "frame.h"

#define QUEUES	8

SEC("xdp")
int spread(struct xdp_md *ctx)
{
	__be16 *ports = udp4_ports(ctx);

	if (ports)
		ctx->rx_queue_index = bpf_ntohs(ports[0]) % QUEUES;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
