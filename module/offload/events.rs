// SPDX-License-Identifier: GPL-2.0

//! Who listens is told of what happens at interfaces.

use crate::{
    answer,
    compare::Comparison,
    program::DeviceProgram,
    registry::Registry,
    report::ReportPrograms,
    Slot, //
};
use net::{
    genl::{
        Family,
        Full,
        Message, //
    },
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};
use offload_uapi::netlink::Command;

/// The number of the multicast group `events`.
const EVENTS: usize = 0;

/// The listeners of `family`.
#[derive(Clone, Copy)]
pub(crate) struct Events<'a>(pub(crate) &'a Family<Registry>);

impl Events<'_> {
    /// The policy of `interface` is another one.
    pub(crate) fn policy(self, interface: &dyn ReportPrograms, rtnl: &Rtnl<'_>) {
        let device = interface.net_device();
        self.tell(Command::DevChangeNtf, device, rtnl, |message| {
            answer::dev(message, interface, rtnl)
        });
    }

    /// `command` is what has happened in `slot` of `device`, of which the comparison says `comparison`
    /// now.
    pub(crate) fn slot(
        self,
        command: Command,
        device: &NetDevice,
        slot: Slot,
        comparison: &Comparison,
        rtnl: &Rtnl<'_>,
    ) {
        self.tell(command, device, rtnl, |message| {
            answer::slot(message, device.ifindex(), slot, comparison)
        });
    }

    /// `command` is what has happened to `program`, of the NIC that `device` is an interface of.
    pub(crate) fn program(
        self,
        command: Command,
        device: &NetDevice,
        program: &DeviceProgram,
        rtnl: &Rtnl<'_>,
    ) {
        self.tell(command, device, rtnl, |message| {
            answer::device_program(message, device.ifindex(), program)
        });
    }

    /// Tells the listeners in the namespace of `device`, of something that changes what is told.
    fn tell(
        self,
        command: Command,
        device: &NetDevice,
        rtnl: &Rtnl<'_>,
        fill: impl Fn(&mut Message<'_>) -> Result<(), Full>,
    ) {
        self.0.context().touch();
        self.0.multicast(EVENTS, command.raw(), device, rtnl, fill);
    }
}
