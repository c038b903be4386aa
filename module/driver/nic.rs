// SPDX-License-Identifier: GPL-2.0

//! A NIC: the device that programs and maps are offloaded to, and its ports.

use crate::{
    fault::FaultFiles,
    memory::DeviceMemory,
    port::Port,
    program::Program,
    redirect::Siblings, //
};
use kernel::{
    debugfs::Dir,
    faux,
    prelude::*,
    str::CString,
    sync::Arc, //
};
use net::{
    bpf::OffloadDevice,
    netdev::{
        with_rtnl,
        Registration, //
    },
};

/// A NIC.
///
/// Dropped from top to bottom: the files and interfaces go away first, then what they were ports of.
pub(crate) struct Nic {
    _faults: FaultFiles,
    registrations: KVec<Registration<Port>>,
    /// Each port holds it too.
    ports: Arc<Siblings>,
    _device: faux::Registration,
}

impl Nic {
    /// Makes NIC number `index` with its ports: 0 and 1, 2 and 3, ... are cabled to each other.
    /// Its files go into `debugfs`.
    pub(crate) fn new(index: u32, ports: u16, queues: u16, debugfs: &Dir) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("offload_nic{index}"))?;
        let device = faux::Registration::new(&name, None)?;
        let memory = Arc::new(DeviceMemory::new(index)?, GFP_KERNEL)?;
        let offload = Arc::new(OffloadDevice::<Program>::new(memory)?, GFP_KERNEL)?;

        let mut made = KVec::with_capacity(usize::from(ports), GFP_KERNEL)?;
        for index in 0..ports {
            let port = Port::new(device.as_ref(), offload.clone(), index, queues)?;
            made.push(Arc::new(port, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        let mut nic = Self {
            _faults: FaultFiles::new(debugfs, &name, &made)?,
            registrations: KVec::with_capacity(usize::from(ports), GFP_KERNEL)?,
            ports: Arc::new(Siblings::new(made), GFP_KERNEL)?,
            _device: device,
        };
        for port in nic.ports.ports() {
            port.siblings.replace(Some(nic.ports.clone()));
        }
        with_rtnl(|rtnl| {
            for pair in nic.ports.ports().chunks_exact(2) {
                if let [left, right] = pair {
                    Port::plug(left, right, rtnl);
                }
            }
        });
        for port in nic.ports.ports() {
            nic.registrations
                .push(Registration::new(port.clone())?, GFP_KERNEL)?;
        }
        Ok(nic)
    }
}

impl Drop for Nic {
    fn drop(&mut self) {
        self.registrations.clear();
        // The two ends of a cable hold each other, and all ports hold all.
        with_rtnl(|rtnl| {
            for port in self.ports.ports() {
                port.unplug(rtnl);
                port.siblings.replace(None);
            }
        });
    }
}
