// SPDX-License-Identifier: GPL-2.0
/*
 * Calls between functions of the program, four deep with arguments and a stack
 * of their own, and every atomic operation of the instruction set; what they
 * return goes into the frame, what they leave goes into the map.
 */
#include "frame.h"

struct cells {
	__u64 added;
	__u64 fetched;
	__u64 ored;
	__u64 anded;
	__u64 xored;
	__u64 exchanged;
	__u64 compared;
	__u32 added32;
	__u32 fetched32;
	__u32 exchanged32;
	__u32 compared32;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct cells);
} cells SEC(".maps");

static __noinline __u64 mix(__u64 a, __u64 b)
{
	volatile __u64 local = a * 0x9e3779b97f4a7c15ull;

	return local ^ b >> 7;
}

static __noinline __u64 twice(__u64 a, __u64 b, __u32 c)
{
	volatile __u64 kept = a + c;

	return mix(a, b) + mix(b, kept) + kept;
}

static __noinline __u64 atomics(struct cells *c, __u64 x)
{
	__u64 r = 0;

	__sync_fetch_and_add(&c->added, x);
	r += __sync_fetch_and_add(&c->fetched, x);
	r ^= __sync_fetch_and_or(&c->ored, x & 0x0f0f0f0f);
	r += __sync_fetch_and_and(&c->anded, ~(x & 0xff));
	r ^= __sync_fetch_and_xor(&c->xored, x);
	r += __sync_lock_test_and_set(&c->exchanged, x);
	r ^= __sync_val_compare_and_swap(&c->compared, c->compared & ~1ull, x | 1);
	__sync_fetch_and_add(&c->added32, (__u32)x);
	r += __sync_fetch_and_add(&c->fetched32, (__u32)x);
	r ^= __sync_lock_test_and_set(&c->exchanged32, (__u32)x);
	r += __sync_val_compare_and_swap(&c->compared32, 0, (__u32)x);
	return r;
}

static __noinline __u64 digest(struct xdp_md *ctx)
{
	__u64 sum = 0xcbf29ce484222325ull;
	__u8 *at = begin(ctx);
	int i;

	for (i = 0; i < 64; i++) {
		if ((void *)(at + i + 1) > end(ctx))
			break;
		sum = (sum ^ at[i]) * 0x100000001b3ull;
	}
	return twice(sum, sum << 3, i);
}

SEC("xdp")
int calls(struct xdp_md *ctx)
{
	struct cells *c;
	__u64 x, *out;
	__u32 key;

	ANSWER_MARKS(ctx);
	x = digest(ctx);
	key = x & 3;
	c = bpf_map_lookup_elem(&cells, &key);
	if (!c)
		return XDP_ABORTED;
	x = atomics(c, x);
	out = begin(ctx);
	if ((void *)(out + 1) > end(ctx))
		return XDP_ABORTED;
	*out = x & ~1ull;	/* keeps the address unicast */
	return x & 0x10 ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
