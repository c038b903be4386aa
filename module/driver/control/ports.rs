// SPDX-License-Identifier: GPL-2.0

//! The ports of a NIC, as they come and go. The lock of the NIC's devlink instance guards them.

use super::{
    files::PortFiles,
    program::OffloadedProgram, //
};
use crate::port::{
    Asic,
    Port, //
};
use engine::resources::Resources;
use kernel::{
    debugfs::Dir,
    device,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};
use net::{
    bpf::OffloadDevice,
    devlink::Locked,
    netdev::{
        with_rtnl,
        Rtnl, //
    }, //
};

/// The ports of a NIC, and what it takes to make one.
pub(crate) struct Ports {
    asic: Asic,
    parent: ARef<device::Device>,
    offload: Arc<OffloadDevice<OffloadedProgram>>,
    queues: u16,
    /// Where the files of the ports are.
    dir: Dir,
    present: KVec<Present>,
    /// The ports that a reload has taken down and is to make anew.
    down: KVec<Down>,
}

/// A port that is there.
struct Present {
    port: Arc<Port>,
    files: PortFiles,
}

/// A port that was taken down.
struct Down {
    index: u16,
    cable: Option<FarEnd>,
}

/// The other end of a cable.
enum FarEnd {
    /// A port of the same NIC, by its number.
    Sibling(u16),
    /// A port of another NIC.
    Foreign(Arc<Port>),
}

impl Ports {
    /// No port yet. Those to come are on `parent`, have `queues` queue pairs, and their files go
    /// into `dir`.
    pub(crate) fn new(
        asic: Asic,
        parent: &device::Device,
        offload: Arc<OffloadDevice<OffloadedProgram>>,
        queues: u16,
        dir: Dir,
    ) -> Self {
        Self {
            asic,
            parent: parent.into(),
            offload,
            queues,
            dir,
            present: KVec::new(),
            down: KVec::new(),
        }
    }

    /// What the ports share.
    pub(super) fn asic(&self) -> &Asic {
        &self.asic
    }

    /// What the card has a limited amount of.
    pub(super) fn resources(&self) -> &Resources {
        self.asic.card.memory.resources()
    }

    /// The ports that are there, in the order in which they came.
    pub(super) fn all(&self) -> impl Iterator<Item = &Port> {
        self.present.iter().map(|it| &*it.port)
    }

    fn position(&self, index: u16) -> Option<usize> {
        let mut numbers = self.present.iter().map(|it| it.port.index());
        numbers.position(|number| number == index)
    }

    fn port(&self, index: u16) -> Option<&Arc<Port>> {
        let present = self.present.get(self.position(index)?)?;
        Some(&present.port)
    }

    /// Adds port number `index`, without a cable.
    ///
    /// # Errors
    ///
    /// `EEXIST` if there is one of that number, `ENOMEM`, or what registering an interface gives.
    pub(crate) fn add(instance: &mut Locked<'_, Self>, index: u16) -> Result {
        if instance.position(index).is_some() {
            return Err(EEXIST);
        }
        instance.present.reserve(1, GFP_KERNEL)?;
        let asic = instance.asic.clone();
        let port = Port::new(
            &instance.parent,
            asic.clone(),
            instance.offload.clone(),
            index,
            instance.queues,
        )?;
        port.begin_to_steer()?;
        let files = PortFiles::new(&instance.dir, asic.nic, port.clone())?;
        asic.card.ports.set(index, Some(port.clone()));
        let registered = asic
            .offload
            .add(port.clone())
            .and_then(|()| instance.register_port(port.clone()));
        registered.inspect_err(|_| {
            with_rtnl(|rtnl| asic.offload.remove(&port.device, rtnl));
            asic.card.ports.set(index, None);
        })?;
        let present = Present { port, files };
        instance.present.push(present, GFP_KERNEL)?;
        Ok(())
    }

    /// Removes port number `index`.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none of that number.
    pub(crate) fn remove(instance: &mut Locked<'_, Self>, index: u16) -> Result {
        let position = instance.position(index).ok_or(ENOENT)?;
        let present = instance.present.remove(position).map_err(|_| ENOENT)?;
        Self::take_down(instance, present);
        Ok(())
    }

    /// Removes all ports, for good: a reload that comes between this and the end of the instance
    /// makes none.
    pub(crate) fn end(instance: &mut Locked<'_, Self>) {
        instance.down = KVec::new();
        Self::remove_all(instance);
    }

    /// Removes all ports.
    fn remove_all(instance: &mut Locked<'_, Self>) {
        while let Some(present) = instance.present.pop() {
            Self::take_down(instance, present);
        }
    }

    fn take_down(instance: &mut Locked<'_, Self>, present: Present) {
        let Present { port, files } = present;
        // Whoever finds the port registered, under RTNL, has this unplug it. It is one of the
        // instance's, as all that are present.
        let _ = instance.unregister_port(&port);
        with_rtnl(|rtnl| {
            port.unplug(rtnl);
            port.set_loopback(false, rtnl);
        });
        instance.asic.card.ports.set(port.index(), None);
        drop(files);
    }

    /// Puts cables between ports 0 and 1, 2 and 3, ...
    pub(crate) fn plug_pairs(&self) {
        with_rtnl(|rtnl| {
            for pair in self.present.chunks_exact(2) {
                if let [left, right] = pair {
                    Port::plug(&left.port, &right.port, rtnl);
                }
            }
        });
    }

    /// What a reload has to make anew of `port`.
    fn note(&self, port: &Port, rtnl: &Rtnl<'_>) -> Down {
        let peer = port.link.cable(rtnl);
        let cable = peer.map(|peer| match self.port(peer.index()) {
            Some(sibling) if Arc::ptr_eq(sibling, &peer) => FarEnd::Sibling(peer.index()),
            _ => FarEnd::Foreign(peer),
        });
        Down {
            index: port.index(),
            cable,
        }
    }

    /// Puts the cable of port `index` back, unless that was done from the other end, or the other
    /// end has gone or has another cable by now.
    fn plug_again(&self, index: u16, cable: &FarEnd, rtnl: &Rtnl<'_>) {
        let far = match cable {
            FarEnd::Sibling(far) => self.port(*far),
            FarEnd::Foreign(far) => Some(far),
        };
        let (Some(near), Some(far)) = (self.port(index), far) else {
            return;
        };
        if far.device.is_registered(rtnl) && !near.has_cable(rtnl) && !far.has_cable(rtnl) {
            Port::plug(near, far, rtnl);
        }
    }

    /// Takes all ports down, and notes what [`Self::make_again`] is to make.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then nothing has changed.
    pub(super) fn take_all_down(instance: &mut Locked<'_, Self>) -> Result {
        let present = instance.present.len();
        if present > 0 {
            let mut down = KVec::with_capacity(present, GFP_KERNEL)?;
            with_rtnl(|rtnl| {
                for port in instance.present.iter() {
                    down.push(instance.note(&port.port, rtnl), GFP_KERNEL)?;
                }
                Ok::<_, Error>(())
            })?;
            // Ports that the last reload could not make are tried again, if they are not there by
            // now.
            instance.down = down;
        }
        Self::remove_all(instance);
        Ok(())
    }

    /// Makes the ports again that were taken down, with their cables.
    ///
    /// # Errors
    ///
    /// As [`Self::add`], with the number of the port that can't be made; then there is none.
    pub(super) fn make_again(instance: &mut Locked<'_, Self>) -> Result<(), (u16, Error)> {
        let down = core::mem::replace(&mut instance.down, KVec::new());
        for port in down.iter() {
            if let Err(error) = Self::add(instance, port.index) {
                let index = port.index;
                Self::remove_all(instance);
                instance.down = down;
                // A port of another NIC is not to be kept for longer than this.
                for port in instance.down.iter_mut() {
                    port.cable = None;
                }
                return Err((index, error));
            }
        }
        with_rtnl(|rtnl| {
            for port in down.iter() {
                if let Some(cable) = &port.cable {
                    instance.plug_again(port.index, cable, rtnl);
                }
            }
        });
        Ok(())
    }
}
