// SPDX-License-Identifier: GPL-2.0
/*
 * Marks some segments of each TCP flow, by a bit of their sequence number that is
 * as good as random, and counts both kinds.
 */
#include "classifier.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} marks SEC(".maps");

SEC("tc")
int mark(struct __sk_buff *skb)
{
	__u32 is_marked = 0;
	__u64 *count;

	if (skb->protocol != bpf_htons(P_IPV4) || byte_at(skb, 23) != IP_TCP)
		return TC_ACT_UNSPEC;
	/* The headers have no options of IP here. */
	is_marked = byte_at(skb, 40) & 1;
	count = bpf_map_lookup_elem(&marks, &is_marked);
	if (count)
		__sync_fetch_and_add(count, 1);
	skb->mark = is_marked;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
