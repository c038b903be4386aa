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
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct eth *eth = data;
	struct ipv4 *ip = data + sizeof(*eth);
	__be16 *ports = data + sizeof(*eth) + sizeof(*ip);

	if ((void *)(ports + 2) > end || eth->proto != bpf_htons(P_IPV4))
		return XDP_PASS;
	if (ip->ihl_version != 0x45 || ip->proto != IP_UDP)
		return XDP_PASS;
	ctx->rx_queue_index = bpf_ntohs(ports[0]) % QUEUES;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
