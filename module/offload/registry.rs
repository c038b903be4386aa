// SPDX-License-Identifier: GPL-2.0

//! The interfaces whose drivers report programs.

use crate::report::ReportPrograms;
use core::sync::atomic::{
    AtomicU32,
    Ordering, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use net::{
    genl::Request,
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};

type Reporter = Arc<dyn ReportPrograms>;

/// The interfaces, in no particular order.
///
/// Some of them may not be registered yet, with the stack. What has RTNL finds only those that are,
/// and they stay registered as long as it has RTNL.
pub(crate) struct Registry {
    interfaces: Pin<KBox<Mutex<KVec<Reporter>>>>,
    /// Another one after each change of what is told.
    generation: AtomicU32,
}

impl Registry {
    pub(crate) fn new() -> Result<Self> {
        let interfaces = new_mutex!(KVec::new(), "offload_interfaces");
        Ok(Self {
            interfaces: KBox::pin_init(interfaces, GFP_KERNEL)?,
            generation: AtomicU32::new(1),
        })
    }

    pub(crate) fn add(&self, interface: Reporter) -> Result {
        self.interfaces.lock().push(interface, GFP_KERNEL)?;
        self.touch();
        Ok(())
    }

    /// Takes the interface away that is `device`, if it is there.
    pub(crate) fn remove(&self, device: &NetDevice, _rtnl: &Rtnl<'_>) {
        let removed = {
            let mut interfaces = self.interfaces.lock();
            let mut devices = interfaces.iter().map(|it| it.net_device());
            let position = devices.position(|it| core::ptr::eq(it, device));
            position.map(|position| interfaces.remove(position))
        };
        if removed.is_some() {
            self.touch();
        }
    }

    /// All interfaces, in the order of the list, which is the same as long as RTNL is held.
    pub(crate) fn all<'a>(&'a self, _rtnl: &'a Rtnl<'_>) -> impl Iterator<Item = Reporter> + 'a {
        (0..).map_while(|index: usize| self.interfaces.lock().get(index).cloned())
    }

    /// The interface number `ifindex` that `request` sees.
    pub(crate) fn find(
        &self,
        ifindex: u32,
        request: &Request<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Option<Reporter> {
        let interface = self.from(ifindex, request, rtnl)?;
        (interface.net_device().ifindex() == ifindex).then_some(interface)
    }

    /// Of the interfaces that `request` sees, the one with the smallest number that is not smaller than
    /// `ifindex`.
    pub(crate) fn from(
        &self,
        ifindex: u32,
        request: &Request<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Option<Reporter> {
        let interfaces = self.interfaces.lock();
        let seen = interfaces.iter().filter(|it| {
            let device = it.net_device();
            device.ifindex() >= ifindex && device.is_registered(rtnl) && request.sees(device, rtnl)
        });
        seen.min_by_key(|it| it.net_device().ifindex()).cloned()
    }

    /// Whether `interface` is the first one of its device in its namespace: then it stands for the
    /// device.
    pub(crate) fn is_first_of_device(
        &self,
        interface: &dyn ReportPrograms,
        rtnl: &Rtnl<'_>,
    ) -> bool {
        let (device, ifindex) = (interface.net_device(), interface.net_device().ifindex());
        let interfaces = self.interfaces.lock();
        !interfaces.iter().any(|it| {
            let other = it.net_device();
            other.ifindex() < ifindex
                && other.is_registered(rtnl)
                && other.is_beside(device, rtnl)
                && it.interface().shares_device_with(interface.interface())
        })
    }

    /// Something of what is told has changed.
    pub(crate) fn touch(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }
}
