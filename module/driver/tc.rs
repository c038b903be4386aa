// SPDX-License-Identifier: GPL-2.0

//! The classifier slot of a port: which filter the device runs for each received frame.

use crate::{
    port::Port,
    program::{
        LoadedProgram,
        Program, //
    },
};
use core::sync::atomic::{
    AtomicUsize,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    error::not_supported,
    extack::Extack,
    rcu,
    tc::{
        FilterChange,
        FilterProgram,
        ProgramId,
        ANY_PROTOCOL, //
    },
};
use offload::Slot;

/// A filter that the device runs.
pub(crate) struct Classifier {
    program: Arc<LoadedProgram>,
    direct_action: bool,
}

impl Classifier {
    /// Its program.
    pub(crate) fn program(&self) -> &LoadedProgram {
        &self.program
    }

    /// Whether what the program returns is the verdict, not a class.
    pub(crate) fn direct_action(&self) -> bool {
        self.direct_action
    }
}

/// The classifier slot of a port.
pub(crate) struct TcSlot {
    /// The number of the program in the filter that the slot was given to, 0 for none. Written
    /// under RTNL.
    filter: AtomicUsize,
    /// Empty for a filter that the host runs.
    classifier: rcu::Slot<Classifier>,
}

impl TcSlot {
    /// An empty slot.
    pub(crate) const fn empty() -> Self {
        Self {
            filter: AtomicUsize::new(0),
            classifier: rcu::Slot::empty(),
        }
    }

    /// The filter to run for the frame at hand, for as long as `guard` is held.
    #[inline]
    pub(crate) fn load<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Classifier> {
        self.classifier.load(guard)
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
    /// any more. RTNL is held.
    fn set(&self, id: Option<ProgramId>, classifier: Option<Arc<Classifier>>) {
        self.filter
            .store(id.map_or(0, ProgramId::number), Ordering::Relaxed);
        self.classifier.replace(classifier);
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
    ) -> Result {
        let Some(new) = &change.new else {
            // The kernel also takes filters back that the port never took.
            if self.tc_hw.belongs_to(change.old) {
                self.tc_hw.set(None, None);
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
        let classifier = match &new.bound {
            Some(program) => {
                let program = LoadedProgram::checked(program, Slot::Tc, extack)?;
                let direct_action = new.direct_action;
                let classifier = Classifier {
                    program,
                    direct_action,
                };
                Some(Arc::new(classifier, GFP_KERNEL)?)
            }
            None => None,
        };
        self.tc_hw.set(Some(new.id), classifier);
        Ok(())
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
