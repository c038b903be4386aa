// SPDX-License-Identifier: GPL-2.0
/*
 * Gives frames from 02:53:... to the socket of the queue that they came by, behind what
 * the device says of them. Apart from the programs of tests/bpf, as no device takes kernel
 * functions.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>

enum xdp_rss_hash_type { XDP_RSS_TYPE_NONE };

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *rss_type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *proto,
					__u16 *tci) __ksym;

/* What is in front of a frame; an error is the one with which the device refuses to say so. */
struct told {
	__u64 timestamp;
	__u32 hash;
	__u32 rss_type;
	__u16 vlan_proto;
	__u16 vlan_tci;
	__u8 timestamp_error;
	__u8 hash_error;
	__u8 vlan_error;
	__u8 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

SEC("xdp")
int told(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	enum xdp_rss_hash_type rss_type = 0;
	struct ethhdr *eth = data;
	struct told *told;
	__u64 timestamp = 0;
	__be16 proto = 0;
	__u32 hash = 0;
	__u16 tci = 0;
	int errors[3];

	if ((void *)(eth + 1) > end || eth->h_source[0] != 0x02 || eth->h_source[1] != 0x53)
		return XDP_PASS;

	errors[0] = bpf_xdp_metadata_rx_timestamp(ctx, &timestamp);
	errors[1] = bpf_xdp_metadata_rx_hash(ctx, &hash, &rss_type);
	errors[2] = bpf_xdp_metadata_rx_vlan_tag(ctx, &proto, &tci);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*told)))
		return XDP_DROP;

	told = (void *)(long)ctx->data_meta;
	if ((void *)(told + 1) > (void *)(long)ctx->data)
		return XDP_DROP;

	told->timestamp = timestamp;
	told->hash = hash;
	told->rss_type = rss_type;
	told->vlan_proto = bpf_ntohs(proto);
	told->vlan_tci = tci;
	told->timestamp_error = -errors[0];
	told->hash_error = -errors[1];
	told->vlan_error = -errors[2];
	told->unused = 0;
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
