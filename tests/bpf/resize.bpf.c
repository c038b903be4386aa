// SPDX-License-Identifier: GPL-2.0
/*
 * Cuts and grows frames at both ends by amounts that the frame itself names,
 * possible and impossible ones, and counts how often each was granted.
 */
#include "frame.h"

/* [0] tail granted, [1] tail refused, [2] head granted, [3] head refused. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} granted SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&granted, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/*
 * How far a frame may grow depends on the buffer that it lies in, so only the
 * head (whose room is fixed) grows here by amounts that can be granted.
 */
static __always_inline int head_delta(__u8 choice)
{
	switch (choice & 7) {
	case 0:
		return -128;
	case 1:
		return -216;	/* 256 bytes of headroom less a struct xdp_frame */
	case 2:
		return -217;
	case 3:
		return -300;
	case 4:
		return choice;	/* may leave less than an Ethernet header */
	default:
		return -(choice >> 3);
	}
}

SEC("xdp")
int resize(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);
	int tail, head;
	__u8 action;

	ANSWER_MARKS(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	/* The last bytes of both addresses choose. */
	tail = data[5] < 240 ? -(int)data[5] : 60000;
	head = head_delta(data[11]);
	action = data[10];

	count(bpf_xdp_adjust_tail(ctx, tail) ? 1 : 0);
	count(bpf_xdp_adjust_head(ctx, head) ? 3 : 2);

	data = begin(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	/* What a grown head holds is not defined: write all of it. */
	__builtin_memset(data, 0x02, 2 * ETH_ALEN);
	data[12] = 0x88;
	data[13] = 0xb7;
	if (head < 0) {
		__u32 i;

		for (i = sizeof(struct eth); i < 304; i++) {
			if (i >= -head || (void *)(data + i + 1) > end(ctx))
				break;
			data[i] = i;
		}
	}
	return action & 1 ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
