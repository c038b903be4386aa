// SPDX-License-Identifier: GPL-2.0
/*
 * A firewall with a deny list: what a rule names is dropped, everything else
 * passes. A broken frame passes too, for the stack counts those better.
 */
#include "firewall.h"

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	struct count *rule;
	struct parsed p;

	ANSWER_MARKS(ctx);
	if (parse(ctx, &p) || !p.version)
		return verdict(ctx, XDP_PASS);
	rule = matching_rule(&p);
	if (!rule)
		return verdict(ctx, XDP_PASS);
	add(rule, end(ctx) - begin(ctx));
	return verdict(ctx, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
