// SPDX-License-Identifier: GPL-2.0

//! Error numbers, as positive values, with the names and values of the kernel.
//!
//! The engine returns its own error types; their `errno()` gives one of these so that the driver
//! need not know why an operation failed in order to answer a system call.

/// No such element.
pub const ENOENT: i32 = 2;
/// An argument (or the program) is larger than the device takes.
pub const E2BIG: i32 = 7;
/// Out of memory.
pub const ENOMEM: i32 = 12;
/// Permission denied; for `bpf_xdp_adjust_meta`, a length that metadata can't have.
pub const EACCES: i32 = 13;
/// A bad address; for `bpf_perf_event_output`, more of the frame than there is.
pub const EFAULT: i32 = 14;
/// The element exists.
pub const EEXIST: i32 = 17;
/// Invalid argument.
pub const EINVAL: i32 = 22;
/// The device does not do this.
pub const EOPNOTSUPP: i32 = 95;
/// Not supported, as the kernel says it inside: `bpf_skb_change_proto` of neither IPv4 nor IPv6.
pub const ENOTSUPP: i32 = 524;
