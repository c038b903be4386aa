// SPDX-License-Identifier: GPL-2.0
/*
 * Counts frames and bytes by protocol, and answers with every number that means
 * something to a filter and with some that mean nothing.
 */
#include "classifier.h"

struct count {
	__u64 frames;
	__u64 bytes;
};

/* By protocol, as the stack sees it, and by the answer. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct count);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct count);
} answers SEC(".maps");

static __always_inline void add(struct count *count, __u32 len)
{
	if (count) {
		__sync_fetch_and_add(&count->frames, 1);
		__sync_fetch_and_add(&count->bytes, len);
	}
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	__u32 choice = byte_at(skb, 11) % 16, protocol;
	struct count none = {};

	ANSWER_TC_MARKS(skb);
	protocol = skb->protocol;
	bpf_map_update_elem(&protocols, &protocol, &none, BPF_NOEXIST);
	add(bpf_map_lookup_elem(&protocols, &protocol), skb->len);
	add(bpf_map_lookup_elem(&answers, &choice), skb->len);

	switch (choice) {
	case 0:
	case 1:
	case 2:
		return TC_ACT_OK;
	case 3:
	case 4:
	case 5:
		return TC_ACT_UNSPEC;
	case 6:
		return TC_ACT_SHOT;
	case 7:
		return TC_ACT_STOLEN;
	case 8:
		return TC_ACT_TRAP;
	case 9:
		return TC_ACT_REDIRECT;	/* to nowhere */
	case 10:
		return TC_ACT_RECLASSIFY;
	case 11:
		return TC_ACT_PIPE;
	case 12:
		return TC_ACT_QUEUED;
	case 13:
		return 0x7fffffff;
	case 14:
		return -2;
	default:
		return 9;
	}
}

char _license[] SEC("license") = "GPL";
