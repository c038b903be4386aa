/* SPDX-License-Identifier: GPL-2.0 */
/* As stamp.h, for classifiers. */
#ifndef OFFLOAD_TESTS_TC_STAMP_H
#define OFFLOAD_TESTS_TC_STAMP_H

#include "classifier.h"

/* The experimental EtherType after the two of the marks: frames to be stamped. */
#define P_STAMP 0x88b7

static __always_inline int stamp(struct __sk_buff *skb, __u8 mark)
{
	__u32 sum = 0;
	int i;

	ANSWER_TC_MARKS(skb);
	if (skb->protocol != bpf_htons(P_STAMP) || skb->len < 60)
		return TC_ACT_OK;
	bpf_skb_store_bytes(skb, 20, &mark, 1, 0);
	for (i = 30; i < 60; i++)
		sum += byte_at(skb, i);
	bpf_skb_store_bytes(skb, 21, &sum, 1, 0);
	bpf_skb_store_bytes(skb, 40, &mark, 1, 0);
	return TC_ACT_OK;
}

#endif
