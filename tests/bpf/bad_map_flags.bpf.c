// SPDX-License-Identifier: GPL-2.0
/* Refused: the device's maps take no flags. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bad_map.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} bad SEC(".maps");

USE_BAD_MAP;
