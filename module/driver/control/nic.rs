// SPDX-License-Identifier: GPL-2.0

//! A NIC: a device on the bus, and what makes it work.

use super::{
    clock::NicClock,
    files::NicFiles,
    ports::Ports,
    program::OffloadedProgram,
    store::{
        BoundPrograms,
        Store, //
    },
};
use crate::port::{
    Asic,
    Port, //
};
use kernel::{
    debugfs::Dir,
    device,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    }, //
};
use net::{
    bpf::OffloadDevice,
    bus::{
        DeviceOperations,
        DeviceRegistration,
        Devices,
        File, //
    },
    devlink::{
        Devlink,
        Locked, //
    },
    netns::NetNamespace, //
};
use offload::Offload;
use offload_uapi::limits::MAX_PORTS;

/// What a NIC is to be like.
pub(crate) struct Plan {
    /// Its number on the bus.
    pub(crate) id: u32,
    /// Number of ports, 0 to `MAX_PORTS`.
    pub(crate) ports: u16,
    /// Queue pairs of each port.
    pub(crate) queues: u16,
    /// Whether ports 0 and 1, 2 and 3, ... are cabled to each other from the beginning.
    pub(crate) is_cabled: bool,
}

/// A NIC, as the files of its device see it.
#[pin_data]
pub(crate) struct Nic {
    pub(crate) id: u32,
    asic: Asic,
    /// Nothing while the NIC is being made and when it goes away.
    #[pin]
    running: Mutex<Option<Running>>,
}

/// The registrations of a NIC.
///
/// Dropped from top to bottom: the clock is one of the device, which the devlink instance holds.
struct Running {
    _clock: NicClock,
    devlink: Devlink<Ports, DeviceRegistration<Nic>>,
    _files: NicFiles,
    store: Arc<Store>,
}

impl Nic {
    /// Makes a NIC on `bus`, in the network namespace of the calling task. Its files go into
    /// `debugfs`. Process context, RTNL not held.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what registering a device gives; then nothing is left.
    pub(crate) fn new(
        bus: &Devices,
        plan: &Plan,
        debugfs: &Dir,
        offload: &Offload,
    ) -> Result<Arc<Self>> {
        let id = plan.id;
        let asic = Asic::new(id, offload.clone())?;
        let shared = asic.clone();
        let nic = Arc::pin_init(
            pin_init!(Self {
                id,
                asic: shared,
                running <- new_mutex!(None, "offload_nic_running"),
            }),
            GFP_KERNEL,
        )?;
        let device = DeviceRegistration::new(bus, id, nic.clone())?;
        let dir = debugfs.subdir(&CString::try_from_fmt(fmt!("offload_nic{id}"))?);
        let store = Store::new(asic.clone(), BoundPrograms::new(&dir))?;
        let store = Arc::new(store, GFP_KERNEL)?;
        let offload = OffloadDevice::<OffloadedProgram>::new(Arc::new(store.clone(), GFP_KERNEL)?)?;
        let ports = Ports::new(
            asic,
            device.as_ref(),
            Arc::new(offload, GFP_KERNEL)?,
            plan.queues,
            dir.subdir(c"ports"),
        );
        let (ns, refusals) = (NetNamespace::current(), &store.refusals);
        let parent: ARef<device::Device> = device.as_ref().into();
        let devlink = Devlink::new(device, &ns, refusals, ports)?;
        let running = Running {
            _clock: NicClock::new(&nic.asic, &parent)?,
            devlink,
            _files: NicFiles::new(&dir, &store)?,
            store,
        };
        running.start(plan)?;
        *nic.running.lock() = Some(running);
        Ok(nic)
    }

    /// The first of its ports that `is_wanted`.
    pub(super) fn find_port(&self, is_wanted: impl Fn(&Port) -> bool) -> Option<Arc<Port>> {
        self.asic.card.ports.find(is_wanted)
    }

    /// Takes the NIC away. Process context, RTNL not held.
    pub(crate) fn remove(&self) {
        // Whoever is in a file of the device may be waiting for the lock, and the end of the device
        // waits for them.
        let running = self.running.lock().take();
        drop(running);
    }

    /// Changes the ports.
    fn change(&self, change: impl FnOnce(&mut Locked<'_, Ports>) -> Result) -> Result {
        let running = self.running.lock();
        running.as_ref().ok_or(EBUSY)?.devlink.with_lock(change)
    }
}

impl Running {
    fn start(&self, plan: &Plan) -> Result {
        self.devlink.with_lock(|instance| {
            for index in 0..plan.ports {
                Ports::add(instance, index)?;
            }
            if plan.is_cabled {
                instance.plug_pairs();
            }
            Ok(())
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.devlink.with_lock(Ports::end);
        self.store.asic.stop_working();
    }
}

/// The number of a port, as a user wrote it to a file of NIC `nic`.
fn port_number(nic: u32, file: &str, request: &str) -> Result<u16> {
    let index = request.parse().map_err(|_| {
        pr_err!(
            "{file} of offload_nic{nic} takes \"PORT\", a number, for instance \"1\", and not \"{request}\"\n"
        );
        EINVAL
    })?;
    // CAST: Far below `u32::MAX`.
    if u32::from(index) >= MAX_PORTS {
        pr_err!(
            "port {index} of offload_nic{nic} is out of range: 0 to {}\n",
            MAX_PORTS - 1
        );
        return Err(EINVAL);
    }
    Ok(index)
}

impl Nic {
    /// `new_port` was written.
    fn new_port(&self, request: &str) -> Result {
        let index = port_number(self.id, "new_port", request)?;
        self.change(|instance| Ports::add(instance, index))
    }

    /// `del_port` was written.
    fn del_port(&self, request: &str) -> Result {
        let index = port_number(self.id, "del_port", request)?;
        self.change(|instance| Ports::remove(instance, index))
    }
}

impl DeviceOperations for Nic {
    const FILES: &'static [File<Self>] = &[
        File {
            name: c"new_port",
            write: Self::new_port,
        },
        File {
            name: c"del_port",
            write: Self::del_port,
        },
    ];
}
