/* SPDX-License-Identifier: GPL-2.0 */
/* A program that does no more than use the map `bad`. */
#ifndef OFFLOAD_TESTS_BAD_MAP_H
#define OFFLOAD_TESTS_BAD_MAP_H

#define USE_BAD_MAP						\
	SEC("xdp")						\
	int bad_map(struct xdp_md *ctx)				\
	{							\
		__u32 key = 0;					\
								\
		return bpf_map_lookup_elem(&bad, &key) ?	\
			XDP_DROP : XDP_PASS;			\
	}							\
								\
	char _license[] SEC("license") = "GPL"

#endif
