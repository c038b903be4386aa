// SPDX-License-Identifier: GPL-2.0
/*
 * Cuts and grows frames at both ends by amounts that the frame itself names,
 * possible and impossible ones, and counts what was granted.
 */
#include "classifier.h"

/* [0] tail granted, [1] refused, [2] head granted, [3] refused, [4] pull, [5] refused. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 6);
	__type(key, __u32);
	__type(value, __u64);
} granted SEC(".maps");

static __always_inline void count(__u32 which, long result)
{
	__u64 *value;

	which = which * 2 + (result ? 1 : 0);
	value = bpf_map_lookup_elem(&granted, &which);
	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("tc")
int resize(struct __sk_buff *skb)
{
	__u8 a = byte_at(skb, 5), b = byte_at(skb, 10), c = byte_at(skb, 11);
	__u32 len = skb->len, head;
	__u8 *data;

	ANSWER_TC_MARKS(skb);
	switch (c % 4) {
	case 0:
		/*
		 * Less than a header now and then, but not as little as the kernel
		 * grants for tagged frames though its own stack can't take it.
		 */
		count(0, bpf_skb_change_tail(skb, len > a + 14 ? len - a : a % 10, 0));
		break;
	case 1:
		count(0, bpf_skb_change_tail(skb, len + b, 0));
		break;
	case 2:
		count(0, bpf_skb_change_tail(skb, b % 2 ? 100000 : 20, 0));
		break;
	default:
		count(2, bpf_skb_pull_data(skb, b % 3 ? 0 : b * 64));
		break;
	}

	head = c & 16 ? 14 : c & 32 ? b : 0;
	if (head) {
		if (b % 16 == 15)
			head = 70000;
		count(1, bpf_skb_change_head(skb, head, 0));
	}
	data = begin(skb);
	if ((void *)(data + sizeof(struct eth)) > end(skb))
		return TC_ACT_OK;
	/* The new bytes are zeros, and a bridge would not take them. */
	if (head) {
		__builtin_memset(data, 0x02, 2 * ETH_ALEN);
		data[12] = 0x88;
		data[13] = 0xb9;
	}
	return b & 1 ? TC_ACT_UNSPEC : TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
