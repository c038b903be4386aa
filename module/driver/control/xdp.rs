// SPDX-License-Identifier: GPL-2.0

//! XDP programs of a port: the one that the device runs, and the one of the host.

use super::program::OffloadedProgram;
use crate::{
    path::SINGLE_BUFFER_MTU,
    port::Port, //
};
use core::sync::atomic::Ordering;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::AttachedProgram,
    error::not_supported,
    extack::Extack,
    netdev::Rtnl,
    rcu,
    xdp::NativeProgram, //
};
use offload::{
    ReportPrograms,
    Slot, //
};

impl Port {
    /// Has the device run `program` for each received frame, in place of the one that is there, or
    /// takes that one away.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if tests have switched that off, `EBUSY` if there is a filter, or as
    /// [`Self::attach`]; then all is as before.
    pub(super) fn attach_to_device(
        &self,
        program: Option<&AttachedProgram<'_, OffloadedProgram>>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let Some(program) = program else {
            let was_one = self.hardware.clear_xdp(self).is_some();
            self.xdp_faulted.replace(None);
            if was_one {
                self.enforcer().removed(Slot::Xdp, rtnl);
            }
            return Ok(());
        };
        if !self.switches.bpf_xdpoffload_accept.load(Ordering::Relaxed) {
            extack.msg(c"offload_nic: XDP offload disabled in DebugFS");
            return Err(not_supported());
        }
        if self.filters.is_taken() {
            extack.msg(c"offload_nic: TC program is already loaded");
            return Err(EBUSY);
        }
        let kernel = self.kernel_program(Slot::Xdp, rtnl);
        self.attach(
            program,
            (Slot::Xdp, kernel),
            extack,
            rtnl,
            |program, replaces| {
                let old = self.hardware.set_xdp(self, program, replaces)?;
                self.xdp_faulted.replace(None);
                Ok(old.is_some())
            },
        )
    }

    /// Whether the device runs an XDP program.
    pub(super) fn has_offloaded_xdp(&self) -> bool {
        self.hardware.slots.xdp().is_some()
    }

    /// Attaches `program` of the host, in place of the one that is there, or takes that one away.
    pub(super) fn attach_native(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result {
        let Some(program) = program else {
            self.xdp_native.publish(None);
            return Ok(());
        };
        if !self.switches.bpf_xdpdrv_accept.load(Ordering::Relaxed) {
            extack.msg(c"offload_nic: driver XDP disabled in DebugFS");
            return Err(not_supported());
        }
        if self.filters.is_taken() {
            extack
                .msg(c"offload_nic: XDP would run behind the offloaded TC filter: delete it first");
            return Err(EBUSY);
        }
        let mtu = self.device.mtu();
        if !fits(mtu, &program) {
            extack.msg(c"offload_nic: MTU too large w/ XDP enabled");
            pr_info!(
                "{}: XDP program refused: it has no support for fragments and takes an MTU of at \
                 most {SINGLE_BUFFER_MTU}, and the MTU is {mtu}\n",
                self.device.name(rtnl)
            );
            return Err(EINVAL);
        }
        let kernel = program.facts().into();
        self.enforcer()
            .permit_kernel(Slot::Xdp, kernel, extack, rtnl)?;
        // Whoever takes a program out of the device that this one is to stand in for finds all
        // frames see it.
        self.xdp_native
            .publish(Some(Arc::new(program, GFP_KERNEL)?));
        Ok(())
    }

    /// Whether the program that is attached, if any, can live with an MTU of `mtu` bytes.
    pub(super) fn check_native_mtu(&self, mtu: u32, rtnl: &Rtnl<'_>) -> Result {
        let guard = rcu::Guard::new();
        match self.xdp_native.load(&guard) {
            Some(program) if !fits(mtu, program) => {
                pr_err!(
                    "{}: MTU {mtu} refused: the attached XDP program has no support for fragments \
                     and takes an MTU of at most {SINGLE_BUFFER_MTU}\n",
                    self.device.name(rtnl)
                );
                Err(EINVAL)
            }
            _ => Ok(()),
        }
    }
}

fn fits(mtu: u32, program: &NativeProgram) -> bool {
    mtu <= SINGLE_BUFFER_MTU || program.takes_frags()
}
