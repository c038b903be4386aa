// SPDX-License-Identifier: GPL-2.0
/* Refused: chooses a receive queue, which the kernel offers to devices that can steer. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int bad_queue(struct xdp_md *ctx)
{
	ctx->rx_queue_index = 1;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
