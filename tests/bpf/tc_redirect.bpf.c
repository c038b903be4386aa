// SPDX-License-Identifier: GPL-2.0
/*
 * Sends frames out by other interfaces: one that exists, one that does not, the
 * one that they came in by; changed, with and without a tag.
 */
#include "classifier.h"

/* [0] another interface, [1] none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

/* How often bpf_redirect() returned TC_ACT_REDIRECT, and anything else. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} returned SEC(".maps");

static __always_inline int redirect(__u32 which, __u64 flags)
{
	__u32 *target = bpf_map_lookup_elem(&targets, &which);
	__u64 *count;
	int result;

	if (!target)
		return TC_ACT_SHOT;
	result = bpf_redirect(*target, flags);
	which = result != TC_ACT_REDIRECT;
	count = bpf_map_lookup_elem(&returned, &which);
	if (count)
		__sync_fetch_and_add(count, 1);
	return result;
}

SEC("tc")
int redirect_frames(struct __sk_buff *skb)
{
	__u8 a = byte_at(skb, 11), b = byte_at(skb, 10);

	ANSWER_TC_MARKS(skb);
	if (skb->protocol == bpf_htons(P_MARK_AWAY))
		return redirect(0, 0);
	switch (a % 10) {
	case 0:
	case 1:
		return redirect(0, 0);
	case 2:
		bpf_skb_vlan_push(skb, bpf_htons(P_VLAN), 100 + b);
		return redirect(0, 0);
	case 3:
		bpf_skb_vlan_pop(skb);
		return redirect(0, 0);
	case 4:
		return redirect(1, 0);
	case 5:
		/* The last one counts. */
		redirect(1, 0);
		return redirect(0, 0);
	case 6:
		/* Named, but not asked for. */
		redirect(0, 0);
		return TC_ACT_OK;
	case 7:
		return redirect(0, 2);
	case 8:
		return bpf_redirect(skb->ifindex, 0);
	default:
		return TC_ACT_UNSPEC;
	}
}

char _license[] SEC("license") = "GPL";
