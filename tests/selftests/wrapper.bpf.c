// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a program of the kernel's selftests (SELFTEST, its function ENTRY) one
 * that the tests here can drive: it answers the frames that end a batch, and
 * leaves all others to it.
 *
 * Types of maps that no device can have are replaced by those that lookups and
 * updates of one program do not tell from them.
 */
#ifdef CLASSIFIER
#include "../bpf/classifier.h"
#define WRAPPER		SEC("tc") int selftest(struct __sk_buff *ctx)
#define ANSWER		ANSWER_TC_MARKS
#else
#include "../bpf/frame.h"
#define WRAPPER		SEC("xdp") int selftest(struct xdp_md *ctx)
#define ANSWER		ANSWER_MARKS
#endif

#define BPF_MAP_TYPE_PERCPU_ARRAY	BPF_MAP_TYPE_ARRAY
#define BPF_MAP_TYPE_LRU_HASH		BPF_MAP_TYPE_HASH

#include SELFTEST

WRAPPER
{
	ANSWER(ctx);
	return ENTRY(ctx);
}
