// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that may lie in several buffers: reads and changes them wherever their
 * bytes are, cuts and grows their ends, and counts their lengths.
 */
#include "frame.h"

/* [0] frames, [1] bytes before, [2] bytes after, [3] sum of the last bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sums SEC(".maps");

static __always_inline void add(__u32 which, __u64 number)
{
	__u64 *value = bpf_map_lookup_elem(&sums, &which);

	if (value)
		__sync_fetch_and_add(value, number);
}

SEC("xdp.frags")
int frags(struct xdp_md *ctx)
{
	__u64 len = bpf_xdp_get_buff_len(ctx);
	__u8 *data = begin(ctx);
	__u8 last = 0, choice;

	ANSWER_MARKS(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	choice = data[11];

	add(0, 1);
	add(1, len);
	if (bpf_xdp_load_bytes(ctx, len - 1, &last, 1))
		return XDP_ABORTED;
	add(3, last);
	last ^= 0x5a;
	if (bpf_xdp_store_bytes(ctx, len - 1, &last, 1))
		return XDP_ABORTED;
	if (choice % 3 == 0)
		bpf_xdp_adjust_tail(ctx, -(int)(len / 2));
	else if (choice % 3 == 1)
		bpf_xdp_adjust_tail(ctx, 16);
	add(2, bpf_xdp_get_buff_len(ctx));

	return choice & 4 ? XDP_TX : choice & 8 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
