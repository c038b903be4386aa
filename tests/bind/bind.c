// SPDX-License-Identifier: GPL-2.0
/*
 * Makes more maps belong to a program that is loaded: BPF_PROG_BIND_MAP, for which
 * bpftool has no command.
 *
 *	bind PROGRAM new COUNT
 *	bind PROGRAM map MAP
 *
 * PROGRAM and MAP are numbers as bpftool shows them. The first form makes COUNT arrays
 * of the host and binds each, the second one binds a map that there is.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <sys/syscall.h>

/* Gives what the system call gives, if that is no error. */
static int bpf(const char *what, int command, union bpf_attr *attr)
{
	int result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static int program(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return bpf("program", BPF_PROG_GET_FD_BY_ID, &attr);
}

static int map(uint32_t id)
{
	union bpf_attr attr = { .map_id = id };

	return bpf("map", BPF_MAP_GET_FD_BY_ID, &attr);
}

static int new_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
		.map_name = "bound",
	};

	return bpf("new map", BPF_MAP_CREATE, &attr);
}

static void bind(int program, int map)
{
	union bpf_attr attr = {
		.prog_bind_map.prog_fd = program,
		.prog_bind_map.map_fd = map,
	};

	bpf("bind", BPF_PROG_BIND_MAP, &attr);
	close(map);
}

int main(int argc, char **argv)
{
	uint32_t number;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "bind PROGRAM new COUNT | bind PROGRAM map MAP\n");
		return 2;
	}
	number = strtoul(argv[3], NULL, 10);
	fd = program(strtoul(argv[1], NULL, 10));
	if (!strcmp(argv[2], "map")) {
		bind(fd, map(number));
		return 0;
	}
	while (number--)
		bind(fd, new_map());
	return 0;
}
