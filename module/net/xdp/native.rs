// SPDX-License-Identifier: GPL-2.0

//! Ports that native XDP programs can be attached to, and by which those of other interfaces send.

use super::{
    transmit::XdpFrames,
    NativeProgram, //
};
use crate::{
    bindings,
    extack::Extack,
    netdev::{
        port,
        Operations,
        Rtnl,
        Table, //
    },
};
use core::ptr::NonNull;
use kernel::{
    error::from_result,
    prelude::*, //
};

/// A port that has native XDP, frames in several buffers included.
pub trait NativeXdp: Operations {
    /// Sends frames that XDP programs of other interfaces redirect to this one, as many as there is
    /// room for. Context: softirq, on several CPUs at once.
    fn xdp_xmit(&self, frames: &mut XdpFrames<'_>);

    /// Makes `program` the one of the host that sees each received frame first, or takes it away.
    /// RTNL is held.
    ///
    /// On an error the old one stays.
    fn xdp_setup(
        &self,
        program: Option<NativeProgram>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;
}

impl<T: NativeXdp> Table<T> {
    /// The port has [`NativeXdp`].
    pub const fn native_xdp(mut self) -> Self {
        self.netdev.ndo_bpf = Some(bpf::<T>);
        self.netdev.ndo_xdp_xmit = Some(xdp_xmit::<T>);
        self.has_xdp_metadata = true;
        self.xdp_features |= bindings::netdev_xdp_act_NETDEV_XDP_ACT_BASIC
            | bindings::netdev_xdp_act_NETDEV_XDP_ACT_REDIRECT
            | bindings::netdev_xdp_act_NETDEV_XDP_ACT_NDO_XMIT
            | bindings::netdev_xdp_act_NETDEV_XDP_ACT_RX_SG
            | bindings::netdev_xdp_act_NETDEV_XDP_ACT_NDO_XMIT_SG;
        self
    }
}

/// # Safety
///
/// To be called by the stack, as `ndo_bpf` of a registered port of type `T`.
unsafe extern "C" fn bpf<T: NativeXdp>(
    dev: *mut bindings::net_device,
    command: *mut bindings::netdev_bpf,
) -> i32 {
    // SAFETY: By the function's contract, and RTNL is held.
    from_result(|| unsafe { setup(port::<T>(dev), command) }.map(|()| 0))
}

/// Serves `ndo_bpf` for `port`: attaches, replaces or removes the program of the host that sees
/// received frames first.
///
/// # Errors
///
/// What the port gives; `EINVAL` for all else that the core may ask.
///
/// # Safety
///
/// To be called from `ndo_bpf`, with RTNL held and the command that the core passed.
pub(crate) unsafe fn setup<T: NativeXdp>(port: &T, bpf: *mut bindings::netdev_bpf) -> Result {
    // SAFETY: The core passes a valid command.
    if unsafe { (*bpf).command } != bindings::bpf_netdev_command_XDP_SETUP_PROG {
        return Err(EINVAL);
    }
    // SAFETY: This command comes with this member of the union.
    let (prog, extack) = unsafe {
        let request = &(*bpf).__bindgen_anon_1.__bindgen_anon_1;
        (request.prog, request.extack)
    };
    // SAFETY: The acknowledgement is ours for as long as the call lasts, under RTNL.
    let (extack, rtnl) = unsafe { (Extack::from_raw(extack), Rtnl::held()) };
    let Some(prog) = NonNull::new(prog) else {
        return port.xdp_setup(None, &extack, &rtnl);
    };
    // SAFETY: The core passes an XDP program that the host can run.
    let program = unsafe { NativeProgram::from_raw(prog) };
    port.xdp_setup(Some(program), &extack, &rtnl)?;
    // SAFETY: On success the core leaves one reference to the port, which has taken its own.
    unsafe { bindings::bpf_prog_put(prog.as_ptr()) };
    Ok(())
}

/// # Safety
///
/// To be called by the stack, as the operation of that name of a registered port of type `T`.
unsafe extern "C" fn xdp_xmit<T: NativeXdp>(
    dev: *mut bindings::net_device,
    n: i32,
    frames: *mut *mut bindings::xdp_frame,
    flags: u32,
) -> i32 {
    if flags & !bindings::XDP_XMIT_FLUSH != 0 {
        return EINVAL.to_errno();
    }
    let count = usize::try_from(n).unwrap_or(0);
    // SAFETY: The stack passes `n` valid frames, which are the driver's when it says so by what
    // it returns, and sends by registered devices only. Softirq.
    let (port, mut frames) = unsafe {
        let frames = core::slice::from_raw_parts(frames, count);
        (port::<T>(dev), XdpFrames::new(frames, dev))
    };
    port.xdp_xmit(&mut frames);
    // CAST: At most `n`.
    frames.taken() as i32
}
