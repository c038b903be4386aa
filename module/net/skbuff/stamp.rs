// SPDX-License-Identifier: GPL-2.0

//! Time stamps of devices.

use super::SkBuff;
use crate::bindings;
use core::num::NonZeroU64;

/// A time by the clock of a device, in nanoseconds since 1970. The kernel takes 0 for none.
pub type Stamp = NonZeroU64;

/// As the kernel has it.
#[inline]
pub(crate) fn nanoseconds(stamp: Option<Stamp>) -> u64 {
    stamp.map_or(0, Stamp::get)
}

/// When a frame goes from one device to another, each by its own clock, as far as they note that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// When it left the one: for its sender.
    pub left: Option<Stamp>,
    /// When it arrived at the other.
    pub arrived: Option<Stamp>,
}

impl Stamps {
    #[inline]
    pub(crate) fn raw(self) -> (u64, u64) {
        (nanoseconds(self.left), nanoseconds(self.arrived))
    }
}

impl SkBuff {
    /// Whether the sender wants to know when the device sends the frame (`SKBTX_HW_TSTAMP`).
    #[inline]
    pub fn wants_time_stamp(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_wants_hwtstamp(self.as_ptr()) }
    }

    /// Whether a device has noted with the frame, or with a clone of it, when it left or arrived:
    /// whoever receives it as it is would take that for its own device's.
    pub fn has_time_stamp(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_has_hwtstamp(self.as_ptr()) }
    }

    /// The frame is as good as sent: its sender gets the time stamps that it wants, the device's if
    /// that takes one, which is `left`, and the software's (`skb_tx_timestamp()`). Context: bottom
    /// halves off.
    #[inline]
    pub fn take_time_stamps(&self, left: Option<Stamp>) {
        // SAFETY: The skb is valid; who gets a time stamp gets it with a clone.
        unsafe { bindings::offload_nic_skb_tx_timestamps(self.as_ptr(), nanoseconds(left)) };
    }
}
