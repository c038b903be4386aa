// SPDX-License-Identifier: GPL-2.0
/* Refused: a classifier that asks when the frame came in, which the host notes. */
#include "classifier.h"

SEC("tc")
int bad_field(struct __sk_buff *skb)
{
	return skb->tstamp ? TC_ACT_OK : TC_ACT_SHOT;
}

char _license[] SEC("license") = "GPL";
