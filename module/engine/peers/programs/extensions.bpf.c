// SPDX-License-Identifier: GPL-2.0
/* Walks over the extension headers of IPv6: drops fragments, and what has too many of them. */
#include "packet.h"

#define MOST	8

SEC("xdp")
int extensions(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct ipv6hdr *ip = (void *)(eth + 1);
	__u8 *at = (void *)(ip + 1);
	__u8 next;
	int i;

	if ((void *)(ip + 1) > data_end)
		return XDP_DROP;
	if (eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	next = ip->nexthdr;
	for (i = 0; i < MOST; i++) {
		__u32 len;

		if ((void *)(at + 8) > data_end)
			return XDP_DROP;
		len = at[1];
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			len = (len + 1) * 8;
			break;
		case IPPROTO_AH:
			len = (len + 2) * 4;
			break;
		case IPPROTO_FRAGMENT:
			return XDP_DROP;
		default:
			return XDP_PASS;
		}
		next = *at;
		at += len;
	}
	return XDP_DROP;
}
