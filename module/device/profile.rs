// SPDX-License-Identifier: GPL-2.0

//! What kind of device the card is, as far as checksums and segmentation go.

use core::sync::atomic::{
    AtomicU8,
    Ordering, //
};
use engine::{
    descriptor::TxCapability,
    receive_checksum::RxChecksums, //
};

/// The kinds of devices that a card can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
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
    /// All of them, by discriminant.
    pub const ALL: [Self; 4] = [
        Self::Programmable,
        Self::Legacy,
        Self::None,
        Self::LegacyUnchecked,
    ];

    /// What users call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Programmable => "programmable",
            Self::Legacy => "legacy",
            Self::None => "none",
            Self::LegacyUnchecked => "legacy-unchecked",
        }
    }

    /// What the device does for frames to be sent, if anything.
    pub const fn tx_capability(self) -> Option<TxCapability> {
        match self {
            Self::Programmable => Some(TxCapability::Agnostic),
            Self::Legacy | Self::LegacyUnchecked => Some(TxCapability::ProtocolSpecific),
            Self::None => None,
        }
    }

    /// What the device finds out about the checksums of received frames.
    pub(crate) const fn rx_checksums(self) -> RxChecksums {
        match self {
            Self::Programmable => RxChecksums::Complete,
            Self::Legacy | Self::LegacyUnchecked => RxChecksums::Verified,
            Self::None => RxChecksums::None,
        }
    }
}

/// The profile of a card, which may change while frames are under way.
pub struct ProfileCell(AtomicU8);

impl ProfileCell {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(Profile::Programmable as u8))
    }

    /// The profile now.
    #[inline]
    pub fn get(&self) -> Profile {
        let number = usize::from(self.0.load(Ordering::Relaxed));
        *Profile::ALL.get(number).unwrap_or(&Profile::Programmable)
    }

    /// Makes the card one of another kind. Frames that are on the cable are treated as their
    /// descriptors say.
    pub fn set(&self, profile: Profile) {
        self.0.store(profile as u8, Ordering::Relaxed);
    }
}
