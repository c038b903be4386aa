// SPDX-License-Identifier: GPL-2.0
/* Walks over the options of TCP: drops what has a maximum segment size that is too small. */
#include "packet.h"

#define OPTIONS_LEN	40	/* the most bytes that they can have */
#define SMALLEST	536

enum { END, NOP, MSS };

SEC("xdp")
int options(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u16 segment = 0xffff;
	__u8 *tcp, *at;
	int left, i;

	if ((void *)(ip + 1) > data_end)
		return XDP_DROP;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl < 5 || ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 20) > data_end)
		return XDP_DROP;
	left = (tcp[12] >> 4) * 4 - 20;
	at = tcp + 20;
	for (i = 0; i < OPTIONS_LEN && left > 0; i++) {
		__u32 len = 1;

		if ((void *)(at + 1) > data_end || *at == END)
			break;
		if (*at != NOP) {
			if ((void *)(at + 2) > data_end || at[1] < 2)
				return XDP_DROP;
			len = at[1];
			if (*at == MSS && len == 4 && (void *)(at + 4) <= data_end)
				segment = at[2] << 8 | at[3];
		}
		at += len;
		left -= len;
	}
	return segment < SMALLEST ? XDP_DROP : XDP_PASS;
}
