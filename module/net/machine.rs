// SPDX-License-Identifier: GPL-2.0

//! The clocks, the randomness and the processor, as BPF programs on the host see them and drivers do.
//!
//! C headers: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h),
//! [`include/linux/random.h`](srctree/include/linux/random.h),
//! [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::bindings;

/// Nanoseconds since boot without the time asleep: what `bpf_ktime_get_ns()` reads. Any context.
#[inline]
pub fn ktime_get_ns() -> u64 {
    // SAFETY: Any context; no requirement.
    unsafe { bindings::ktime_get_mono_fast_ns() }
}

/// Nanoseconds of the counter behind the system's clocks, which nobody sets or steers
/// (`CLOCK_MONOTONIC_RAW`). Any context but non-maskable interrupts.
#[inline]
pub fn ktime_get_raw_ns() -> u64 {
    // SAFETY: Not a non-maskable interrupt.
    // CAST: It begins with 0 when the system does.
    unsafe { bindings::ktime_get_raw() as u64 }
}

/// Nanoseconds since 1970 by the system's clock (`CLOCK_REALTIME`). Any context but non-maskable
/// interrupts.
pub fn ktime_get_real_ns() -> u64 {
    // SAFETY: Not a non-maskable interrupt.
    let time = unsafe { bindings::ktime_get_with_offset(bindings::tk_offsets_TK_OFFS_REAL) };
    // A clock can't be set to before 1970.
    u64::try_from(time).unwrap_or(0)
}

/// A random number. Any context.
#[inline]
pub fn random_u32() -> u32 {
    // SAFETY: Any context; no requirement.
    unsafe { bindings::get_random_u32() }
}

/// A number that nobody can guess. Any context.
pub fn random_u64() -> u64 {
    // SAFETY: Any context; no requirement.
    unsafe { bindings::get_random_u64() }
}

/// The CPU that runs this. It means something only while the caller can't move to another one.
#[inline]
pub fn processor_id() -> u32 {
    // SAFETY: Any context; no requirement.
    unsafe { bindings::offload_nic_raw_smp_processor_id() }
}

/// The release of the kernel, as `7.2` is one: what it was compiled as, and so what it runs as.
pub const RELEASE: (u32, u32) = (
    bindings::LINUX_VERSION_CODE >> 16,
    bindings::LINUX_VERSION_CODE >> 8 & 0xff,
);
