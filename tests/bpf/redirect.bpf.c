// SPDX-License-Identifier: GPL-2.0
/*
 * Sends frames out by other interfaces: one that exists, one that does not, the
 * one that they came in by, with flags, changed and not. Counts what
 * bpf_redirect() returns.
 */
#include "frame.h"

/* Ends a batch like the other marks: leaves by the first target. */
#define P_MARK_AWAY	0x88b7

/* [0] another interface, [1] none, [2] the one that the frames come in by. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

/* How often bpf_redirect() returned XDP_ABORTED, XDP_REDIRECT, anything else. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} returned SEC(".maps");

static __always_inline int redirect(__u32 which, __u64 flags)
{
	__u32 *target = bpf_map_lookup_elem(&targets, &which);
	__u64 *count;
	int result;

	if (!target)
		return XDP_ABORTED;
	result = bpf_redirect(*target, flags);
	which = result == XDP_ABORTED ? 0 : result == XDP_REDIRECT ? 1 : 2;
	count = bpf_map_lookup_elem(&returned, &which);
	if (count)
		__sync_fetch_and_add(count, 1);
	return result;
}

SEC("xdp")
int redirect_frames(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);
	__u32 i;

	ANSWER_MARKS(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	if (((struct eth *)data)->proto == bpf_htons(P_MARK_AWAY))
		return redirect(0, 0);

	switch (data[11] % 10) {
	case 0:
	case 1:
		return redirect(0, 0);
	case 2:
		/* Changed on its way, and another start. */
		if (bpf_xdp_adjust_head(ctx, -12))
			return XDP_ABORTED;
		data = begin(ctx);
		if ((void *)(data + sizeof(struct eth)) > end(ctx))
			return XDP_ABORTED;
		for (i = 0; i < sizeof(struct eth); i++)
			data[i] = 2 * i;
		return redirect(0, 0);
	case 3:
		return redirect(1, 0);
	case 4:
		return redirect(2, 0);
	case 5:
		return redirect(0, data[10] % 2 ? 1 : 1ULL << 40);
	case 6:
		/* The last one counts. */
		redirect(1, 0);
		return redirect(0, 0);
	case 7:
		/* Nothing was named. */
		return XDP_REDIRECT;
	case 8:
		return XDP_TX;
	default:
		return XDP_PASS;
	}
}

char _license[] SEC("license") = "GPL";
