// SPDX-License-Identifier: GPL-2.0
/* Passes everything; its map is small enough for a test to fill it. */
#include "frame.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} small SEC(".maps");

SEC("xdp")
int small_map(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *value;

	ANSWER_MARKS(ctx);
	value = bpf_map_lookup_elem(&small, &key);
	if (value)
		__sync_fetch_and_add(value, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
