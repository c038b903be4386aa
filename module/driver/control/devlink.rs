// SPDX-License-Identifier: GPL-2.0

//! What a NIC tells and does as a devlink instance.

use super::{
    dpipe::SteeringPipeline,
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
        Firmware,
        Info,
        Locked, //
    },
    extack::Extack,
    netdev::with_rtnl, //
};
use offload::Digest;

/// The component that is flashed: the parse graph.
const PARSER: &CStr = c"parser";

impl Firmware<Self> for Ports {
    fn flash(
        instance: &mut Locked<'_, Self>,
        component: Option<&CStr>,
        image: &[u8],
        extack: &Extack<'_>,
    ) -> Result {
        // There is one alone.
        if component.is_some_and(|name| name.to_bytes() != PARSER.to_bytes()) {
            extack.msg(c"offload_nic: the device has one component: parser");
            return Err(EINVAL);
        }
        let card = &instance.asic().card;
        card.parsers.flash(&card.memory, image).map_err(|refusal| {
            extack.fmt(fmt!("parser: {refusal}"));
            refusal.into()
        })
    }

    fn activate(instance: &mut Locked<'_, Self>, extack: &Extack<'_>) -> Result {
        let asic = instance.asic();
        // Ports begin and end to count under RTNL, and have their raw tables made.
        with_rtnl(|rtnl| {
            let mut next = KVec::new();
            if let Some(stored) = asic.card.parsers.stored() {
                for port in instance.all() {
                    if let Some(steering) = port.raw_steering(&stored, extack, rtnl)? {
                        next.push((port, steering), GFP_KERNEL)?;
                    }
                }
            }
            asic.card.activate_parser().map_err(|refusal| {
                extack.fmt(fmt!(
                    "parser: {refusal}: a port counts, and would have to begin anew"
                ));
                Error::from(refusal)
            })?;
            // Until then their tables look at frames by the graph before: each has its own.
            for (port, steering) in next {
                port.steer_raw_by(steering);
            }
            Ok::<_, Error>(())
        })?;
        asic.offload.touch();
        Ok(())
    }
}

impl devlink::Operations for Ports {
    type Port = Port;
    type Report = Refusals;
    type Parameter = ProfileParameter;
    type Resources = DeviceResources;
    type Pipeline = SteeringPipeline;
    type Firmware = Self;

    fn info(&self, info: &mut Info<'_>) -> Result {
        info.fixed(c"bpf.isa", fmt!("v4"))?;
        info.running(c"bpf.image", fmt!("{}", engine::image::FORMAT))?;
        let parsers = &self.asic().card.parsers;
        match (parsers.stored(), parsers.running()) {
            (Some(stored), Some(running)) => info.component(
                PARSER,
                format_args!("{}", Digest(stored.digest())),
                format_args!("{}", Digest(running.digest())),
            ),
            _ => Ok(()),
        }
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
