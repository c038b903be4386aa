// SPDX-License-Identifier: GPL-2.0

//! Messages of netlink itself (`include/uapi/linux/netlink.h`).

/// Bytes of a netlink header.
pub(super) const HEADER: usize = 16;
/// Message types below this one are netlink's own.
pub(super) const NLMSG_MIN_TYPE: u16 = 0x10;
pub(super) const NLMSG_ERROR: u16 = 2;
pub(super) const NLMSG_DONE: u16 = 3;
