// SPDX-License-Identifier: GPL-2.0
/* Refused: hands a function to a helper. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static long count(__u64 index, void *total)
{
	*(__u64 *)total += index;
	return 0;
}

SEC("xdp")
int bad_callback(struct xdp_md *ctx)
{
	__u64 total = 0;

	bpf_loop(10, count, &total, 0);
	return total & 1 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
