// SPDX-License-Identifier: GPL-2.0

//! The classifier slot of a port: which filter the device runs for each received frame.

use crate::{
    loaded::{
        LoadedProgram,
        StoredProgram, //
    },
    port::Port,
    program::Program, //
};
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
    bpf,
    error::not_supported,
    extack::Extack,
    netdev::Rtnl,
    rcu,
    tc::{
        self,
        FilterChange,
        FilterProgram,
        ProgramId,
        ANY_PROTOCOL, //
    },
};
use offload::Slot;

/// A filter that the device runs.
#[derive(Clone)]
pub(crate) struct Classifier {
    program: Arc<LoadedProgram>,
    direct_action: bool,
}

impl Classifier {
    /// Its program.
    pub(crate) fn program(&self) -> &Arc<LoadedProgram> {
        &self.program
    }

    /// Whether what the program returns is the verdict, not a class.
    pub(crate) fn direct_action(&self) -> bool {
        self.direct_action
    }
}

/// A filter that the host runs, as far as the port was told of it.
struct HostFilter {
    id: ProgramId,
    priority: u32,
    direct_action: bool,
    facts: bpf::KernelProgram,
}

/// The classifier slot of a port. Written under RTNL.
pub(crate) struct TcSlot {
    /// The number of the program in the filter that the slot was given to, 0 for none.
    filter: AtomicUsize,
    /// Empty for a filter that the host runs.
    classifier: rcu::Slot<Classifier>,
    /// What was active until it was found to be faulted, and the kernel still believes to be.
    faulted: rcu::Slot<Classifier>,
    /// The lock is only there as RTNL is no lock that owns anything.
    host: Pin<KBox<Mutex<KVec<HostFilter>>>>,
}

impl TcSlot {
    /// An empty slot.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            filter: AtomicUsize::new(0),
            classifier: rcu::Slot::empty(),
            faulted: rcu::Slot::empty(),
            host: KBox::pin_init(
                new_mutex!(KVec::new(), "offload_nic_host_filters"),
                GFP_KERNEL,
            )?,
        })
    }

    /// The filter to run for the frame at hand, for as long as `guard` is held.
    #[inline]
    pub(crate) fn load<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Classifier> {
        self.classifier.load(guard)
    }

    /// Whether what is made of `stored` runs.
    pub(crate) fn runs(&self, stored: &Arc<StoredProgram>, guard: &rcu::Guard) -> bool {
        let active = self.classifier.load(guard);
        active.is_some_and(|it| Arc::ptr_eq(it.program.stored(), stored))
    }

    /// The filter that runs.
    pub(crate) fn active(&self) -> Option<Arc<Classifier>> {
        self.classifier.load_arc(&rcu::Guard::new())
    }

    /// The filter that ran until its program was found to be faulted.
    pub(crate) fn faulted(&self) -> Option<Arc<Classifier>> {
        self.faulted.load_arc(&rcu::Guard::new())
    }

    /// Whether a filter was given the slot. RTNL is held.
    pub(crate) fn is_taken(&self) -> bool {
        self.filter.load(Ordering::Relaxed) != 0
    }

    /// Whether the slot was given to the filter with program `id`, or to none if there is no `id`.
    fn belongs_to(&self, id: Option<ProgramId>) -> bool {
        self.filter.load(Ordering::Relaxed) == id.map_or(0, ProgramId::number)
    }

    /// Each frame meets either the old filter or the new one. On return no frame is in the old one
    /// any more. Gives whether there was an old one. RTNL is held.
    fn set(&self, id: Option<ProgramId>, classifier: Option<Arc<Classifier>>) -> bool {
        self.filter
            .store(id.map_or(0, ProgramId::number), Ordering::Relaxed);
        self.faulted.replace(None);
        self.classifier.replace(classifier).is_some()
    }

    /// Takes away the filter that runs, whose program is faulted: the slot remembers it. RTNL is held.
    pub(crate) fn take_out(&self) {
        if let Some(classifier) = self.classifier.replace(None) {
            self.faulted.replace(Some(classifier));
        }
    }

    /// Has the filter that runs run `program` instead, which is made of the same. RTNL is held.
    pub(crate) fn swap_program(&self, program: Arc<LoadedProgram>) -> Result {
        if let Some(active) = self.active() {
            let classifier = Classifier {
                program,
                direct_action: active.direct_action,
            };
            self.classifier
                .replace(Some(Arc::new(classifier, GFP_KERNEL)?));
        }
        Ok(())
    }

    /// Takes note of what `change` means for the filters that the host runs.
    fn note_host(&self, change: &FilterChange<'_, Program>) -> Result {
        let mut host = self.host.lock();
        if let Some(position) = host.iter().position(|it| Some(it.id) == change.old) {
            // There is one in that place.
            let _ = host.remove(position);
        }
        let Some(new) = &change.new else {
            return Ok(());
        };
        let counts = !new.skip_sw && new.protocol == ANY_PROTOCOL && !new.has_actions;
        if new.bound.is_none() && counts {
            let filter = HostFilter {
                id: new.id,
                priority: new.priority,
                direct_action: new.direct_action,
                facts: new.facts,
            };
            host.push(filter, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// The program of the filter that the host asks first, of those that the port was told of, if it
    /// is one for all frames. A device's filter with `direct_action` or without does with an equal
    /// program what the host does only if the host's has it too.
    pub(crate) fn first_of_host(&self, direct_action: bool) -> Option<offload::KernelProgram> {
        let host = self.host.lock();
        let first = host.iter().min_by_key(|it| it.priority)?;
        let mut program = offload::KernelProgram::from(first.facts);
        if first.direct_action != direct_action {
            program.digest = None;
        }
        Some(program)
    }
}

impl Port {
    /// A BPF classifier at the port's ingress is new, goes, or is replaced. RTNL is held.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for what the device does not do, `EBUSY` if the slot or one for XDP is taken,
    /// `EINVAL` if the program in the device is not the kernel's, `ENOMEM`; then all is as before.
    pub(crate) fn change_filter(
        &self,
        change: &FilterChange<'_, Program>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        self.tc_hw.note_host(change)?;
        let Some(new) = &change.new else {
            // The kernel also takes filters back that the port never took.
            if self.tc_hw.belongs_to(change.old) && self.tc_hw.set(None, None) {
                self.reporter().removed(Slot::TcIngress, rtnl);
            }
            return Ok(());
        };
        if change.old.is_some() && self.tc_hw.belongs_to(Some(new.id)) {
            // The kernel puts the old filter back after a replacement that was refused.
            return Ok(());
        }
        self.check_filter(new, extack)?;
        let is_taken = self.tc_hw.is_taken() || self.xdp_hw.is_taken();
        let is_replaced = self.tc_hw.is_taken() && self.tc_hw.belongs_to(change.old);
        if is_taken && !is_replaced {
            // The port runs one program in the device: another filter's, or one for XDP.
            extack.msg(c"offload_nic: driver and netdev offload states mismatch");
            return Err(EBUSY);
        }
        if self.xdp_native.load(&rcu::Guard::new()).is_some() {
            extack
                .msg(c"offload_nic: the filter would run before XDP: take the native program off");
            return Err(EBUSY);
        }
        let Some(program) = &new.bound else {
            if self.tc_hw.set(Some(new.id), None) {
                self.reporter().removed(Slot::TcIngress, rtnl);
            }
            return Ok(());
        };
        let slot = Slot::TcIngress;
        self.asic().residents().tell_of_new(rtnl);
        let (program, found) = LoadedProgram::checked(program, (self, slot), extack, rtnl)?;
        let kernel = self.classifier_of_host(new.direct_action, rtnl);
        // What the program leaves undecided goes on to the host's filters, as ever: the stack, and
        // not the driver, runs them.
        self.reporter().permit(slot, &found, kernel, extack, rtnl)?;
        let classifier = Classifier {
            program,
            direct_action: new.direct_action,
        };
        let classifier = Arc::new(classifier, GFP_KERNEL)?;
        let was_one = self.tc_hw.set(Some(new.id), Some(classifier));
        self.reporter().activated(slot, was_one, rtnl);
        Ok(())
    }

    /// What the host runs as its first classifier. A program with a verdict can be compared with one
    /// with `direct_action` only.
    pub(crate) fn classifier_of_host(
        &self,
        direct_action: bool,
        rtnl: &Rtnl<'_>,
    ) -> Option<offload::KernelProgram> {
        let Some(first) = tc::first_at_ingress(&self.device, rtnl) else {
            return self.tc_hw.first_of_host(direct_action);
        };
        let mut program = offload::KernelProgram::from(first);
        if !direct_action {
            program.digest = None;
        }
        Some(program)
    }

    /// Whether the device could run the filter.
    fn check_filter(&self, new: &FilterProgram<'_, Program>, extack: &Extack<'_>) -> Result {
        let switches = &self.switches;
        let refusal = if new.protocol != ANY_PROTOCOL {
            c"offload_nic: only ETH_P_ALL supported as filter protocol"
        } else if !switches.bpf_tc_accept.load(Ordering::Relaxed) {
            c"offload_nic: offload_nic configured to reject BPF TC offload"
        } else if new.has_actions {
            c"offload_nic: only direct action with no legacy actions supported"
        } else if new.bound.is_some() {
            return Ok(());
        } else if !switches.bpf_tc_non_bound_accept.load(Ordering::Relaxed) {
            c"offload_nic: offload_nic configured to reject unbound programs"
        } else if new.skip_sw {
            c"offload_nic: the device can't run a program of the host, and skip_sw keeps the host from it"
        } else {
            // The host runs it, so that it does not matter where the kernel believes it to be.
            return Ok(());
        };
        extack.msg(refusal);
        Err(not_supported())
    }

    /// The user wants no filters to be offloaded any more.
    ///
    /// # Errors
    ///
    /// `EBUSY` while one is.
    pub(crate) fn end_tc_offload(&self) -> Result {
        if !self.tc_hw.is_taken() {
            return Ok(());
        }
        pr_err!(
            "interface {}: hw-tc-offload stays on while a filter is offloaded (tc filter show): \
             delete it, then switch hw-tc-offload on and off\n",
            self.device.ifindex()
        );
        Err(EBUSY)
    }
}
