// SPDX-License-Identifier: GPL-2.0
/* 1,000 arithmetic instructions in a row, which the compiler can't shorten. */
#include "packet.h"

#define ROUND							\
	"r2 += r3\n"						\
	"r3 ^= 23130\n"						\
	"r4 *= r2\n"						\
	"r4 >>= 3\n"						\
	"w3 -= w4\n"						\
	"r2 &= 65535\n"						\
	"r0 |= r4\n"						\
	"w0 += 1\n"
#define FIVE ROUND ROUND ROUND ROUND ROUND
#define TWENTY_FIVE FIVE FIVE FIVE FIVE FIVE

SEC("xdp")
int straight(struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data, result;

	asm volatile("r2 = %[bytes]\nr3 = 5\nr4 = 7\nr0 = 0\n"
		     TWENTY_FIVE TWENTY_FIVE TWENTY_FIVE TWENTY_FIVE TWENTY_FIVE
		     "%[result] = r0\n"
		     : [result] "=r"(result) : [bytes] "r"(bytes) : "r0", "r2", "r3", "r4");
	return result ? XDP_DROP : XDP_PASS;
}
