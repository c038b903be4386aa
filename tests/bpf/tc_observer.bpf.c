// SPDX-License-Identifier: GPL-2.0
/*
 * Runs on the host, where frames leave a bridge: writes what the stack knows of
 * a frame beside its bytes behind it.
 */
#include "classifier.h"

struct beside {
	__u32 mark, priority, tc_index, protocol, queue_mapping, pkt_type;
};

SEC("tc")
int observe(struct __sk_buff *skb)
{
	__u32 len = skb->len, protocol = skb->protocol;
	struct beside beside = {
		.mark = skb->mark,
		.priority = skb->priority,
		.tc_index = skb->tc_index,
		.protocol = protocol,
		.queue_mapping = skb->queue_mapping,
		.pkt_type = skb->pkt_type,
	};

	/* The frames that end a batch stay as they are. */
	if (protocol == bpf_htons(P_MARK_PASS) || protocol == bpf_htons(P_MARK_TX) ||
	    protocol == bpf_htons(P_MARK_AWAY))
		return TC_ACT_OK;
	if (bpf_skb_change_tail(skb, len + sizeof(beside), 0))
		return TC_ACT_OK;
	bpf_skb_store_bytes(skb, len, &beside, sizeof(beside), 0);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
