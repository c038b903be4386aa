// SPDX-License-Identifier: GPL-2.0

//! What a NIC tells and does as a devlink instance.

use super::{
    ports::Ports,
    profile::ProfileParameter,
    refusals::Refusals,
    resources::DeviceResources, //
};
use crate::port::Port;
use kernel::prelude::*;
use net::{
    devlink::{
        self,
        Info,
        Locked, //
    },
    extack::Extack, //
};

impl devlink::Operations for Ports {
    type Port = Port;
    type Report = Refusals;
    type Parameter = ProfileParameter;
    type Resources = DeviceResources;

    fn info(&self, info: &mut Info<'_>) -> Result {
        info.fixed(c"bpf.isa", fmt!("v4"))?;
        info.running(c"bpf.image", fmt!("{}", engine::image::FORMAT))
    }

    fn reload_down(instance: &mut Locked<'_, Self>, extack: &Extack<'_>) -> Result {
        DeviceResources::check(instance, extack)?;
        Self::take_all_down(instance)
            .inspect_err(|_| extack.msg(c"offload_nic: no memory for a list of the ports"))
    }

    fn reload_up(instance: &mut Locked<'_, Self>, extack: &Extack<'_>) -> Result {
        DeviceResources::apply(instance);
        Self::make_again(instance).map_err(|(index, error)| {
            extack.fmt(fmt!("offload_nic: port {index} can't be made"));
            error
        })
    }
}
