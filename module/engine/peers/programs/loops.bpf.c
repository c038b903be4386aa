// SPDX-License-Identifier: GPL-2.0
/* A loop of 100 rounds in a loop of 100 rounds. */
#include "packet.h"

SEC("xdp")
int loops(struct xdp_md *ctx)
{
	__u64 sum = 0;
	int i, j;

	for (i = 0; i < 100; i++) {
		for (j = 0; j < 100; j++) {
			sum += j;
			/* The sum is not known beforehand to the compiler. */
			asm volatile("" : "+r"(sum));
		}
	}
	return sum == 495000 ? XDP_DROP : XDP_PASS;
}
