// SPDX-License-Identifier: GPL-2.0
/* Passes all frames, and counts those of TCP over IPv4 by where their headers end. */
#include "frame.h"

/* [0] all, [1] with something in further buffers, [2] of these where the first one has not
 * just the headers.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("xdp.frags")
int parted(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);
	__u64 first = end(ctx) - (void *)data;

	if ((void *)(data + 14 + 20 + 20) > end(ctx))
		return XDP_PASS;
	/* Without options of IP's. */
	if (data[12] != 8 || data[13] != 0 || data[14] != 0x45 || data[23] != 6)
		return XDP_PASS;

	count(0);
	if (bpf_xdp_get_buff_len(ctx) > first) {
		count(1);
		if (first != 14 + 20 + (data[46] >> 4) * 4)
			count(2);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
