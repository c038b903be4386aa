// SPDX-License-Identifier: GPL-2.0
/*
 * Pushes and pops VLAN tags, and writes all that a classifier can read of its
 * context behind the frame.
 */
#include "classifier.h"

struct seen {
	__u32 len, pkt_type, mark, queue_mapping, protocol;
	__u32 vlan_present, vlan_tci, vlan_proto;
	__u32 priority, elsewhere, tc_index, tc_classid;
	__u32 gso_segs, gso_size, wire_len, scratch;
	__u32 pushed, popped;
};

static __always_inline void look(struct __sk_buff *skb, struct seen *seen)
{
	seen->len = skb->len;
	seen->pkt_type = skb->pkt_type;
	seen->mark = skb->mark;
	seen->queue_mapping = skb->queue_mapping;
	seen->protocol = skb->protocol;
	seen->vlan_present = skb->vlan_present;
	seen->vlan_tci = skb->vlan_tci;
	seen->vlan_proto = skb->vlan_proto;
	seen->priority = skb->priority;
	seen->elsewhere = skb->ingress_ifindex ^ skb->ifindex;
	seen->tc_index = skb->tc_index;
	seen->tc_classid = skb->tc_classid;
	seen->gso_segs = skb->gso_segs;
	seen->gso_size = skb->gso_size;
	seen->wire_len = skb->wire_len;
}

SEC("tc")
int tags(struct __sk_buff *skb)
{
	__u8 choice = byte_at(skb, 11), other = byte_at(skb, 10);
	struct seen seen = {};
	__u32 len;

	ANSWER_TC_MARKS(skb);
	look(skb, &seen);
	skb->cb[0] = choice;
	skb->cb[4] = other;
	switch (choice % 8) {
	case 0:
		seen.pushed = bpf_skb_vlan_push(skb, bpf_htons(P_VLAN), 100 + other);
		break;
	case 1:
		seen.pushed = bpf_skb_vlan_push(skb, bpf_htons(P_QINQ), 0x2000 | other);
		break;
	case 2:
		bpf_skb_vlan_push(skb, bpf_htons(P_VLAN), other);
		seen.pushed = bpf_skb_vlan_push(skb, bpf_htons(P_QINQ), 7);
		break;
	case 3:
		seen.popped = bpf_skb_vlan_pop(skb);
		break;
	case 4:
		bpf_skb_vlan_pop(skb);
		seen.popped = bpf_skb_vlan_pop(skb);
		break;
	case 5:
		bpf_skb_vlan_pop(skb);
		seen.pushed = bpf_skb_vlan_push(skb, bpf_htons(P_VLAN), 4000);
		break;
	default:
		break;
	}
	seen.scratch = skb->cb[0] << 8 | skb->cb[4];

	/* Before the change, and after it. */
	len = skb->len;
	if (len > 3000 || bpf_skb_change_tail(skb, len + 2 * sizeof(seen), 0))
		return TC_ACT_OK;
	bpf_skb_store_bytes(skb, len, &seen, sizeof(seen), 0);
	look(skb, &seen);
	bpf_skb_store_bytes(skb, len + sizeof(seen), &seen, sizeof(seen), 0);

	skb->mark = other % 3 ? 0 : choice * 0x01010101;
	skb->priority = other % 5 ? 0 : other;
	skb->tc_index = other % 7 ? 0 : choice;
	if (other % 11 == 0)
		skb->tc_classid = 0x4321;
	return other % 2 ? TC_ACT_OK : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
