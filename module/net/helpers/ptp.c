// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware clocks, and what of the system's goes with their readings.
 *
 * Inline functions and macros of the kernel as functions that Rust can call, sorted
 * alphabetically; what is odd about one stands at it.
 */

#include <linux/module.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/timekeeping.h>

#include "../helpers.h"

/*
 * The system's clock that is asked for, and the raw counter at the same moment. Whether there is
 * that clock, and it goes by that counter, as auxiliary clocks need not.
 */
bool offload_nic_crosststamp(struct system_device_crosststamp *xtstamp)
{
	struct system_time_snapshot now;

	if (xtstamp->clock_id != CLOCK_REALTIME)
		return false;

	ktime_get_snapshot_id(xtstamp->clock_id, &now);
	if (!now.valid)
		return false;

	xtstamp->sys_counter = (struct system_counterval_t) {
		.cycles = now.cycles,
		.cs_id = now.cs_id,
	};
	xtstamp->sys_systime = now.systime;
	xtstamp->sys_monoraw = now.monoraw;
	return true;
}

int offload_nic_ptp_clock_index(struct ptp_clock *clock)
{
	return ptp_clock_index(clock);
}

/* NULL where the kernel has no such clocks. The module that calls is the owner. */
struct ptp_clock *offload_nic_ptp_clock_register(struct ptp_clock_info *info,
						  struct device *parent)
{
	info->owner = THIS_MODULE;
	return ptp_clock_register(info, parent);
}

void offload_nic_ptp_clock_unregister(struct ptp_clock *clock)
{
	ptp_clock_unregister(clock);
}

void offload_nic_ptp_read_system_postts(struct ptp_system_timestamp *sts)
{
	ptp_read_system_postts(sts);
}

void offload_nic_ptp_read_system_prets(struct ptp_system_timestamp *sts)
{
	ptp_read_system_prets(sts);
}
