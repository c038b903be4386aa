// SPDX-License-Identifier: GPL-2.0

//! The devlink parameter that chooses what kind of device the card is.

use super::ports::Ports;
use device::profile::Profile;
use kernel::prelude::*;
use net::{
    devlink::Parameter,
    extack::Extack, //
};

/// The devlink parameter that chooses the profile.
pub(crate) struct ProfileParameter;

impl Parameter<Ports> for ProfileParameter {
    const NAME: &'static CStr = c"profile";

    fn get(ports: &Ports) -> &'static str {
        ports.asic().card.profile.get().name()
    }

    fn set(ports: &mut Ports, value: &str, extack: &Extack<'_>) -> Result {
        let mut all = Profile::ALL.iter();
        let Some(profile) = all.find(|profile| profile.name() == value) else {
            let [a, b, c, d] = Profile::ALL.map(Profile::name);
            extack.fmt(fmt!("profile \"{value}\" is not one of {a}, {b}, {c}, {d}"));
            return Err(EINVAL);
        };
        ports.asic().card.profile.set(*profile);
        Ok(())
    }
}
