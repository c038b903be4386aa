// SPDX-License-Identifier: GPL-2.0
/* Refused: calls a helper that the device lacks. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int bad_helper(struct xdp_md *ctx)
{
	return bpf_jiffies64() & 1 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
