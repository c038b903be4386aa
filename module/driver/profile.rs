// SPDX-License-Identifier: GPL-2.0

//! What kind of device the NIC is, as far as checksums and segmentation go.

use core::sync::atomic::{
    AtomicU8,
    Ordering, //
};

/// The kinds of devices that the NIC can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Any checksum and any segmentation that a descriptor can tell.
    Programmable,
    /// TCP and UDP alone, which the device looks for itself; the driver gives it what it gets right.
    Legacy,
    /// Neither.
    None,
    /// As `Legacy`, and the driver gives it everything.
    LegacyUnchecked,
}

impl Profile {
    const ALL: [Self; 4] = [
        Self::Programmable,
        Self::Legacy,
        Self::None,
        Self::LegacyUnchecked,
    ];
}

/// The profile of a NIC, which may change while frames are under way.
pub(crate) struct ProfileCell(AtomicU8);

impl ProfileCell {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(Profile::Programmable as u8))
    }

    /// The profile now.
    #[inline]
    pub(crate) fn get(&self) -> Profile {
        let number = usize::from(self.0.load(Ordering::Relaxed));
        *Profile::ALL.get(number).unwrap_or(&Profile::Programmable)
    }
}
