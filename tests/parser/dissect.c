// SPDX-License-Identifier: GPL-2.0
/*
 * Loads a flow dissector and runs it with BPF_PROG_TEST_RUN, for which bpftool takes
 * neither raw instructions nor more than one frame.
 *
 *	dissect PROGRAM FRAMES RESULTS
 *
 * PROGRAM has the instructions. FRAMES has frames one after the other, each behind its
 * length and the flags of the caller, two numbers of 32 bits. RESULTS gets for each what
 * the program returned, of 32 bits, and the flow keys. What the verifier has to say goes
 * to the standard output.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <sys/syscall.h>

/* As BPF_LOG_STATS of the kernel: a few lines of numbers. */
#define LOG_STATS 4

static char log_text[1 << 20];

static int load(const char *path)
{
	static struct bpf_insn insns[1 << 16];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_FLOW_DISSECTOR,
		.insns = (uintptr_t)insns,
		.license = (uintptr_t)"GPL",
		.log_level = LOG_STATS,
		.log_buf = (uintptr_t)log_text,
		.log_size = sizeof(log_text),
	};
	FILE *file = fopen(path, "r");
	int fd;

	if (!file) {
		perror(path);
		exit(1);
	}
	attr.insn_cnt = fread(insns, sizeof(*insns), sizeof(insns) / sizeof(*insns), file);
	fclose(file);
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0) {
		perror("load");
		fprintf(stderr, "%s", log_text);
		exit(1);
	}
	printf("%u instructions\n%s", attr.insn_cnt, log_text);
	return fd;
}

/* Whether there was one more frame. */
static int run(int program, FILE *frames, FILE *results)
{
	static uint8_t frame[1 << 16];
	uint32_t head[2];
	struct bpf_flow_keys context = { 0 }, keys = { 0 };
	union bpf_attr attr = {
		.test = {
			.prog_fd = program,
			.data_in = (uintptr_t)frame,
			.data_out = (uintptr_t)&keys,
			.data_size_out = sizeof(keys),
			.ctx_in = (uintptr_t)&context,
			.ctx_size_in = sizeof(context),
			.repeat = 1,
		},
	};

	if (fread(head, sizeof(head), 1, frames) != 1)
		return 0;
	if (head[0] > sizeof(frame) || fread(frame, 1, head[0], frames) != head[0]) {
		fprintf(stderr, "a frame of %u bytes is not there\n", head[0]);
		exit(1);
	}
	attr.test.data_size_in = head[0];
	context.flags = head[1];
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0) {
		fprintf(stderr, "run with %u bytes: %s\n", head[0], strerror(errno));
		exit(1);
	}
	if (fwrite(&attr.test.retval, sizeof(attr.test.retval), 1, results) != 1 ||
	    fwrite(&keys, sizeof(keys), 1, results) != 1) {
		perror("results");
		exit(1);
	}
	return 1;
}

int main(int argc, char **argv)
{
	FILE *frames, *results;
	int program;

	if (argc != 4) {
		fprintf(stderr, "dissect PROGRAM FRAMES RESULTS\n");
		return 2;
	}
	program = load(argv[1]);
	frames = fopen(argv[2], "r");
	results = fopen(argv[3], "w");
	if (!frames || !results) {
		perror("open");
		return 1;
	}
	while (run(program, frames, results))
		;
	fclose(frames);
	if (fclose(results)) {
		perror("results");
		return 1;
	}
	return 0;
}
