// SPDX-License-Identifier: GPL-2.0
/*
 * Says of each frame that comes by an interface, and whose source address begins as
 * those of the steering tests, its batch, its number and the hash that a packet socket
 * with a ring (TPACKET_V3) is told.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/*
 * A block is closed when it is full, and when a time has passed since its first frame: as many
 * as a batch has frames, with the one behind it, so that none is lost however late this reads.
 */
#define BLOCKS		1024
#define BLOCK_SIZE	(1 << 13)

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static void say(const struct tpacket3_hdr *frame)
{
	const uint8_t *source = (const uint8_t *)frame + frame->tp_mac + ETH_ALEN;

	if (frame->tp_snaplen < 2 * ETH_ALEN || source[0] != 2 || source[1] != 0x53)
		return;
	printf("%d %d %u\n", source[2] << 8 | source[3], source[4] << 8 | source[5],
	       frame->hv1.tp_rxhash);
}

int main(int argc, char **argv)
{
	int version = TPACKET_V3, fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct tpacket_req3 request = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = BLOCKS * (BLOCK_SIZE / 2048),
		.tp_retire_blk_tov = 10, /* milliseconds */
		.tp_feature_req_word = TP_FT_REQ_FILL_RXHASH,
	};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	struct pollfd awaited = { .fd = fd, .events = POLLIN };
	unsigned int now = 0;
	uint8_t *ring;

	check(argc != 2, "an interface");
	check(fd < 0, "socket");
	check(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), "version");
	check(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)), "ring");
	ring = mmap(NULL, BLOCKS * BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(ring == MAP_FAILED, "mmap");
	address.sll_ifindex = if_nametoindex(argv[1]);
	check(!address.sll_ifindex, argv[1]);
	check(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	puts("ready");
	fflush(stdout);
	for (;; now = (now + 1) % BLOCKS) {
		struct tpacket_block_desc *block = (void *)(ring + now * BLOCK_SIZE);
		struct tpacket_hdr_v1 *head = &block->hdr.bh1;
		const struct tpacket3_hdr *frame;
		uint32_t left;

		while (!(__atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			check(poll(&awaited, 1, -1) < 0, "poll");
		frame = (void *)((uint8_t *)block + head->offset_to_first_pkt);
		for (left = head->num_pkts; left; left--) {
			say(frame);
			frame = (void *)((const uint8_t *)frame + frame->tp_next_offset);
		}
		fflush(stdout);
		__atomic_store_n(&head->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	}
}
