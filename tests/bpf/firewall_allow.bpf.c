// SPDX-License-Identifier: GPL-2.0
/*
 * A firewall with an allow list: only ARP, IPv6 neighbour discovery and what a
 * rule names pass. A broken frame is dropped.
 */
#include "firewall.h"

static __always_inline int is_neighbour_discovery(struct xdp_md *ctx, const struct parsed *p)
{
	__u8 *type = transport(ctx, p);

	if (p->version != 6 || p->proto != IP6_ICMP || p->fragment)
		return 0;
	if ((void *)(type + 1) > end(ctx))
		return 0;
	return *type >= 133 && *type <= 137;
}

SEC("xdp")
int firewall_allow(struct xdp_md *ctx)
{
	struct count *rule;
	struct parsed p;

	ANSWER_MARKS(ctx);
	if (parse(ctx, &p))
		return verdict(ctx, XDP_DROP);
	if (p.ethertype == bpf_htons(P_ARP) || is_neighbour_discovery(ctx, &p))
		return verdict(ctx, XDP_PASS);
	rule = p.version ? matching_rule(&p) : NULL;
	if (!rule)
		return verdict(ctx, XDP_DROP);
	add(rule, end(ctx) - begin(ctx));
	return verdict(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
