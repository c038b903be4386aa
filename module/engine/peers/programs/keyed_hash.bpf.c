// SPDX-License-Identifier: GPL-2.0
/*
 * SipHash-2-4 (Aumasson, Bernstein, 2012) of the five-tuple under a key: drops one
 * flow of 256.
 */
#include "packet.h"

#define KEY_0	0x0706050403020100ULL
#define KEY_1	0x0f0e0d0c0b0a0908ULL

static __always_inline __u64 rotated(__u64 word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static __always_inline void round(__u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] = rotated(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[2] = rotated(v[2], 32);
}

static __always_inline void word(__u64 v[4], __u64 word)
{
	v[3] ^= word;
	round(v);
	round(v);
	v[0] ^= word;
}

SEC("xdp")
int keyed_hash(struct xdp_md *ctx)
{
	__u64 v[4] = {
		KEY_0 ^ 0x736f6d6570736575ULL,
		KEY_1 ^ 0x646f72616e646f6dULL,
		KEY_0 ^ 0x6c7967656e657261ULL,
		KEY_1 ^ 0x7465646279746573ULL,
	};
	struct tuple t;
	int i;

	if (!parse(ctx, &t))
		return XDP_PASS;
	word(v, (__u64)t.dst << 32 | t.src);
	word(v, (__u64)t.proto << 32 | (__u32)t.dport << 16 | t.sport);
	/* The length of 16 bytes ends it. */
	word(v, 16ULL << 56);
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		round(v);
	return ((v[0] ^ v[1] ^ v[2] ^ v[3]) & 0xff) == 0 ? XDP_DROP : XDP_PASS;
}
