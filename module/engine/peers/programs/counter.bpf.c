// SPDX-License-Identifier: GPL-2.0
/* Counts packets and bytes with two atomic additions. */
#include "packet.h"

struct total {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct total);
} totals SEC(".maps");

SEC("xdp")
int counter(struct xdp_md *ctx)
{
	__u64 bytes = ctx->data_end - ctx->data;
	__u32 index = 0;
	struct total *total = bpf_map_lookup_elem(&totals, &index);

	if (!total)
		return XDP_ABORTED;
	__sync_fetch_and_add(&total->packets, 1);
	__sync_fetch_and_add(&total->bytes, bytes);
	return XDP_DROP;
}
