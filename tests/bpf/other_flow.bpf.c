// SPDX-License-Identifier: GPL-2.0
/*
 * Makes other flows of datagrams of IPv4: the source port is the destination
 * port as well. Which checksum they have then does not matter here.
 */
#include "frame.h"

SEC("xdp")
int other_flow(struct xdp_md *ctx)
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
	ports[1] = ports[0];
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
