// SPDX-License-Identifier: GPL-2.0
/*
 * Sums every 16-bit word of the frame, as the Internet checksum does, in a loop
 * as long as the frame; the sum goes into the frame and into a map.
 */
#include "frame.h"

#define LONGEST 4096

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u16);
	__type(value, __u32);
} sums SEC(".maps");

SEC("xdp")
int checksum(struct xdp_md *ctx)
{
	void *data = begin(ctx), *data_end = end(ctx);
	__u32 sum = 0, one = 1, *seen, at;
	__u8 *out = data;
	__u16 folded;

	ANSWER_MARKS(ctx);
	for (at = 0; at < LONGEST; at += 2) {
		__u16 *word = data + at;

		if ((void *)(word + 1) > data_end)
			break;
		sum += *word;
	}
	if (data + at + 1 <= data_end)
		sum += *(__u8 *)(data + at);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	folded = ~sum;

	seen = bpf_map_lookup_elem(&sums, &folded);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		bpf_map_update_elem(&sums, &folded, &one, BPF_NOEXIST);
	if ((void *)(out + 12) > data_end)
		return XDP_ABORTED;
	out[10] = folded >> 8;
	out[11] = folded;
	return folded % 3 ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
