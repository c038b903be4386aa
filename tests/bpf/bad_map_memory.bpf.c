// SPDX-License-Identifier: GPL-2.0
/* Refused: a map of 512 MiB is more than all of the device's memory. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bad_map.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 20);
	__uint(key_size, 4);
	__uint(value_size, 512);
} bad SEC(".maps");

USE_BAD_MAP;
