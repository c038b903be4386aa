/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers that the `net` crate binds to, sorted alphabetically.
 */

#include <crypto/sha1.h>
#include <crypto/sha2.h>
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/firmware.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/ptr_ring.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/seqlock.h>
#include <linux/skbuff.h>
#include <linux/timekeeping.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <net/checksum.h>
#include <net/devlink.h>
#include <net/flow_offload.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/netdev_queues.h>
#include <net/netlink.h>
#include <net/page_pool/helpers.h>
#include <net/pkt_cls.h>
#include <net/xdp.h>

#include "helpers.h"
