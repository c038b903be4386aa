/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What classifiers share: the context that frame.h is to use, and the answers to
 * the frames that end a batch.
 */
#ifndef OFFLOAD_TESTS_CLASSIFIER_H
#define OFFLOAD_TESTS_CLASSIFIER_H

#define FRAME_CTX	struct __sk_buff
#include "frame.h"
#include <linux/pkt_cls.h>

/* Ends a batch like the other marks: leaves by the first target. */
#define P_MARK_AWAY	0x88b7

/* As ANSWER_MARKS. A classifier sends a frame back by the interface it came in by. */
#define ANSWER_TC_MARKS(skb)						\
	do {								\
		__u32 mark = (skb)->protocol;				\
									\
		if (mark == bpf_htons(P_MARK_PASS))			\
			return TC_ACT_OK;				\
		if (mark == bpf_htons(P_MARK_TX))			\
			return bpf_redirect((skb)->ifindex, 0);		\
	} while (0)

/* Byte @at of the frame, 0 behind its end. */
static __always_inline __u8 byte_at(struct __sk_buff *skb, __u32 at)
{
	__u8 *data = begin(skb);

	if ((void *)(data + at + 1) > end(skb))
		return 0;
	return data[at];
}

#endif
