// SPDX-License-Identifier: GPL-2.0
/*
 * Reads frames by the instructions of classic BPF: at fixed places, at places
 * that the frame names, and behind the end of the frame, which ends the program.
 */
#include "classifier.h"

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long off) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long off) asm("llvm.bpf.load.word");

/* Sums of what was read, by its width. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sums SEC(".maps");

static __always_inline void add(__u32 which, __u64 value)
{
	__u64 *sum = bpf_map_lookup_elem(&sums, &which);

	if (sum)
		__sync_fetch_and_add(sum, value);
}

SEC("tc")
int ldabs(struct __sk_buff *skb)
{
	__u64 proto, at;

	ANSWER_TC_MARKS(skb);
	proto = load_half(skb, 12);
	add(0, proto);
	add(1, load_word(skb, 6));
	/* A place in the first 256 bytes: there is none in short frames. */
	at = load_byte(skb, 11);
	add(2, load_byte(skb, at));
	add(3, load_word(skb, at + 2));
	if (proto == P_IPV4 && load_byte(skb, 23) == IP_TCP)
		return load_half(skb, 36) & 1 ? TC_ACT_SHOT : TC_ACT_OK;
	return at & 1 ? TC_ACT_UNSPEC : TC_ACT_STOLEN;
}

char _license[] SEC("license") = "GPL";
