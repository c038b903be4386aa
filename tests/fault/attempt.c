// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one system call whose Nth allocation in the kernel fails.
 *
 *	attempt N insmod FILE PARAMETERS
 *	attempt N map array|hash INTERFACE VALUE-SIZE ENTRIES
 *	attempt N program INTERFACE MAP
 *	attempt N link INTERFACE PROGRAM LINK
 *	attempt N replace LINK PROGRAM
 *	attempt N rings INTERFACE SIZE
 *	attempt N up INTERFACE
 *	attempt N group INTERFACE ADDRESS
 *	attempt N write FILE TEXT
 *	attempt N filter INTERFACE PROGRAM
 *	attempt N dpipe headers|tables|TABLE BUS DEVICE
 *
 * MAP, PROGRAM and LINK are pins in the BPF file system; a link that was made is
 * pinned as LINK. The filter is number 1 at the ingress, for the device only; one
 * that is there is replaced. TABLE is one of devlink, of which all entries are asked for.
 * With N = 0 nothing fails.
 *
 * Prints how many allocations fail-nth had still to wait for (0: one was made to
 * fail) and the error number (0: success); behind these, what the verifier had to say, or
 * how many bytes devlink has told, and a sum of them.
 *
 * fail-nth counts whatever its thread does, so it is armed right before the system
 * call. In C nothing comes between the two that could be hit instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/devlink.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static const char *nth;
static int fail_nth;
static int left;
static char verifier_log[1 << 16];
static char received[1 << 16];

static void give_up(const char *what)
{
	perror(what);
	exit(2);
}

/* The system call under test. */
static long attempt(long number, long a, long b, long c)
{
	char text[16] = "";
	long result;
	int error;

	if (pwrite(fail_nth, nth, strlen(nth), 0) < 0)
		give_up("arm fail-nth");
	result = syscall(number, a, b, c);
	error = errno;
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0 || pwrite(fail_nth, "0", 1, 0) < 0)
		give_up("disarm fail-nth");
	left = atoi(text);
	errno = result < 0 ? error : 0;
	return result;
}

static long bpf(int command, union bpf_attr *attr)
{
	return attempt(__NR_bpf, command, (long)attr, sizeof(*attr));
}

/* A pinned object, by a system call that nothing happens to. */
static int pinned(const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path };
	int fd = syscall(__NR_bpf, BPF_OBJ_GET, &attr, sizeof(attr));

	if (fd < 0)
		give_up(path);
	return fd;
}

static unsigned int index_of(const char *interface)
{
	unsigned int index = if_nametoindex(interface);

	if (!index)
		give_up(interface);
	return index;
}

static void insmod(char **args)
{
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		give_up(args[0]);
	attempt(__NR_finit_module, fd, (long)args[1], 0);
}

static void create_map(char **args)
{
	union bpf_attr attr = {
		.map_type = strcmp(args[0], "hash") ? BPF_MAP_TYPE_ARRAY : BPF_MAP_TYPE_HASH,
		.key_size = 4,
		.map_ifindex = index_of(args[1]),
		.value_size = atoi(args[2]),
		.max_entries = atoi(args[3]),
	};

	bpf(BPF_MAP_CREATE, &attr);
}

/* Adds 1 to the first eight bytes of value 0 of the map, and says XDP_PASS. */
static void load_program(char **args)
{
	struct bpf_insn insns[] = {
		{ BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4 },
		{ BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, pinned(args[1]) },
		{ 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem },
		{ BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1 },
		{ BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.prog_ifindex = index_of(args[0]),
		.insns = (uintptr_t)insns,
		.insn_cnt = sizeof(insns) / sizeof(insns[0]),
		.license = (uintptr_t)"GPL",
		.log_level = 1,
		.log_buf = (uintptr_t)verifier_log,
		.log_size = sizeof(verifier_log),
	};

	bpf(BPF_PROG_LOAD, &attr);
}

static void create_link(char **args)
{
	union bpf_attr attr = {
		.link_create = {
			.target_ifindex = index_of(args[0]),
			.prog_fd = pinned(args[1]),
			.attach_type = BPF_XDP,
			.flags = XDP_FLAGS_HW_MODE,
		},
	};
	int fd = bpf(BPF_LINK_CREATE, &attr);

	if (fd < 0)
		return;
	attr = (union bpf_attr){ .pathname = (uintptr_t)args[2], .bpf_fd = fd };
	if (syscall(__NR_bpf, BPF_OBJ_PIN, &attr, sizeof(attr)) < 0)
		give_up(args[2]);
	errno = 0;
}

static void replace_program(char **args)
{
	union bpf_attr attr = {
		.link_update = {
			.link_fd = pinned(args[0]),
			.new_prog_fd = pinned(args[1]),
		},
	};

	bpf(BPF_LINK_UPDATE, &attr);
}

static int any_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		give_up("socket");
	return fd;
}

static void resize_rings(char **args)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	struct ifreq request = { .ifr_data = (char *)&rings };
	int fd = any_socket();

	strncpy(request.ifr_name, args[0], IFNAMSIZ - 1);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		give_up("ETHTOOL_GRINGPARAM");
	rings.cmd = ETHTOOL_SRINGPARAM;
	rings.rx_pending = rings.tx_pending = atoi(args[1]);
	attempt(__NR_ioctl, fd, SIOCETHTOOL, (long)&request);
}

static void bring_up(char **args)
{
	struct ifreq request = { 0 };
	int fd = any_socket();

	strncpy(request.ifr_name, args[0], IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		give_up("SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	attempt(__NR_ioctl, fd, SIOCSIFFLAGS, (long)&request);
}

/* Has the interface be in a group of the link layer. */
static void join_group(char **args)
{
	struct ifreq request = { 0 };
	int fd = any_socket();

	strncpy(request.ifr_name, args[0], IFNAMSIZ - 1);
	if (!ether_aton_r(args[1], (struct ether_addr *)request.ifr_hwaddr.sa_data))
		give_up(args[1]);
	attempt(__NR_ioctl, fd, SIOCADDMULTI, (long)&request);
}

static void write_file(char **args)
{
	int fd = open(args[0], O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		give_up(args[0]);
	attempt(__NR_write, fd, (long)args[1], strlen(args[1]));
}

/*
 * Without NLM_F_ACK there is an answer only if the kernel refuses, made when the
 * allocation that was to fail has failed: none can get lost.
 */
static void put_filter(char **args)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg tc;
		struct rtattr kind;
		char bpf[4];
		struct rtattr options;
		struct {
			struct rtattr attr;
			uint32_t value;
		} fd, flags, flags_gen;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_NEWTFILTER,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE,
		},
		.tc = {
			.tcm_ifindex = index_of(args[0]),
			.tcm_handle = 1,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			.tcm_info = TC_H_MAKE(1 << 16, htons(ETH_P_ALL)),
		},
		.kind = { sizeof(request.kind) + sizeof(request.bpf), TCA_KIND },
		.bpf = "bpf",
		.options = {
			sizeof(request.options) + 3 * sizeof(request.fd),
			TCA_OPTIONS | NLA_F_NESTED,
		},
		.fd = { { sizeof(request.fd), TCA_BPF_FD }, pinned(args[1]) },
		.flags = { { sizeof(request.fd), TCA_BPF_FLAGS }, TCA_BPF_FLAG_ACT_DIRECT },
		.flags_gen = { { sizeof(request.fd), TCA_BPF_FLAGS_GEN }, TCA_CLS_FLAGS_SKIP_SW },
	};
	struct msghdr message = {
		.msg_iov = &(struct iovec){ &request, sizeof(request) },
		.msg_iovlen = 1,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		give_up("socket");
	if (attempt(__NR_sendmsg, fd, (long)&message, 0) < 0)
		return;
	errno = 0;
	if (recv(fd, &answer, sizeof(answer), MSG_DONTWAIT) > 0)
		errno = -answer.error.error;
	else if (errno == EAGAIN)
		errno = 0;
	else
		give_up("recv");
}

/* A request of generic netlink, and its attributes. */
struct request {
	struct nlmsghdr header;
	struct genlmsghdr genl;
	char attributes[256];
};

static void begin(struct request *request, uint16_t family, uint8_t command)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	request->header.nlmsg_type = family;
	request->header.nlmsg_flags = NLM_F_REQUEST;
	request->genl.cmd = command;
	request->genl.version = 1;
}

static void add_text(struct request *request, uint16_t type, const char *text)
{
	struct nlattr *attr = (void *)((char *)request + request->header.nlmsg_len);
	size_t len = strlen(text) + 1;

	if (request->header.nlmsg_len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(*request))
		give_up(text);
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, text, len);
	request->header.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(len);
}

/* The number of a family. */
static uint16_t family_of(int fd, const char *name)
{
	struct nlmsghdr *answer = (void *)received;
	struct request request;
	struct nlattr *attr;
	ssize_t len;
	char *end;

	begin(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add_text(&request, CTRL_ATTR_FAMILY_NAME, name);
	if (send(fd, &request, request.header.nlmsg_len, 0) < 0)
		give_up(name);
	len = recv(fd, received, sizeof(received), 0);
	if (len < (ssize_t)NLMSG_LENGTH(GENL_HDRLEN) || answer->nlmsg_type != GENL_ID_CTRL)
		give_up(name);
	end = (char *)answer + len;
	attr = (void *)((char *)answer + NLMSG_LENGTH(GENL_HDRLEN));
	while ((char *)attr + NLA_HDRLEN + sizeof(uint16_t) <= end && attr->nla_len) {
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)((char *)attr + NLA_HDRLEN);
		attr = (void *)((char *)attr + NLA_ALIGN(attr->nla_len));
	}
	give_up(name);
	return 0;
}

/*
 * The whole answer is there when the system call returns. devlink ends it with
 * NLMSG_DONE; what went wrong it says as any family, behind what it has told before.
 */
static void read_answer(int fd)
{
	unsigned int bytes = 0, sum = 0;

	for (;;) {
		ssize_t len = recv(fd, received, sizeof(received), MSG_DONTWAIT);
		struct nlmsghdr *part = (void *)received;

		if (len < 0)
			give_up("recv");
		for (; NLMSG_OK(part, len); part = NLMSG_NEXT(part, len)) {
			unsigned char *data = NLMSG_DATA(part);
			size_t i;

			if (part->nlmsg_type == NLMSG_ERROR) {
				errno = -((struct nlmsgerr *)data)->error;
				return;
			}
			if (part->nlmsg_type == NLMSG_DONE) {
				sprintf(verifier_log, "%u bytes, sum %08x", bytes, sum);
				errno = 0;
				return;
			}
			for (i = 0; i < part->nlmsg_len - NLMSG_HDRLEN; i++)
				sum = sum * 31 + data[i];
			bytes += part->nlmsg_len - NLMSG_HDRLEN;
		}
	}
}

static void show_pipeline(char **args)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int room = 1 << 24;
	struct request request;
	uint16_t family;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		give_up("socket");
	family = family_of(fd, DEVLINK_GENL_NAME);
	if (!strcmp(args[0], "headers")) {
		begin(&request, family, DEVLINK_CMD_DPIPE_HEADERS_GET);
	} else if (!strcmp(args[0], "tables")) {
		begin(&request, family, DEVLINK_CMD_DPIPE_TABLE_GET);
	} else {
		begin(&request, family, DEVLINK_CMD_DPIPE_ENTRIES_GET);
		add_text(&request, DEVLINK_ATTR_DPIPE_TABLE_NAME, args[0]);
	}
	add_text(&request, DEVLINK_ATTR_BUS_NAME, args[1]);
	add_text(&request, DEVLINK_ATTR_DEV_NAME, args[2]);
	if (attempt(__NR_write, fd, (long)&request, request.header.nlmsg_len) >= 0)
		read_answer(fd);
}

static const struct {
	const char *name;
	int args;
	void (*run)(char **args);
} operations[] = {
	{ "insmod", 2, insmod },
	{ "map", 4, create_map },
	{ "program", 2, load_program },
	{ "link", 3, create_link },
	{ "replace", 2, replace_program },
	{ "rings", 2, resize_rings },
	{ "up", 1, bring_up },
	{ "group", 2, join_group },
	{ "write", 2, write_file },
	{ "filter", 2, put_filter },
	{ "dpipe", 3, show_pipeline },
};

int main(int argc, char **argv)
{
	size_t i;

	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		give_up("/proc/thread-self/fail-nth");
	for (i = 0; argc > 2 && i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(argv[2], operations[i].name) || argc != 3 + operations[i].args)
			continue;
		nth = argv[1];
		/* The kernel writes to it: no page of it is to be made then. */
		memset(verifier_log, 1, sizeof(verifier_log));
		verifier_log[0] = '\0';
		operations[i].run(argv + 3);
		printf("%d %d\n%s", left, errno, verifier_log);
		return 0;
	}
	fprintf(stderr, "attempt: see the head of attempt.c for the arguments\n");
	return 2;
}
