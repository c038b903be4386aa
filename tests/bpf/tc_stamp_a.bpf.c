// SPDX-License-Identifier: GPL-2.0
/* Stamps frames with 'A'. */
#include "tc_stamp.h"

SEC("tc")
int stamp_a(struct __sk_buff *skb)
{
	return stamp(skb, 'A');
}

char _license[] SEC("license") = "GPL";
