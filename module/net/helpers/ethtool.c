// SPDX-License-Identifier: GPL-2.0
/*
 * Receive-side scaling.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/build_bug.h>
#include <linux/ethtool.h>

#include "../helpers.h"

/* Whether the bits of ethtool_ops lie where a constant of Rust's sets them. */
static const union {
	struct ethtool_ops ops;
	u16 bits;
} input_xfrm = { .ops.supported_input_xfrm = 1 },
  per_ctx_fields = { .ops.rxfh_per_ctx_fields = 1 },
  per_ctx_key = { .ops.rxfh_per_ctx_key = 1 },
  rxnfc_adds = { .ops.cap_rss_rxnfc_adds = 1 };

u32 *offload_nic_rxfh_context_indir(struct ethtool_rxfh_context *context)
{
	BUILD_BUG_ON(input_xfrm.bits != 1 << OFFLOAD_NIC_INPUT_XFRM);
	BUILD_BUG_ON(per_ctx_fields.bits != 1 << OFFLOAD_NIC_RXFH_PER_CTX_FIELDS);
	BUILD_BUG_ON(per_ctx_key.bits != 1 << OFFLOAD_NIC_RXFH_PER_CTX_KEY);
	BUILD_BUG_ON(rxnfc_adds.bits != 1 << OFFLOAD_NIC_CAP_RSS_RXNFC_ADDS);

	return ethtool_rxfh_context_indir(context);
}

u8 *offload_nic_rxfh_context_key(struct ethtool_rxfh_context *context)
{
	return ethtool_rxfh_context_key(context);
}
