// SPDX-License-Identifier: GPL-2.0
/* Refused: 2,097,152 entries are more than a map of the device may have. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bad_map.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 21);
	__uint(key_size, 4);
	__uint(value_size, 8);
} bad SEC(".maps");

USE_BAD_MAP;
