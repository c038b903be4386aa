// SPDX-License-Identifier: GPL-2.0
/* The Internet checksum of up to 1,500 bytes; drops what sums up to nothing. */
#include "packet.h"

SEC("xdp")
int checksum(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	__u16 *at = (void *)(long)ctx->data;
	__u64 sum = 0;
	int i;

	for (i = 0; i < 750; i++, at++) {
		if ((void *)(at + 1) > data_end)
			break;
		sum += *at;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? XDP_DROP : XDP_PASS;
}
