// SPDX-License-Identifier: GPL-2.0
/*
 * A connection table kept by the program itself: entries are made with
 * BPF_NOEXIST, replaced with BPF_EXIST, deleted on FIN and RST, and the table is
 * small enough to fill up. Each helper's answer is counted.
 */
#include "frame.h"

struct flow_key {
	__u8 src[16];
	__u8 dst[16];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 zero[3];
};

struct flow {
	__u64 packets;
	__u64 bytes;
	__u32 longest;
	__u32 generation;
};

enum { CREATED, CREATE_REFUSED, UPDATED, UPDATE_REFUSED, DELETED, DELETE_REFUSED, ANSWERS };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ANSWERS);
	__type(key, __u32);
	__type(value, __u64);
} answers SEC(".maps");

static __always_inline void count(__u32 answer)
{
	__u64 *value = bpf_map_lookup_elem(&answers, &answer);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("xdp")
int flow_table(struct xdp_md *ctx)
{
	__u32 length = end(ctx) - begin(ctx);
	struct flow_key key = {};
	struct flow new = {}, *flow;
	struct parsed p;
	__u8 *flags;

	ANSWER_MARKS(ctx);
	if (parse(ctx, &p) || !p.version)
		return XDP_PASS;
	__builtin_memcpy(key.src, p.src, 16);
	__builtin_memcpy(key.dst, p.dst, 16);
	key.sport = p.sport;
	key.dport = p.dport;
	key.proto = p.proto;

	flags = transport(ctx, &p) + 13;
	if (p.proto == IP_TCP && !p.fragment && (void *)(flags + 1) <= end(ctx) && *flags & 5) {
		count(bpf_map_delete_elem(&flows, &key) ? DELETE_REFUSED : DELETED);
		return XDP_PASS;
	}

	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow && flow->packets % 8 != 7) {
		__sync_fetch_and_add(&flow->packets, 1);
		flow->bytes += length;
		if (length > flow->longest)
			flow->longest = length;
		return XDP_PASS;
	}
	new.packets = 1;
	new.bytes = length;
	new.longest = length;
	if (flow) {
		new.packets = flow->packets + 1;
		new.bytes += flow->bytes;
		new.generation = flow->generation + 1;
	}
	/* Also asks for what can't be: replace what is absent, make what exists. */
	if (bpf_map_update_elem(&flows, &key, &new, BPF_EXIST))
		count(UPDATE_REFUSED);
	else
		count(UPDATED);
	if (bpf_map_update_elem(&flows, &key, &new, BPF_NOEXIST))
		count(CREATE_REFUSED);
	else
		count(CREATED);
	return bpf_map_lookup_elem(&flows, &key) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
