// SPDX-License-Identifier: GPL-2.0
/*
 * Runs programs on frames in the kernel, for tests/src/hunt: BPF_PROG_TEST_RUN has
 * no safe wrapper in Rust.
 *
 * Reads requests from standard input and answers each on standard output, until
 * there are no more. All numbers are 32 bits, little endian; whatever is not a
 * multiple of 4 bytes is filled up to one.
 *
 *	request: bytes that follow; whether the log is wanted, whether the verifier is
 *		to be strict, type, number of instructions, of maps, of frames; the
 *		instructions; of each map its type, sizes of key and value, entries; of
 *		each frame mark, priority, cb[5], length, bytes
 *	answer:  bytes that follow; error number, length of the log, the log; if there
 *		was no error, of each frame error number, result, length with metadata,
 *		length of the metadata, mark, priority, wire length, cb[5], bytes; number
 *		of samples, of each its length, the bytes; the value of map 0. Then of
 *		each further map the number of elements, all keys, all values.
 *
 * Called as "kernel REQUEST INTERFACE PIN" it makes the program of the request in the
 * file REQUEST, for the device of the interface with that index or, with 0, for the
 * host, and pins it. The answer then is the error number alone, as text.
 *
 * Map 0 is an array of one element. A program names its maps by index. Type 0 asks
 * whether the kernel has arrays of events; the answer has just an error number.
 *
 * A strict verifier is one that does without CAP_PERFMON: it lets no pointer, and no
 * byte of the stack that the program has not written, get to where it could be seen.
 * So what a program leaves depends on nothing but what it was given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_MAPS 8
/* Longer than any frame that a program can make. */
#define MAX_FRAME (1 << 15)
#define RING_PAGES 64

static char verifier_log[1 << 20];
static long page_size;

static int event = -1;
static struct perf_event_mmap_page *ring;

static char *answer;
static size_t answer_len, answer_room;

static void give_up(const char *what)
{
	perror(what);
	exit(2);
}

static void *room_for(size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;
	char *to;

	if (answer_len + padded > answer_room) {
		answer_room = 2 * (answer_len + padded);
		answer = realloc(answer, answer_room);
		if (!answer)
			give_up("realloc");
	}
	to = answer + answer_len;
	memset(to, 0, padded);
	answer_len += padded;
	return to;
}

static void put(const void *bytes, size_t len)
{
	memcpy(room_for(len), bytes, len);
}

static void put_number(uint32_t number)
{
	put(&number, sizeof(number));
}

static void read_all(void *to, size_t len)
{
	while (len) {
		ssize_t got = read(STDIN_FILENO, to, len);

		if (got <= 0)
			give_up("read a request");
		to = (char *)to + got;
		len -= got;
	}
}

static void send_answer(void)
{
	size_t sent = 0;

	*(uint32_t *)answer = answer_len - sizeof(uint32_t);
	while (sent < answer_len) {
		ssize_t now = write(STDOUT_FILENO, answer + sent, answer_len - sent);

		if (now < 0)
			give_up("write an answer");
		sent += now;
	}
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static void set_capabilities(int strict)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};
	static const int kept[] = { CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON };

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		uint32_t bit = 1U << kept[i] % 32;

		data[kept[i] / 32].permitted |= bit;
		if (!strict || kept[i] != CAP_PERFMON)
			data[kept[i] / 32].effective |= bit;
	}
	if (syscall(SYS_capset, &header, data))
		give_up("capset");
}

/* Where the first processor's samples arrive; a kernel may have no events at all. */
static void open_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
	};

	event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return;
	ring = mmap(NULL, (1 + RING_PAGES) * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	if (ring == MAP_FAILED)
		give_up("mmap the ring of samples");
}

static void ring_read(uint64_t from, void *to, size_t len)
{
	size_t size = RING_PAGES * page_size;

	for (size_t i = 0; i < len; i++)
		((char *)to)[i] = ((char *)ring)[page_size + (from + i) % size];
}

static void put_samples(void)
{
	uint32_t number = 0;
	size_t place = answer_len;

	put_number(0);
	if (event < 0)
		return;
	uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->data_tail;

	while (tail < head) {
		struct perf_event_header header;

		ring_read(tail, &header, sizeof(header));
		if (header.type == PERF_RECORD_SAMPLE) {
			uint32_t len;

			ring_read(tail + sizeof(header), &len, sizeof(len));
			put_number(len);
			ring_read(tail + sizeof(header) + sizeof(len), room_for(len), len);
			number++;
		}
		tail += header.size;
	}
	__atomic_store_n(&ring->data_tail, tail, __ATOMIC_RELEASE);
	memcpy(answer + place, &number, sizeof(number));
}

struct map {
	uint32_t type, key_size, value_size, entries;
};

static int create(const struct map *map, uint32_t flags, uint32_t interface, unsigned int index)
{
	union bpf_attr attr = {
		.map_type = map->type,
		.key_size = map->key_size,
		.value_size = map->value_size,
		.max_entries = map->entries,
		.map_flags = flags,
		.map_ifindex = interface,
	};
	int fd;

	snprintf(attr.map_name, sizeof(attr.map_name), "map%u", index);
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		give_up("create a map");
	if (map->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
		uint32_t key = 0;
		union bpf_attr update = {
			.map_fd = fd,
			.key = (uintptr_t)&key,
			.value = (uintptr_t)&event,
		};

		if (bpf(BPF_MAP_UPDATE_ELEM, &update))
			give_up("set an event");
	}
	return fd;
}

static void put_elements(int fd, const struct map *map)
{
	/* A bucket of a hash is read whole or not at all. */
	uint32_t room = map->entries + 64, batch[64];
	char *keys = calloc(room, map->key_size), *values = calloc(room, map->value_size);
	union bpf_attr attr = {
		.batch = {
			.out_batch = (uintptr_t)batch,
			.keys = (uintptr_t)keys,
			.values = (uintptr_t)values,
			.count = room,
			.map_fd = fd,
		},
	};

	if (!keys || !values)
		give_up("calloc");
	/* The end of the map is told by ENOENT. */
	if (!bpf(BPF_MAP_LOOKUP_BATCH, &attr) || errno != ENOENT)
		give_up("read a map");
	put_number(attr.batch.count);
	put(keys, (size_t)attr.batch.count * map->key_size);
	put(values, (size_t)attr.batch.count * map->value_size);
	free(keys);
	free(values);
}

struct frame {
	uint32_t mark, priority, cb[5], len;
};

static void run(int program, uint32_t type, const struct frame *frame, const char *bytes)
{
	static char out[MAX_FRAME];
	struct xdp_md xdp = { .data_end = frame->len };
	struct __sk_buff skb = {
		.mark = frame->mark,
		.priority = frame->priority,
		.ingress_ifindex = 1,
	};
	int is_xdp = type == BPF_PROG_TYPE_XDP;
	union bpf_attr attr = {
		.test = {
			.prog_fd = program,
			.data_in = (uintptr_t)bytes,
			.data_size_in = frame->len,
			.data_out = (uintptr_t)out,
			.data_size_out = sizeof(out),
			.ctx_in = is_xdp ? (uintptr_t)&xdp : (uintptr_t)&skb,
			.ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(skb),
			.ctx_out = is_xdp ? (uintptr_t)&xdp : (uintptr_t)&skb,
			.ctx_size_out = is_xdp ? sizeof(xdp) : sizeof(skb),
		},
	};
	int error;

	memcpy(skb.cb, frame->cb, sizeof(skb.cb));
	error = bpf(BPF_PROG_TEST_RUN, &attr) ? errno : 0;
	put_number(error);
	put_number(attr.test.retval);
	put_number(error ? 0 : attr.test.data_size_out);
	put_number(xdp.data);
	put_number(skb.mark);
	put_number(skb.priority);
	put_number(skb.wire_len);
	put(skb.cb, sizeof(skb.cb));
	if (!error)
		put(out, attr.test.data_size_out);
	put_samples();
}

/* A request, taken apart. */
struct request {
	uint32_t log, strict, type, insns, map_count, frames;
	struct bpf_insn *code;
	const struct map *maps;
	const char *first_frame;
	int fds[MAX_MAPS];
};

static struct request parse(char *bytes)
{
	const uint32_t *numbers = (const uint32_t *)bytes;
	struct request request = {
		.log = numbers[0],
		.strict = numbers[1],
		.type = numbers[2],
		.insns = numbers[3],
		.map_count = numbers[4],
		.frames = numbers[5],
		.code = (struct bpf_insn *)(bytes + 6 * sizeof(uint32_t)),
	};

	request.maps = (const struct map *)(request.code + request.insns);
	request.first_frame = (const char *)(request.maps + request.map_count);
	if (request.map_count > MAX_MAPS) {
		errno = EINVAL;
		give_up("number of maps");
	}
	return request;
}

static int load(struct request *request, uint32_t interface)
{
	union bpf_attr attr = {
		.prog_type = request->type,
		.insns = (uintptr_t)request->code,
		.insn_cnt = request->insns,
		.license = (uintptr_t)"GPL",
		.prog_ifindex = interface,
		.expected_attach_type = request->type == BPF_PROG_TYPE_XDP ? BPF_XDP : 0,
	};

	/* A program for a device has to name its maps by descriptor. */
	for (uint32_t i = 0; i < request->insns; i++) {
		struct bpf_insn *insn = &request->code[i];

		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_MAP_IDX &&
		    (uint32_t)insn->imm < request->map_count) {
			insn->src_reg = BPF_PSEUDO_MAP_FD;
			insn->imm = request->fds[insn->imm];
		}
	}
	verifier_log[0] = 0;
	if (request->log) {
		attr.log_buf = (uintptr_t)verifier_log;
		attr.log_size = sizeof(verifier_log);
		attr.log_level = request->log;
	}
	return bpf(BPF_PROG_LOAD, &attr);
}

static void answer_request(char *bytes)
{
	struct request request = parse(bytes);
	const struct map *maps = request.maps;
	const char *next = request.first_frame;
	size_t size;
	char *first;
	int program;

	if (!request.type) {
		put_number(event < 0 ? ENOSYS : 0);
		return;
	}
	for (uint32_t i = 0; i < request.map_count; i++)
		request.fds[i] = create(&maps[i], i ? 0 : BPF_F_MMAPABLE, 0, i);
	set_capabilities(request.strict);
	program = load(&request, 0);
	put_number(program < 0 ? errno : 0);
	put_number(strlen(verifier_log));
	put(verifier_log, strlen(verifier_log));
	if (program >= 0) {
		size = (maps[0].value_size + page_size - 1) & -page_size;
		first = mmap(NULL, size, PROT_READ, MAP_SHARED, request.fds[0], 0);
		if (first == MAP_FAILED)
			give_up("mmap a map");
		for (uint32_t i = 0; i < request.frames; i++) {
			const struct frame *frame = (const struct frame *)next;

			next = (const char *)(frame + 1);
			run(program, request.type, frame, next);
			put(first, maps[0].value_size);
			next += (frame->len + 3) & ~3U;
		}
		for (uint32_t i = 1; i < request.map_count; i++)
			if (maps[i].type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
				put_elements(request.fds[i], &maps[i]);
		munmap(first, size);
		close(program);
	}
	for (uint32_t i = 0; i < request.map_count; i++)
		close(request.fds[i]);
}

/* Everything in a file. */
static char *contents(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	char *bytes;

	if (fd < 0 || fstat(fd, &stat))
		give_up(path);
	bytes = malloc(stat.st_size);
	if (!bytes || read(fd, bytes, stat.st_size) != stat.st_size)
		give_up(path);
	close(fd);
	return bytes;
}

static int pin(const char *path, uint32_t interface, const char *pin)
{
	struct request request = parse(contents(path));
	union bpf_attr attr = { .pathname = (uintptr_t)pin };
	int program;

	for (uint32_t i = 0; i < request.map_count; i++)
		request.fds[i] = create(&request.maps[i], 0, interface, i);
	program = load(&request, interface);
	if (program < 0) {
		printf("%d\n%s", errno, verifier_log);
		return 0;
	}
	attr.bpf_fd = program;
	if (bpf(BPF_OBJ_PIN, &attr))
		give_up(pin);
	puts("0");
	return 0;
}

int main(int argc, char **argv)
{
	cpu_set_t first;
	uint32_t len;
	char *request = NULL;

	if (argc == 4)
		return pin(argv[1], atoi(argv[2]), argv[3]);
	page_size = sysconf(_SC_PAGESIZE);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		give_up("sched_setaffinity");
	open_event();
	for (;;) {
		ssize_t got = read(STDIN_FILENO, &len, 1);

		if (!got)
			return 0;
		if (got < 0)
			give_up("read");
		read_all((char *)&len + 1, sizeof(len) - 1);
		request = realloc(request, len);
		if (!request)
			give_up("realloc");
		read_all(request, len);
		answer_len = 0;
		room_for(sizeof(uint32_t));
		answer_request(request);
		send_answer();
	}
}
