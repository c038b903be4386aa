/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts frames by their IPv4 source in a hash of @ENTRIES. What is in it is dropped;
 * what is not yet is put there and passed, so that a source that sends one frame from
 * each address fills it.
 */
#ifndef OFFLOAD_TESTS_HITS_H
#define OFFLOAD_TESTS_HITS_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRIES);
	__type(key, __be32);
	__type(value, __u64);
} hits SEC(".maps");

SEC("xdp")
int count_source(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__be32 source;
	__u64 *count;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_ABORTED;
	source = ip->saddr;
	count = bpf_map_lookup_elem(&hits, &source);
	if (!count) {
		__u64 one = 1;

		bpf_map_update_elem(&hits, &source, &one, BPF_NOEXIST);
		return XDP_PASS;
	}
	__sync_fetch_and_add(count, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";

#endif
