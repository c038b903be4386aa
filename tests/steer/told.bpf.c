// SPDX-License-Identifier: GPL-2.0
/*
 * Notes of each frame of a batch what a native program is told of its hash. Apart from
 * the programs of tests/bpf, as no device takes kernel functions.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>

enum xdp_rss_hash_type { XDP_RSS_TYPE_NONE };

extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *type) __ksym;

/* How the source addresses of such frames begin. */
#define STEERED	0x0253

struct source {
	__be16 prefix, batch;
	/* Of the frame in its batch. */
	__be16 number;
};

struct note {
	__u32 batch, error, hash, type;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct note);
} told SEC(".maps");

SEC("xdp")
int note(struct xdp_md *ctx)
{
	struct source *source = (void *)(long)ctx->data + ETH_ALEN;
	enum xdp_rss_hash_type type = 0;
	struct note now = {};
	__u32 number;

	if ((void *)(source + 1) > (void *)(long)ctx->data_end ||
	    source->prefix != bpf_htons(STEERED))
		return XDP_PASS;
	now.batch = bpf_ntohs(source->batch);
	number = bpf_ntohs(source->number);
	now.error = -bpf_xdp_metadata_rx_hash(ctx, &now.hash, &type);
	now.type = type;
	bpf_map_update_elem(&told, &number, &now, BPF_ANY);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
