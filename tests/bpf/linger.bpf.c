// SPDX-License-Identifier: GPL-2.0
/*
 * Sends marks back where they came from, one kind of them after a long time, and lets everything
 * else pass: two of these have marks bounce for ever beside ordinary traffic.
 */
#include "frame.h"

#define P_MARK_AWAY	0x88b7
#define ROUNDS		100000

SEC("xdp")
int linger(struct xdp_md *ctx)
{
	struct eth *eth = begin(ctx);
	__u32 i;

	if ((void *)(eth + 1) > end(ctx))
		return XDP_DROP;
	switch (eth->proto) {
	case bpf_htons(P_MARK_TX):
		return XDP_TX;
	case bpf_htons(P_MARK_AWAY):
		for (i = 0; i < ROUNDS; i++)
			asm volatile("" : "+r"(i));
		return XDP_TX;
	default:
		return XDP_PASS;
	}
}

char _license[] SEC("license") = "GPL";
