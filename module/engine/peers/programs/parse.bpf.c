// SPDX-License-Identifier: GPL-2.0
/* Parses the five-tuple; passes port 80, drops other TCP and UDP. */
#include "packet.h"

SEC("xdp")
int parser(struct xdp_md *ctx)
{
	struct tuple t;

	if (!parse(ctx, &t))
		return XDP_PASS;
	return t.dport == bpf_htons(80) || (t.src ^ t.dst) == t.sport ? XDP_PASS : XDP_DROP;
}
