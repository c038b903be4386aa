// SPDX-License-Identifier: GPL-2.0
/*
 * The helpers whose values nobody can foretell, checked for what must hold all
 * the same: the clock never goes back, the processor's number is small, and
 * random numbers differ.
 */
#include "frame.h"

enum { FRAMES, CLOCK_WENT_BACK, CLOCK_STOOD_AT_ZERO, CPU_TOO_HIGH, BITS_SEEN, BITS_MISSING, CELLS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CELLS);
	__type(key, __u32);
	__type(value, __u64);
} cells SEC(".maps");

static __always_inline __u64 *cell(__u32 which)
{
	return bpf_map_lookup_elem(&cells, &which);
}

static __always_inline void count(__u32 which)
{
	__u64 *value = cell(which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("xdp")
int services(struct xdp_md *ctx)
{
	__u64 before, after, *seen, *missing;
	__u32 random;

	ANSWER_MARKS(ctx);
	count(FRAMES);
	before = bpf_ktime_get_ns();
	random = bpf_get_prandom_u32();
	after = bpf_ktime_get_ns();
	if (after < before)
		count(CLOCK_WENT_BACK);
	if (!before)
		count(CLOCK_STOOD_AT_ZERO);
	if (bpf_get_smp_processor_id() >= 4096)
		count(CPU_TOO_HIGH);
	/* After a few hundred frames each bit has been seen both set and clear. */
	seen = cell(BITS_SEEN);
	missing = cell(BITS_MISSING);
	if (seen && missing) {
		__sync_fetch_and_or(seen, random);
		__sync_fetch_and_or(missing, (__u32)~random);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
