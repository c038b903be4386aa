// SPDX-License-Identifier: GPL-2.0
/* Parses the five-tuple and looks it up in a hash: what is there is dropped. */
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tuple);
	__type(value, __u64);
} flows SEC(".maps");

SEC("xdp")
int lookup(struct xdp_md *ctx)
{
	struct tuple t;
	__u64 *hits;

	if (!parse(ctx, &t))
		return XDP_PASS;
	hits = bpf_map_lookup_elem(&flows, &t);
	if (!hits)
		return XDP_PASS;
	*hits += 1;
	return XDP_DROP;
}
