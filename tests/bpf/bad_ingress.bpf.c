// SPDX-License-Identifier: GPL-2.0
/* Refused: a classifier that has another interface receive the frame. */
#include "classifier.h"

SEC("tc")
int bad_ingress(struct __sk_buff *skb)
{
	return bpf_redirect(1, BPF_F_INGRESS);
}

char _license[] SEC("license") = "GPL";
