// SPDX-License-Identifier: GPL-2.0

//! The classifiers at a port's ingress, as far as the driver was told of them.

use super::LoadedProgram;
use core::sync::atomic::{
    AtomicUsize,
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
    bpf::KernelProgram,
    rcu,
    tc::ProgramId, //
};

/// A filter that the host runs, as far as the port was told of it.
pub(crate) struct HostFilter {
    pub(crate) id: ProgramId,
    pub(crate) priority: u32,
    pub(crate) direct_action: bool,
    pub(crate) facts: KernelProgram,
}

/// What the device ran until it was found to be faulted.
struct Faulted {
    program: Arc<LoadedProgram>,
    direct_action: bool,
}

/// The filters of a port. Written under RTNL.
pub(crate) struct Filters {
    /// The number of the program in the filter that the device's slot was given to, 0 for none. The
    /// device runs none for a filter that the host runs.
    owner: AtomicUsize,
    /// What the kernel still believes to be there.
    faulted: rcu::Slot<Faulted>,
    /// The lock is only there as RTNL is no lock that owns anything.
    host: Pin<KBox<Mutex<KVec<HostFilter>>>>,
}

impl Filters {
    /// None.
    pub(super) fn new() -> Result<Self> {
        let host = new_mutex!(KVec::new(), "offload_nic_host_filters");
        Ok(Self {
            owner: AtomicUsize::new(0),
            faulted: rcu::Slot::empty(),
            host: KBox::pin_init(host, GFP_KERNEL)?,
        })
    }

    /// Whether a filter was given the device's slot. RTNL is held.
    pub(crate) fn is_taken(&self) -> bool {
        self.owner.load(Ordering::Relaxed) != 0
    }

    /// Whether the slot was given to the filter with program `id`, or to none if there is no `id`.
    pub(crate) fn is_owned_by(&self, id: Option<ProgramId>) -> bool {
        self.owner.load(Ordering::Relaxed) == id.map_or(0, ProgramId::number)
    }

    /// Gives the slot to the filter with program `id`, or to none. RTNL is held.
    pub(crate) fn set_owner(&self, id: Option<ProgramId>) {
        self.owner
            .store(id.map_or(0, ProgramId::number), Ordering::Relaxed);
        self.faulted.replace(None);
    }

    /// The program that ran until it was found to be faulted, and whether what it returned was the
    /// verdict.
    pub(crate) fn faulted(&self) -> Option<(Arc<LoadedProgram>, bool)> {
        let faulted = self.faulted.load_arc(&rcu::Guard::new())?;
        Some((faulted.program.clone(), faulted.direct_action))
    }

    /// Remembers a program that was taken out as it was faulted. RTNL is held.
    pub(crate) fn set_faulted(&self, program: Arc<LoadedProgram>, direct_action: bool) {
        let faulted = Faulted {
            program,
            direct_action,
        };
        // Without memory for that the slot looks empty.
        self.faulted.replace(Arc::new(faulted, GFP_KERNEL).ok());
    }

    /// The host's filter with program `old` is gone, and `new` is one that it runs. RTNL is held.
    pub(crate) fn change_host(&self, old: Option<ProgramId>, new: Option<HostFilter>) -> Result {
        let mut host = self.host.lock();
        if let Some(position) = host.iter().position(|it| Some(it.id) == old) {
            // There is one in that place.
            let _ = host.remove(position);
        }
        if let Some(new) = new {
            host.push(new, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// What is known of the filter that the host asks first, of those that the port was told of, and
    /// whether what its program returns is the verdict.
    pub(crate) fn first_of_host(&self) -> Option<(KernelProgram, bool)> {
        let host = self.host.lock();
        let first = host.iter().min_by_key(|it| it.priority)?;
        Some((first.facts, first.direct_action))
    }
}
