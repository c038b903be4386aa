/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of both firewalls: rules looked up by source address, destination
 * port and protocol, and what became of the frames.
 */
#ifndef OFFLOAD_TESTS_FIREWALL_H
#define OFFLOAD_TESTS_FIREWALL_H

#include "frame.h"

struct rule_key {
	__u8 src[16];		/* IPv4 as ::ffff:a.b.c.d */
	__be16 dport;		/* network byte order; 0 where there is no port */
	__u8 proto;
	__u8 zero;
};

struct count {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct rule_key);
	__type(value, struct count);
} rules SEC(".maps");

/* Indexed by the program's verdict: XDP_ABORTED 0, XDP_DROP 1, XDP_PASS 2. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct count);
} verdicts SEC(".maps");

static __always_inline void add(struct count *count, __u64 bytes)
{
	__sync_fetch_and_add(&count->packets, 1);
	__sync_fetch_and_add(&count->bytes, bytes);
}

/* Counts the verdict and gives it back. */
static __always_inline int verdict(struct xdp_md *ctx, __u32 action)
{
	struct count *count = bpf_map_lookup_elem(&verdicts, &action);

	if (count)
		add(count, end(ctx) - begin(ctx));
	return action;
}

/* The rule that names this frame, or NULL. */
static __always_inline struct count *matching_rule(const struct parsed *p)
{
	struct rule_key key = {};

	__builtin_memcpy(key.src, p->src, 16);
	key.dport = p->dport;
	key.proto = p->proto;
	return bpf_map_lookup_elem(&rules, &key);
}

#endif
