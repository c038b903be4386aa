// SPDX-License-Identifier: GPL-2.0
/* Stamps frames with 'B'. */
#include "tc_stamp.h"

SEC("tc")
int stamp_b(struct __sk_buff *skb)
{
	return stamp(skb, 'B');
}

char _license[] SEC("license") = "GPL";
