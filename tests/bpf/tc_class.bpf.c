// SPDX-License-Identifier: GPL-2.0
/*
 * For a filter without direct action: returns no class, the filter's, or one of
 * its own.
 */
#include "classifier.h"

SEC("tc")
int choose(struct __sk_buff *skb)
{
	__u8 choice = byte_at(skb, 11);

	if (skb->protocol == bpf_htons(P_MARK_PASS))
		return -1;
	return choice % 4 == 0 ? 0 : choice % 4 == 1 ? -1 : 0x10000 | choice;
}

char _license[] SEC("license") = "GPL";
