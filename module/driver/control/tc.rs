// SPDX-License-Identifier: GPL-2.0

//! Classifiers of a port: filters that the device runs for each received frame, and what is known of
//! the host's.

use super::program::OffloadedProgram;
use crate::port::{
    HostFilter,
    Port, //
};
use core::sync::atomic::Ordering;
use kernel::prelude::*;
use net::{
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
use offload::{
    KernelProgram,
    Slot, //
};

/// What is to be remembered of `new`, if the host runs it, for all frames and by itself.
fn of_host(new: &FilterProgram<'_, OffloadedProgram>) -> Option<HostFilter> {
    let counts = !new.skip_sw && new.protocol == ANY_PROTOCOL && !new.has_actions;
    (new.bound.is_none() && counts).then_some(HostFilter {
        id: new.id,
        priority: new.priority,
        direct_action: new.direct_action,
        facts: new.facts,
    })
}

impl Port {
    /// A BPF classifier at the port's ingress is new, goes, or is replaced. RTNL is held.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for what the device does not do, `EBUSY` if the slot or one for XDP is taken,
    /// `EINVAL` if the program in the device is not the kernel's, `ENOMEM`; then all is as before.
    pub(super) fn change_filter(
        &self,
        change: &FilterChange<'_, OffloadedProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let filters = &self.filters;
        filters.change_host(change.old, change.new.as_ref().and_then(of_host))?;
        let Some(new) = &change.new else {
            // The kernel also takes filters back that the port never took.
            if filters.is_owned_by(change.old) {
                self.give_slot(None, rtnl);
            }
            return Ok(());
        };
        if change.old.is_some() && filters.is_owned_by(Some(new.id)) {
            // The kernel puts the old filter back after a replacement that was refused.
            return Ok(());
        }
        self.check_filter(new, extack)?;
        let is_taken = filters.is_taken() || self.has_offloaded_xdp();
        let is_replaced = filters.is_taken() && filters.is_owned_by(change.old);
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
            self.give_slot(Some(new.id), rtnl);
            return Ok(());
        };
        let (slot, direct_action) = (Slot::TcIngress, new.direct_action);
        let kernel = self.classifier_of_host(direct_action, rtnl);
        // What the program leaves undecided goes on to the host's filters, as ever: the stack, and
        // not the driver, runs them.
        self.attach(program, (slot, kernel), extack, rtnl, |program, _| {
            let old = self.hardware.set_classifier(self, program, direct_action)?;
            filters.set_owner(Some(new.id));
            Ok(old.is_some())
        })
    }

    /// Gives the device's slot to the filter with program `id`, which the host runs, or to none, and
    /// takes away what ran there.
    fn give_slot(&self, id: Option<ProgramId>, rtnl: &Rtnl<'_>) {
        let was_one = self.hardware.clear_classifier(self).is_some();
        self.filters.set_owner(id);
        if was_one {
            self.enforcer().removed(Slot::TcIngress, rtnl);
        }
    }

    /// What the host runs as its first classifier. A program with a verdict can be compared with one
    /// with `direct_action` only.
    pub(super) fn classifier_of_host(
        &self,
        direct_action: bool,
        rtnl: &Rtnl<'_>,
    ) -> Option<KernelProgram> {
        // A device's filter does with an equal program what the host's does only if both have
        // `direct_action`, or neither.
        let (first, is_comparable) = match tc::first_at_ingress(&self.device, rtnl) {
            Some(first) => (first, direct_action),
            None => {
                let (first, its) = self.filters.first_of_host()?;
                (first, its == direct_action)
            }
        };
        let mut program = KernelProgram::from(first);
        if !is_comparable {
            program.digest = None;
        }
        Some(program)
    }

    /// Whether the device could run the filter.
    fn check_filter(
        &self,
        new: &FilterProgram<'_, OffloadedProgram>,
        extack: &Extack<'_>,
    ) -> Result {
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
    pub(super) fn end_tc_offload(&self) -> Result {
        if !self.filters.is_taken() {
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
