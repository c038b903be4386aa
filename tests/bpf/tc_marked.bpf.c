// SPDX-License-Identifier: GPL-2.0
/* Counts TCP segments, merged or not, by their mark. */
#include "classifier.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} marks SEC(".maps");

SEC("tc")
int count_marks(struct __sk_buff *skb)
{
	__u32 is_marked = skb->mark & 1;
	__u64 *count;

	if (skb->protocol != bpf_htons(P_IPV4) || byte_at(skb, 23) != IP_TCP)
		return TC_ACT_UNSPEC;
	count = bpf_map_lookup_elem(&marks, &is_marked);
	if (count)
		__sync_fetch_and_add(count, 1);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
