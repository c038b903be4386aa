// SPDX-License-Identifier: GPL-2.0
/*
 * Notes what the device says of when the last datagram in IPv4 arrived. Apart from the
 * programs of tests/bpf, as no device takes kernel functions.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[2]);
} noted SEC(".maps");

SEC("xdp")
int arrived(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	__u64 time = 0, *value;
	__u32 key = 0;
	int result;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_UDP)
		return XDP_PASS;

	result = bpf_xdp_metadata_rx_timestamp(ctx, &time);
	value = bpf_map_lookup_elem(&noted, &key);
	if (value) {
		value[0] = -result;
		value[1] = time;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
