// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets of AF_XDP in copy mode, with metadata in both directions.
 *
 *	xsk INTERFACE receive MAP QUEUES COUNT META
 *	xsk INTERFACE send FILE META
 *
 * receive: a socket for each of the first QUEUES queues, put into the XSKMAP with that
 * number (as bpftool shows it) at the number of its queue. Says "ready" then, and of each
 * of COUNT frames its queue, the META bytes before it and the frame, in hexadecimal digits.
 *
 * send: by queue 0, one frame for each line of FILE, the next one when the completion of
 * the one before has come. A line has five numbers (flags of the metadata, or -1 for a
 * frame without; csum_start; csum_offset; launch_time; how many bytes are in a buffer of
 * their own, or 0) and the frame. META bytes of each buffer are for metadata. Says of each
 * frame CLOCK_TAI before it was sent, its tx_timestamp, and CLOCK_TAI after the completion.
 *
 * What the kernel refuses is said with its error, with status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Frames of a socket, each in a page. */
#define FRAMES 64
#define FRAME 4096
/* Where the bytes of a frame to be sent begin in its page: behind the longest metadata. */
#define START 256
#define SECOND 1000000000ll
/* Nothing takes longer, on the slowest machine. */
#define PATIENCE 120

/* As struct xsk_tx_metadata, of which older headers lack the launch time. */
struct metadata {
	uint64_t flags;
	union {
		struct {
			uint16_t csum_start;
			uint16_t csum_offset;
			uint32_t reserved;
			uint64_t launch_time;
		} request;
		uint64_t tx_timestamp;
	};
};

struct ring {
	uint32_t *producer;
	uint32_t *consumer;
	void *entries;
};

struct xsk {
	int fd;
	uint8_t *memory;
	struct ring fill, completion, frames;
};

static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static void check(long result, const char *what)
{
	if (result < 0)
		fail("%s: %s", what, strerrorname_np(errno));
}

static int64_t now(clockid_t clock)
{
	struct timespec time;

	check(clock_gettime(clock, &time), "clock_gettime");
	return time.tv_sec * SECOND + time.tv_nsec;
}

static void set(int fd, int option, const void *value, socklen_t len, const char *what)
{
	check(setsockopt(fd, SOL_XDP, option, value, len), what);
}

static struct ring map_ring(int fd, const struct xdp_ring_offset *offset, size_t entry, off_t at)
{
	uint8_t *base = mmap(NULL, offset->desc + FRAMES * entry, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_POPULATE, fd, at);

	check(base == MAP_FAILED ? -1 : 0, "mmap of a ring");
	return (struct ring){
		.producer = (void *)(base + offset->producer),
		.consumer = (void *)(base + offset->consumer),
		.entries = base + offset->desc,
	};
}

/* A socket that is closed gives its queue back a little later, and nothing tells when. */
static void bind_xsk(int fd, const struct sockaddr_xdp *address)
{
	int64_t end = now(CLOCK_MONOTONIC) + PATIENCE * SECOND;

	while (bind(fd, (const void *)address, sizeof(*address))) {
		if (errno != EBUSY || now(CLOCK_MONOTONIC) > end)
			check(-1, "bind");
		sched_yield();
	}
}

static struct xsk open_xsk(unsigned int interface, unsigned int queue, bool sends, uint32_t meta)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_COPY | (sends ? XDP_USE_SG : 0),
		.sxdp_ifindex = interface,
		.sxdp_queue_id = queue,
	};
	struct xdp_umem_reg memory = {
		.len = FRAMES * FRAME,
		.chunk_size = FRAME,
		.flags = sends ? XDP_UMEM_TX_METADATA_LEN : 0,
		.tx_metadata_len = sends ? meta : 0,
	};
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);
	struct xsk xsk = { .fd = socket(AF_XDP, SOCK_RAW, 0) };
	int entries = FRAMES;

	check(xsk.fd, "socket");
	xsk.memory = mmap(NULL, FRAMES * FRAME, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	check(xsk.memory == MAP_FAILED ? -1 : 0, "mmap");
	memory.addr = (uintptr_t)xsk.memory;
	set(xsk.fd, XDP_UMEM_REG, &memory, sizeof(memory), "XDP_UMEM_REG");
	set(xsk.fd, XDP_UMEM_FILL_RING, &entries, sizeof(entries), "XDP_UMEM_FILL_RING");
	set(xsk.fd, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries),
	    "XDP_UMEM_COMPLETION_RING");
	set(xsk.fd, sends ? XDP_TX_RING : XDP_RX_RING, &entries, sizeof(entries), "a ring");
	check(getsockopt(xsk.fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len), "XDP_MMAP_OFFSETS");
	xsk.fill = map_ring(xsk.fd, &offsets.fr, sizeof(uint64_t), XDP_UMEM_PGOFF_FILL_RING);
	xsk.completion = map_ring(xsk.fd, &offsets.cr, sizeof(uint64_t),
				  XDP_UMEM_PGOFF_COMPLETION_RING);
	xsk.frames = map_ring(xsk.fd, sends ? &offsets.tx : &offsets.rx, sizeof(struct xdp_desc),
			      sends ? XDP_PGOFF_TX_RING : XDP_PGOFF_RX_RING);
	bind_xsk(xsk.fd, &address);
	return xsk;
}

static void put_into_map(uint32_t number, uint32_t queue, int fd)
{
	union bpf_attr get = { .map_id = number };
	int map = syscall(SYS_bpf, BPF_MAP_GET_FD_BY_ID, &get, sizeof(get));
	union bpf_attr update = {
		.map_fd = map,
		.key = (uintptr_t)&queue,
		.value = (uintptr_t)&fd,
	};

	check(map, "map");
	check(syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update)), "map update");
	close(map);
}

static void print_hex(const uint8_t *bytes, size_t len)
{
	while (len--)
		printf("%02x", *bytes++);
}

/* Has the kernel put a frame at an address. */
static void refill(struct xsk *xsk, uint64_t address)
{
	uint32_t producer = *xsk->fill.producer;

	((uint64_t *)xsk->fill.entries)[producer % FRAMES] = address;
	__atomic_store_n(xsk->fill.producer, producer + 1, __ATOMIC_RELEASE);
}

static void receive(unsigned int interface, uint32_t map, uint32_t queues, uint32_t count,
		    uint32_t meta)
{
	struct xsk *all = calloc(queues, sizeof(*all));
	struct pollfd *fds = calloc(queues, sizeof(*fds));
	uint32_t queue, i;

	if (!all || !fds)
		fail("no memory");
	for (queue = 0; queue < queues; queue++) {
		all[queue] = open_xsk(interface, queue, false, 0);
		for (i = 0; i < FRAMES; i++)
			refill(&all[queue], i * FRAME);
		put_into_map(map, queue, all[queue].fd);
		fds[queue] = (struct pollfd){ .fd = all[queue].fd, .events = POLLIN };
	}
	printf("ready\n");
	fflush(stdout);
	while (count) {
		int ready = poll(fds, queues, PATIENCE * 1000);

		check(ready, "poll");
		if (!ready)
			fail("%u frames did not come", count);
		for (queue = 0; queue < queues && count; queue++) {
			struct xsk *xsk = &all[queue];
			uint32_t consumer = *xsk->frames.consumer;
			struct xdp_desc *desc;
			uint8_t *bytes;

			if (__atomic_load_n(xsk->frames.producer, __ATOMIC_ACQUIRE) == consumer)
				continue;
			desc = (struct xdp_desc *)xsk->frames.entries + consumer % FRAMES;
			bytes = xsk->memory + desc->addr;
			printf("%u ", queue);
			print_hex(bytes - meta, meta);
			printf(" ");
			print_hex(bytes, desc->len);
			printf("\n");
			fflush(stdout);
			refill(xsk, desc->addr & ~(uint64_t)(FRAME - 1));
			__atomic_store_n(xsk->frames.consumer, consumer + 1, __ATOMIC_RELEASE);
			count--;
		}
	}
}

static void give(struct xsk *xsk, uint32_t page, uint32_t len, uint32_t options)
{
	uint32_t producer = *xsk->frames.producer;
	struct xdp_desc *desc = (struct xdp_desc *)xsk->frames.entries + producer % FRAMES;

	*desc = (struct xdp_desc){
		.addr = page * FRAME + START,
		.len = len,
		.options = options,
	};
	__atomic_store_n(xsk->frames.producer, producer + 1, __ATOMIC_RELEASE);
}

/* Has the kernel send what it was given, and waits for that many completions. */
static void complete(struct xsk *xsk, uint32_t count)
{
	int64_t end = now(CLOCK_MONOTONIC) + PATIENCE * SECOND;
	uint32_t consumer = *xsk->completion.consumer;
	bool is_sent = false;

	while (__atomic_load_n(xsk->completion.producer, __ATOMIC_ACQUIRE) - consumer < count) {
		if (!is_sent) {
			is_sent = !sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
			if (!is_sent && errno != EAGAIN && errno != EBUSY && errno != ENOBUFS)
				check(-1, "sendto");
		}
		/* Nothing tells of completions. */
		sched_yield();
		if (now(CLOCK_MONOTONIC) > end)
			fail("no completion");
	}
	__atomic_store_n(xsk->completion.consumer, consumer + count, __ATOMIC_RELEASE);
}

static uint32_t read_hex(const char *digits, uint8_t *bytes, uint32_t room)
{
	uint32_t len = 0;
	int used;

	while (len < room && sscanf(digits, "%2hhx%n", &bytes[len], &used) == 1) {
		digits += used;
		len++;
	}
	return len;
}

static void send_all(unsigned int interface, const char *path, uint32_t meta)
{
	struct xsk xsk = open_xsk(interface, 0, true, meta);
	static uint8_t frame[2 * (FRAME - START)];
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		fail("open %s: %s", path, strerrorname_np(errno));
	while (getline(&line, &size, file) > 0) {
		uint8_t *first = xsk.memory + START, *second = first + FRAME;
		struct metadata *metadata = (void *)(first - meta);
		uint32_t start, offset, apart, len, in_first;
		int64_t flags, before;
		uint64_t launch;
		int digits;

		if (sscanf(line, "%" SCNd64 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu32 " %n",
			   &flags, &start, &offset, &launch, &apart, &digits) != 5)
			fail("not five numbers: %s", line);
		len = read_hex(line + digits, frame, sizeof(frame));
		in_first = len - apart;
		if (apart > FRAME - START || in_first > FRAME - START)
			fail("no room for %u bytes", len);
		memset(metadata, 0, meta);
		metadata->flags = flags;
		metadata->request.csum_start = start;
		metadata->request.csum_offset = offset;
		if (meta >= sizeof(*metadata))
			metadata->request.launch_time = launch;
		memcpy(first, frame, in_first);
		memcpy(second, frame + in_first, apart);
		before = now(CLOCK_TAI);
		give(&xsk, 0, in_first,
		     (flags < 0 ? 0 : XDP_TX_METADATA) | (apart ? XDP_PKT_CONTD : 0));
		if (apart)
			give(&xsk, 1, apart, 0);
		complete(&xsk, apart ? 2 : 1);
		printf("%" PRId64 " %" PRIu64 " %" PRId64 "\n", before, metadata->tx_timestamp,
		       now(CLOCK_TAI));
	}
}

int main(int argc, char **argv)
{
	unsigned int interface = argc > 2 ? if_nametoindex(argv[1]) : 0;

	if (!interface)
		fail("no interface");
	if (argc == 7 && !strcmp(argv[2], "receive"))
		receive(interface, atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
	else if (argc == 5 && !strcmp(argv[2], "send"))
		send_all(interface, argv[3], atoi(argv[4]));
	else
		return 2;
	return 0;
}
