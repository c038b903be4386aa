// SPDX-License-Identifier: GPL-2.0
/* Refused: 70,002 instructions are more than the program store takes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int bad_size(struct xdp_md *ctx)
{
	asm volatile(".rept 70000\n"
		     "r0 = 2\n"
		     ".endr\n" ::: "r0");
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
