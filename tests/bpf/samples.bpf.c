// SPDX-License-Identifier: GPL-2.0
/*
 * Sends samples to user space by bpf_perf_event_output(): from the stack and
 * from a map's value, with and without bytes of the frame, by the current
 * processor's place and by others; and keeps what each call returned.
 */
#include "frame.h"

struct sample {
	__u32 number;
	__u32 len;
	__u8 head[24];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} events SEC(".maps");

/* [0] counts the frames and is sent now and then. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample);
} state SEC(".maps");

/* How often each number was returned by each kind of call. */
struct result {
	__s64 value;
	__u64 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct result);
	__type(value, __u64);
} returned SEC(".maps");

static __always_inline void count(__u64 kind, __s64 value)
{
	struct result result = { .value = value, .kind = kind };
	__u64 one = 1, *seen = bpf_map_lookup_elem(&returned, &result);

	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		bpf_map_update_elem(&returned, &result, &one, BPF_ANY);
}

/* The flags that ask for len bytes of the frame. */
static __always_inline __u64 frame(__u64 len)
{
	return (len << 32) & BPF_F_CTXLEN_MASK;
}

SEC("xdp")
int samples(struct xdp_md *ctx)
{
	__u8 *data = begin(ctx);
	struct sample sample = {}, *value;
	__u32 zero = 0, len, kind, i;
	__u64 flags;
	__s64 result;

	ANSWER_MARKS(ctx);
	if ((void *)(data + sizeof(struct eth)) > end(ctx))
		return XDP_ABORTED;
	value = bpf_map_lookup_elem(&state, &zero);
	if (!value)
		return XDP_ABORTED;
	len = (__u8 *)end(ctx) - data;
	kind = data[11] % 10;
	sample.number = value->number++;
	sample.len = len;
	for (i = 0; i < sizeof(sample.head); i++) {
		if ((void *)(data + i + 1) > end(ctx))
			break;
		sample.head[i] = data[i];
	}

	flags = BPF_F_CURRENT_CPU;
	switch (kind) {
	case 0:
		break;
	case 1:
		flags |= frame(len < 40 ? len : 40);
		break;
	case 2:
		flags |= frame(len);
		break;
	case 3:
		flags |= frame(len + 1);
		break;
	case 4:
		flags |= 1ULL << 52;
		break;
	case 5:
		/* More than the map has. */
		flags = 1000;
		break;
	case 6:
		/* No event is there. */
		flags = 7;
		break;
	case 7:
		flags = bpf_get_smp_processor_id();
		break;
	case 8:
		/* Whole, but cut and grown before. */
		if (bpf_xdp_adjust_head(ctx, 6) || bpf_xdp_adjust_tail(ctx, -2))
			break;
		flags |= frame(len - 8);
		break;
	default:
		value->len = len;
		__builtin_memcpy(value->head, sample.head, sizeof(sample.head));
		result = bpf_perf_event_output(ctx, &events, flags, value,
					       len & 31);
		count(kind, result);
		return XDP_PASS;
	}
	result = bpf_perf_event_output(ctx, &events, flags, &sample,
				       sizeof(sample));
	count(kind, result);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
