// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware clocks and what is stamped with them, for what no tool of the guest's has a
 * command.
 *
 *	clock DEVICE time             the time, in nanoseconds since 1970
 *	clock DEVICE set TIME
 *	clock DEVICE shift NANOSECONDS
 *	clock DEVICE rate RATE        faster than its counter, in 2^-16 parts per million
 *	clock DEVICE most             the most of that, in parts per billion
 *	clock DEVICE cross            time, the system's and the raw counter of one moment
 *	clock INTERFACE stamp TX RX   SIOCSHWTSTAMP; what the driver makes of the two
 *	clock INTERFACE stamped       SIOCGHWTSTAMP
 *
 * DEVICE is a file. What the kernel refuses is said by its name, with status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/net_tstamp.h>
#include <linux/ptp_clock.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>

#define SECOND 1000000000ll

static void check(int result)
{
	if (result < 0) {
		fprintf(stderr, "%s\n", strerrorname_np(errno));
		exit(1);
	}
}

static int stamp(int argc, char **argv)
{
	struct hwtstamp_config config = {};
	struct ifreq request = { .ifr_data = (void *)&config };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check(fd);
	strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
	if (argc == 5) {
		config.tx_type = atoi(argv[3]);
		config.rx_filter = atoi(argv[4]);
		check(ioctl(fd, SIOCSHWTSTAMP, &request));
	} else {
		check(ioctl(fd, SIOCGHWTSTAMP, &request));
	}
	printf("%d %d\n", config.tx_type, config.rx_filter);
	return 0;
}

static int64_t nanoseconds(const struct ptp_clock_time *time)
{
	return time->sec * SECOND + time->nsec;
}

int main(int argc, char **argv)
{
	struct ptp_sys_offset_precise cross = {};
	struct ptp_clock_caps caps;
	struct timespec time = {};
	struct timex change = {};
	const char *what;
	int64_t number;
	clockid_t clock;
	int fd;

	if (argc < 3)
		return 2;
	what = argv[2];
	number = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
	if (!strncmp(what, "stamp", 5))
		return stamp(argc, argv);

	fd = open(argv[1], O_RDWR);
	check(fd);
	clock = ~(clockid_t)fd << 3 | 3;
	if (!strcmp(what, "time")) {
		check(clock_gettime(clock, &time));
		printf("%" PRId64 "\n", (int64_t)(time.tv_sec * SECOND + time.tv_nsec));
	} else if (!strcmp(what, "set")) {
		time.tv_sec = number / SECOND;
		time.tv_nsec = number % SECOND;
		check(clock_settime(clock, &time));
	} else if (!strcmp(what, "shift")) {
		change.modes = ADJ_SETOFFSET | ADJ_NANO;
		change.time.tv_sec = number / SECOND;
		change.time.tv_usec = number % SECOND;
		if (change.time.tv_usec < 0) {
			change.time.tv_sec--;
			change.time.tv_usec += SECOND;
		}
		check(clock_adjtime(clock, &change));
	} else if (!strcmp(what, "rate")) {
		change.modes = ADJ_FREQUENCY;
		change.freq = number;
		check(clock_adjtime(clock, &change));
	} else if (!strcmp(what, "most")) {
		check(ioctl(fd, PTP_CLOCK_GETCAPS, &caps));
		printf("%d\n", caps.max_adj);
	} else if (!strcmp(what, "cross")) {
		check(ioctl(fd, PTP_SYS_OFFSET_PRECISE, &cross));
		printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", nanoseconds(&cross.device),
		       nanoseconds(&cross.sys_realtime), nanoseconds(&cross.sys_monoraw));
	} else {
		return 2;
	}
	return 0;
}
