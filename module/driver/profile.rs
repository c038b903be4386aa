// SPDX-License-Identifier: GPL-2.0

//! What kind of device the NIC is, as far as checksums and segmentation go.

use crate::ports::Ports;
use core::sync::atomic::{
    AtomicU8,
    Ordering, //
};
use kernel::prelude::*;
use net::{
    devlink::Parameter,
    extack::Extack, //
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

    /// What users call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Programmable => "programmable",
            Self::Legacy => "legacy",
            Self::None => "none",
            Self::LegacyUnchecked => "legacy-unchecked",
        }
    }
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

    fn set(&self, profile: Profile) {
        self.0.store(profile as u8, Ordering::Relaxed);
    }
}

/// The devlink parameter that chooses the profile.
pub(crate) struct ProfileParameter;

impl Parameter<Ports> for ProfileParameter {
    const NAME: &'static CStr = c"profile";

    fn get(ports: &Ports) -> &'static str {
        ports.profile().get().name()
    }

    fn set(ports: &mut Ports, value: &str, extack: &Extack<'_>) -> Result {
        let mut all = Profile::ALL.iter();
        let Some(profile) = all.find(|profile| profile.name() == value) else {
            let [a, b, c, d] = Profile::ALL.map(Profile::name);
            extack.fmt(fmt!("profile \"{value}\" is not one of {a}, {b}, {c}, {d}"));
            return Err(EINVAL);
        };
        ports.profile().set(*profile);
        Ok(())
    }
}
