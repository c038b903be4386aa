// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_csum_diff() over pieces of the frame, the stack and a map's value, of any
 * size, with and without a counterpart. Each result is the seed of the next
 * call, so that the last one depends on them all; it goes into the frame.
 */
#include "frame.h"

#define PIECE 64

struct piece {
	__u8 bytes[PIECE];
};

/* What the last frame had at the same place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} last SEC(".maps");

/* How often each kind of call gave 0, all ones, anything else. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 24);
	__type(key, __u32);
	__type(value, __u64);
} results SEC(".maps");

static __always_inline void count(__u32 kind, __u32 sum)
{
	__u32 which = kind * 3 + (sum == 0 ? 0 : sum == 0xffff ? 1 : 2);
	__u64 *value = bpf_map_lookup_elem(&results, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("xdp")
int csum_diff(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx), *data_end = end(ctx);
	struct piece now = {}, *before;
	__u32 zero = 0, seed, size, i;
	__s64 sum;

	ANSWER_MARKS(ctx);
	if (data + sizeof(struct eth) > data_end)
		return XDP_ABORTED;
	/* The last bytes of the addresses choose size and seed. */
	size = data[5] & (PIECE - 1);
	seed = data[11] < 32 ? 0 : data[11] < 64 ? 0xffffffff : *(__u32 *)(data + 2);
	for (i = 0; i < PIECE; i++) {
		__u8 *byte = data + sizeof(struct eth) + i;

		if (byte + 1 > data_end)
			break;
		now.bytes[i] = *byte;
	}
	before = bpf_map_lookup_elem(&last, &zero);
	if (!before)
		return XDP_ABORTED;

	sum = bpf_csum_diff(0, 0, 0, 0, seed);
	count(0, sum);
	sum = bpf_csum_diff(0, 0, (__be32 *)&now, size, sum);
	count(1, sum);
	sum = bpf_csum_diff((__be32 *)before, size, 0, 0, ~sum);
	count(2, sum);
	sum = bpf_csum_diff((__be32 *)before, sizeof(now), (__be32 *)&now, size,
			    sum ^ seed);
	count(3, sum);
	/* Something against itself, which is one of the zeros. */
	sum = bpf_csum_diff((__be32 *)&now, size, (__be32 *)&now, size,
			    data[10] & 1 ? 0 : sum);
	count(4, sum);
	if (data + 1 + PIECE <= data_end) {
		/* Also where nothing is aligned. */
		sum = bpf_csum_diff((__be32 *)before, size,
				    (__be32 *)(data + 1), size, sum);
		count(5, sum);
		sum = bpf_csum_diff((__be32 *)data, PIECE, (__be32 *)(data + 1),
				    size, sum);
		count(6, sum);
	}
	if (data + 600 <= data_end) {
		sum = bpf_csum_diff(0, 0, (__be32 *)data, 600, sum);
		count(7, sum);
	}

	__builtin_memcpy(before, &now, sizeof(now));
	data[9] = sum >> 8;
	data[11] = sum;
	return sum & 1 ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
