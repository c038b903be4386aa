// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a TCP connection to its end, by mapping pages of received frames where the kernel can
 * (TCP_ZEROCOPY_RECEIVE), and by copying the rest.
 *
 *	zerocopy MAPPED < CONNECTION
 *
 * Writes what came to its output, in its order, and how many bytes of it were mapped to the
 * file MAPPED.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ROOM (512 << 10)

static void give_up(const char *what)
{
	perror(what);
	exit(2);
}

static void put(const char *bytes, size_t len)
{
	while (len) {
		ssize_t done = write(STDOUT_FILENO, bytes, len);

		if (done < 0)
			give_up("write");
		bytes += done;
		len -= done;
	}
}

int main(int argc, char **argv)
{
	static char copied[ROOM];
	unsigned long long mapped = 0;
	char *room;
	FILE *file;

	if (argc != 2)
		return 2;

	room = mmap(NULL, ROOM, PROT_READ, MAP_SHARED, STDIN_FILENO, 0);
	if (room == MAP_FAILED)
		give_up("mmap");

	for (;;) {
		struct tcp_zerocopy_receive zc = {
			.address = (uintptr_t)room,
			.length = ROOM,
		};
		struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
		socklen_t len = sizeof(zc);
		ssize_t done;

		if (poll(&ready, 1, 120000) <= 0)
			give_up("poll");
		if (getsockopt(STDIN_FILENO, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc, &len)) {
			if (errno != EIO)
				give_up("TCP_ZEROCOPY_RECEIVE");
			/* Less than a page is there. */
			zc.length = 0;
			zc.recv_skip_hint = sizeof(copied);
		}
		if (zc.length) {
			put(room, zc.length);
			mapped += zc.length;
			if (madvise(room, zc.length, MADV_DONTNEED))
				give_up("madvise");
		}
		/* What can't be mapped, or the end. */
		if (zc.recv_skip_hint || !zc.length) {
			size_t most = zc.recv_skip_hint;

			if (!most || most > sizeof(copied))
				most = sizeof(copied);
			done = recv(STDIN_FILENO, copied, most, MSG_DONTWAIT);
			if (done < 0 && errno != EAGAIN)
				give_up("recv");
			if (!done)
				break;
			if (done > 0)
				put(copied, done);
		}
	}

	file = fopen(argv[1], "w");
	if (!file || fprintf(file, "%llu\n", mapped) < 0 || fclose(file))
		give_up(argv[1]);
	return 0;
}
