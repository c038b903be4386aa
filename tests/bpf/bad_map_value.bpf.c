// SPDX-License-Identifier: GPL-2.0
/* Refused: a value of 131,072 bytes is longer than the device stores. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bad_map.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 1 << 17);
} bad SEC(".maps");

USE_BAD_MAP;
