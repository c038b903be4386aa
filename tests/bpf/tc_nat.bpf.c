// SPDX-License-Identifier: GPL-2.0
/*
 * Translates addresses and ports, both ways and for both versions of IP, and
 * mends the checksums by what changed. Right checksums or wrong ones: what was
 * right stays right, what was wrong stays wrong by as much.
 */
#include "classifier.h"

/* How often each step was done, and how often it failed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} steps SEC(".maps");

static __always_inline void count(__u32 which, long result)
{
	__u64 *value;

	which = which * 2 + (result ? 1 : 0);
	value = bpf_map_lookup_elem(&steps, &which);
	if (value)
		__sync_fetch_and_add(value, 1);
}

/* Where the checksum is in the transport header, 0 for none. */
static __always_inline __u32 checksum_of(__u8 proto)
{
	return proto == IP_TCP ? 16 : proto == IP_UDP ? 6 : 0;
}

static __always_inline void translate_v4(struct __sk_buff *skb, const struct parsed *p)
{
	__u32 l3 = p->l3, l4 = p->l4 & 0x3fff, at = checksum_of(p->proto);
	__u64 flags = p->proto == IP_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 old, new = bpf_htonl(0xc0000200);

	__builtin_memcpy(&old, p->src + 12, 4);
	new |= old & bpf_htonl(0xff);
	if (!p->fragment && at)
		count(0, bpf_l4_csum_replace(skb, l4 + at, old, new,
					     flags | BPF_F_PSEUDO_HDR | 4));
	count(1, bpf_l3_csum_replace(skb, l3 + 10, old, new, 4));
	count(2, bpf_skb_store_bytes(skb, l3 + 12, &new, 4, 0));
}

static __always_inline void translate_v6(struct __sk_buff *skb, const struct parsed *p)
{
	__u32 l3 = p->l3, l4 = p->l4 & 0x3fff, at = checksum_of(p->proto);
	__u64 flags = p->proto == IP_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__be32 new[4], old[4];
	__s64 diff;

	__builtin_memcpy(old, p->src, 16);
	__builtin_memcpy(new, old, 16);
	new[0] = bpf_htonl(0x20010db8);
	diff = bpf_csum_diff(old, 16, new, 16, 0);
	if (!p->fragment && at)
		count(0, bpf_l4_csum_replace(skb, l4 + at, 0, diff, flags | BPF_F_PSEUDO_HDR));
	count(2, bpf_skb_store_bytes(skb, l3 + 8, new, 16, BPF_F_RECOMPUTE_CSUM));
}

SEC("tc")
int nat(struct __sk_buff *skb)
{
	struct parsed p;
	__be16 port;

	ANSWER_TC_MARKS(skb);
	if (parse(skb, &p) || !p.version)
		return TC_ACT_UNSPEC;
	if (p.version == 4)
		translate_v4(skb, &p);
	else
		translate_v6(skb, &p);

	if (!p.fragment && (p.proto == IP_TCP || p.proto == IP_UDP)) {
		__u32 l4 = p.l4 & 0x3fff;
		__u64 flags = p.proto == IP_UDP ? BPF_F_MARK_MANGLED_0 : 0;

		port = bpf_htons(bpf_ntohs(p.sport) ^ 0x4000);
		count(3, bpf_l4_csum_replace(skb, l4 + checksum_of(p.proto), p.sport, port,
					     flags | 2));
		bpf_skb_store_bytes(skb, l4, &port, 2, BPF_F_INVALIDATE_HASH);
	}
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
