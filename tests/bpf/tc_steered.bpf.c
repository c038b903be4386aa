// SPDX-License-Identifier: GPL-2.0
/*
 * Runs on the host: notes of each frame of a batch which queue it has come by, what
 * the device says of its flow, and which processor takes it in.
 */
#include "classifier.h"

/* How the source addresses of such frames begin; marks have others. */
#define STEERED	0x0253

struct source {
	__be16 prefix, batch;
	/* Of the frame in its batch. */
	__be16 number;
};

struct seen {
	__u32 batch, times, hash, queue_mapping, processor;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} total SEC(".maps");

SEC("tc")
int steered(struct __sk_buff *skb)
{
	struct source *source = begin(skb) + ETH_ALEN;
	struct seen now = {
		.times = 1,
		.hash = skb->hash,
		.queue_mapping = skb->queue_mapping,
		.processor = bpf_get_smp_processor_id(),
	}, *before;
	__u32 number, zero = 0;
	__u64 *count;

	if ((void *)(source + 1) > end(skb) || source->prefix != bpf_htons(STEERED))
		return TC_ACT_OK;
	now.batch = bpf_ntohs(source->batch);
	number = bpf_ntohs(source->number);
	before = bpf_map_lookup_elem(&seen, &number);
	if (before && before->batch == now.batch)
		now.times += before->times;
	bpf_map_update_elem(&seen, &number, &now, BPF_ANY);
	count = bpf_map_lookup_elem(&total, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
