// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic whose corners matter (division by zero, shifts by the width and
 * more, signed compares, byte swaps, 32-bit halves), fed with the frame's bytes;
 * the result replaces the source address.
 */
#include "frame.h"

/* What the compiler must not foresee. */
#define opaque(x, c) asm volatile("" : "+" c(x))

static __noinline __u64 wide(__u64 a, __u64 b)
{
	__u64 r = a;

	opaque(b, "r");
	asm volatile("%0 /= %1" : "+r"(r) : "r"(b));
	r ^= a * b;
	asm volatile("%0 %%= %1" : "+r"(r) : "r"(b & 0xff));
	r += a;
	asm volatile("%0 <<= %1" : "+r"(r) : "r"(b & 63));
	r ^= a >> (b & 63);
	asm volatile("%0 s>>= %1" : "+r"(r) : "r"(a & 63));
	if ((__s64)a < (__s64)b)
		r = -r;
	r ^= __builtin_bswap64(a) + __builtin_bswap32(b) + __builtin_bswap16(a);
	if ((__s64)r > (__s64)(a ^ b))
		r += 0x123456789ull;
	return r;
}

static __noinline __u64 narrow(__u32 a, __u32 b)
{
	__u32 r = a;

	opaque(b, "w");
	asm volatile("%0 /= %1" : "+w"(r) : "w"(b));
	r ^= a * b;
	asm volatile("%0 %%= %1" : "+w"(r) : "w"(b & 7));
	r += a;
	asm volatile("%0 <<= %1" : "+w"(r) : "w"(b & 31));
	r ^= a >> (b & 31);
	asm volatile("%0 s>>= %1" : "+w"(r) : "w"(a & 31));
	if ((__s32)a <= (__s32)b)
		r = -r;
	if ((__s32)r >= (__s32)(a - b))
		r ^= 0x55aa55aa;
	return r;
}

SEC("xdp")
int arithmetic(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);
	__u64 a, b, r;

	ANSWER_MARKS(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	a = *(__u32 *)data | (__u64)*(__u32 *)(data + 6) << 32;
	b = *(__u16 *)(data + 4) | (__u64)data[10] << 32;
	if (data[11] & 1)
		b = 0;
	if (data[11] & 2)
		a = 1ull << 63;
	if (data[11] & 4)
		b = ~0ull;
	r = wide(a, b) + narrow(a, b) + ((__u64)narrow(b, a >> 32) << 32);
	*(__u32 *)(data + 6) = r;
	*(__u16 *)(data + 10) = r >> 48;
	return (r >> 32) & 1 ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
