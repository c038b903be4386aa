// SPDX-License-Identifier: GPL-2.0
/* Refused: an XDP program that reads the frame by an instruction of classic BPF. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

unsigned long long load_byte(void *ctx, unsigned long long off) asm("llvm.bpf.load.byte");

SEC("xdp")
int bad_load(struct xdp_md *ctx)
{
	return load_byte(ctx, 12) & 1 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
