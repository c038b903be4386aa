// SPDX-License-Identifier: GPL-2.0

//! What the ports of one NIC share.

use crate::{
    files::{
        self,
        BoundPrograms, //
    },
    memory::DeviceMemory,
    profile::ProfileCell,
    redirect::Siblings,
    refusals::Refusals,
    residents::Residents,
    switches::DeviceSwitches, //
};
use core::{
    fmt,
    ops::Deref, //
};
use engine::resources::Usage;
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use net::{
    devlink::Reporter,
    work::Worker, //
};
use offload::{
    DeviceName,
    Offload, //
};

/// The one device behind the ports of a NIC: programs and maps lie in it and serve all of its ports.
#[derive(Clone)]
pub(crate) struct Asic(Arc<Parts>);

/// What the device consists of.
pub(crate) struct Parts {
    /// Number of the NIC.
    pub(crate) nic: u32,
    /// Where programs and maps lie.
    pub(crate) memory: DeviceMemory,
    /// The ports.
    pub(crate) ports: Arc<Siblings>,
    /// What tests have the device refuse.
    pub(crate) switches: DeviceSwitches,
    /// The programs, for people to look at.
    pub(crate) programs: BoundPrograms,
    /// What kind of device it is.
    pub(crate) profile: ProfileCell,
    /// What it refused.
    pub(crate) refusals: Arc<Reporter<Refusals>>,
    /// Who is told of its programs.
    pub(crate) offload: Offload,
    /// The programs in its memory.
    residents: Pin<KBox<Worker<Residents>>>,
}

impl Asic {
    /// The device of NIC number `nic`, whose ports will be in `ports`.
    pub(crate) fn new(
        nic: u32,
        ports: Arc<Siblings>,
        programs: BoundPrograms,
        offload: Offload,
    ) -> Result<Self> {
        let residents = Worker::new(Residents::new(ports.clone(), offload.clone())?);
        let memory = DeviceMemory::new()?;
        let refusals = Reporter::new(Refusals::new(memory.clone())?)?;
        let parts = Parts {
            nic,
            memory,
            ports,
            switches: DeviceSwitches::new(),
            programs,
            profile: ProfileCell::new(),
            refusals,
            offload,
            residents: KBox::pin_init(residents, GFP_KERNEL)?,
        };
        Ok(Self(Arc::new(parts, GFP_KERNEL)?))
    }

    /// What there is of the device, and is in use: in bytes or entries, as each resource's unit says.
    /// Any context.
    pub(crate) fn resources(&self) -> impl Iterator<Item = Usage> + '_ {
        self.memory.resources().all()
    }

    /// The programs in its memory.
    pub(crate) fn residents(&self) -> &Residents {
        self.residents.context()
    }

    /// Has programs that were loaded told of when they have got their numbers. Any context.
    pub(crate) fn tell_soon(&self) {
        self.residents.ask();
    }

    /// Has nothing more told soon. Process context, RTNL not held.
    pub(crate) fn stop_telling(&self) {
        self.residents.stop();
    }

    /// Which device it is.
    pub(crate) fn device_name(&self) -> Result<DeviceName> {
        Ok(DeviceName {
            driver: files::ROOT,
            bus: files::ROOT,
            name: CString::try_from_fmt(fmt!("offload_nic{}", self.nic))?,
        })
    }

    /// Tells the kernel log and `devlink health` that the device refused `what`, for requests that
    /// have no better place for the reason. Process context.
    pub(crate) fn log_refusal(&self, what: fmt::Arguments<'_>, reason: &dyn fmt::Display) {
        if net::log::ratelimit() {
            pr_warn!(
                "offload_nic{}: {} refused: {}; {}\n",
                self.nic,
                what,
                format_args!("{reason}"),
                format_args!("{}", self.memory)
            );
        }
        self.refusals.report().set(what, reason);
        self.refusals.note();
    }
}

impl Deref for Asic {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
