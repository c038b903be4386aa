// SPDX-License-Identifier: GPL-2.0

//! The infrastructure as a driver holds it.

use crate::{
    enforce::Enforcer,
    events::Events,
    program::DeviceProgram,
    registry::Registry,
    report::ReportPrograms, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    genl,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};
use offload_uapi::netlink::Command;

/// The offload infrastructure: the interfaces that there are, and who is told of what happens at
/// them.
#[derive(Clone)]
pub struct Offload(Arc<genl::Family<Registry>>);

/// The family `offload`, by which user space reaches all that is in an [`Offload`], until this is
/// dropped.
pub struct Family(#[expect(dead_code)] genl::Registration<Registry>);

/// What has happened to a program in a device, beside slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramEvent {
    /// It was loaded.
    Load,
    /// The kernel has removed it.
    Unload,
}

impl Offload {
    /// No interface yet, in `module`, and user space can't reach it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(module: &'static ThisModule) -> Result<Self> {
        Ok(Self(genl::Family::new(Registry::new()?, module)?))
    }

    /// Lets user space reach it. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is a family `offload` in the kernel, `EBUSY` if this was done before,
    /// `ENOMEM`.
    pub fn register(&self) -> Result<Family> {
        genl::Registration::new(self.0.clone()).map(Family)
    }

    /// Adds `interface`, which may be about to be registered with the stack: it is found as soon as it
    /// is. [`Self::remove`] must come before its end.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn add(&self, interface: Arc<dyn ReportPrograms>) -> Result {
        self.registry().add(interface)
    }

    /// Takes the interface away that is `device`, if it is there: on return nobody has it any more.
    pub fn remove(&self, device: &NetDevice, rtnl: &Rtnl<'_>) {
        self.registry().remove(device, rtnl);
    }

    /// What the policy of `interface` leads to, which need not have been added yet.
    pub fn enforcer<'a>(&'a self, interface: &'a dyn ReportPrograms) -> Enforcer<'a> {
        Enforcer::new(&self.0, interface)
    }

    /// Something has changed of what is told, and nobody has to be told at once: a longer answer that was begun
    /// is begun again.
    pub fn touch(&self) {
        self.registry().touch();
    }

    fn registry(&self) -> &Registry {
        self.0.context()
    }

    /// `event` has happened to `program` of a device: tells the listeners in each namespace that has
    /// one of its interfaces, of which `is_of_device` knows all.
    pub fn tell_of_program(
        &self,
        event: ProgramEvent,
        program: &DeviceProgram,
        is_of_device: impl Fn(&dyn ReportPrograms) -> bool,
        rtnl: &Rtnl<'_>,
    ) {
        let command = match event {
            ProgramEvent::Load => Command::ProgramLoadNtf,
            ProgramEvent::Unload => Command::ProgramUnloadNtf,
        };
        let registry = self.registry();
        registry.touch();
        for interface in registry.all(rtnl) {
            let device = interface.net_device();
            let tells = is_of_device(&*interface)
                && device.was_registered(rtnl)
                && registry.is_first_of_device(&*interface, rtnl);
            if tells {
                Events(&self.0).program(command, device, program, rtnl);
            }
        }
    }
}
