// SPDX-License-Identifier: GPL-2.0
/* Refused: a global variable lives in a map with flags that the device lacks. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

volatile int calls;

SEC("xdp")
int bad_global(struct xdp_md *ctx)
{
	return calls++ ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
