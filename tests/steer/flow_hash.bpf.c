// SPDX-License-Identifier: GPL-2.0
/*
 * Has the kernel dissect a frame and hash its flow sixteen times, or do all of that but
 * these: what one takes is a sixteenth of the difference. Apart from the programs of
 * tests/bpf, as no device takes it.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define TIMES	16

static __always_inline __u32 ask(struct __sk_buff *skb, bool hashes)
{
	__u32 answers = 0;
	int i;

#pragma unroll
	for (i = 0; i < TIMES; i++) {
		bpf_set_hash_invalid(skb);
		answers ^= hashes ? bpf_get_hash_recalc(skb) : bpf_get_route_realm(skb);
		answers += i;
	}
	return answers;
}

SEC("tc")
int flow_hash(struct __sk_buff *skb)
{
	return ask(skb, true);
}

/* Asks for the number of the route's realm instead, which a frame without a route has not. */
SEC("tc")
int flow_hash_not(struct __sk_buff *skb)
{
	return ask(skb, false);
}

char _license[] SEC("license") = "GPL";
