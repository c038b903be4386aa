// SPDX-License-Identifier: GPL-2.0
/*
 * Notes what the device says of the VLAN tag of the last datagram in IPv4, and the
 * EtherType that the frame has. Apart from the programs of tests/bpf, as no device takes
 * kernel functions.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>

extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *proto,
					__u16 *tci) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[4]);
} noted SEC(".maps");

/* Those of the local network for experiments, which the test sends. */
#define ETH_P_TEST 0x88b8

SEC("xdp")
int tag(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u16 tci = 0, *ether_type = data + 2 * ETH_ALEN;
	__be16 proto = 0;
	__u64 *value;
	__u32 key = 0;
	int result;

	if ((void *)(ether_type + 3) > end ||
	    (ether_type[0] != bpf_htons(ETH_P_TEST) && ether_type[2] != bpf_htons(ETH_P_TEST)))
		return XDP_PASS;

	result = bpf_xdp_metadata_rx_vlan_tag(ctx, &proto, &tci);
	value = bpf_map_lookup_elem(&noted, &key);
	if (value) {
		value[0] = -result;
		value[1] = bpf_ntohs(proto);
		value[2] = tci;
		value[3] = bpf_ntohs(ether_type[0]);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
