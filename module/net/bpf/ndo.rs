// SPDX-License-Identifier: GPL-2.0

//! `ndo_bpf`: what the core asks of a port.

use super::{
    device,
    map,
    KernelProgram,
    OffloadDevice,
    ProgramOffload, //
};
use crate::{
    bindings,
    extack::Extack,
    netdev::{
        Operations,
        Rtnl, //
    },
    xdp::NativeProgram, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// A loaded program that is to be attached: the device's side, and what names it in the kernel.
///
/// Nothing else of the kernel's side is shown: it goes on changing when a program is loaded.
pub struct AttachedProgram<'a, P: ProgramOffload> {
    state: &'a P,
    facts: KernelProgram,
}

impl<'a, P: ProgramOffload> AttachedProgram<'a, P> {
    /// What names it, as the kernel has it.
    pub fn facts(&self) -> KernelProgram {
        self.facts
    }

    /// # Safety
    ///
    /// For `'a`, `prog` must be valid and RTNL be held; it must be bound to an `OffloadDevice<P>`
    /// and have been translated.
    pub(crate) unsafe fn from_raw(prog: *mut bindings::bpf_prog) -> Self {
        // SAFETY: By the function's contract.
        unsafe {
            Self {
                state: device::state::<P>(prog),
                facts: KernelProgram::of(prog),
            }
        }
    }
}

impl<P: ProgramOffload> Deref for AttachedProgram<'_, P> {
    type Target = P;

    fn deref(&self) -> &P {
        self.state
    }
}

/// Serves `ndo_bpf` for `port`.
///
/// # Errors
///
/// What the port's operations return; `EOPNOTSUPP` for what a device does not do, `EINVAL` for what
/// the core may come to ask one day.
///
/// # Safety
///
/// To be called from `ndo_bpf` of the network device of `port`, which must be registered with
/// `device`, with the command the core passed.
pub(crate) unsafe fn ndo_bpf<T: Operations>(
    port: &T,
    device: &OffloadDevice<T::Program>,
    bpf: *mut bindings::netdev_bpf,
) -> Result {
    // SAFETY: The core passes a valid command.
    match unsafe { (*bpf).command } {
        bindings::bpf_netdev_command_XDP_SETUP_PROG => {
            // SAFETY: As this function's contract; this command comes with this member of the
            // union.
            unsafe { setup_native(port, bpf) }
        }
        // SAFETY: As this function's contract; this command comes with this member of the union.
        bindings::bpf_netdev_command_XDP_SETUP_PROG_HW => unsafe { setup_hw(port, bpf) },
        bindings::bpf_netdev_command_BPF_OFFLOAD_MAP_ALLOC => {
            // SAFETY: This command comes with this member of the union.
            let offmap = unsafe { (*bpf).__bindgen_anon_1.__bindgen_anon_2.offmap };
            port.may_make_map()?;
            // SAFETY: The core passes a map that it is creating.
            unsafe { map::alloc::<<T::Program as ProgramOffload>::Map>(device.device(), offmap) }
        }
        bindings::bpf_netdev_command_BPF_OFFLOAD_MAP_FREE => {
            // SAFETY: This command comes with this member of the union.
            let offmap = unsafe { (*bpf).__bindgen_anon_1.__bindgen_anon_2.offmap };
            // SAFETY: The core frees once each map that was allocated through this function, by the
            // same port or another one of the same device, whose maps are of the same type.
            unsafe { map::free::<<T::Program as ProgramOffload>::Map>(offmap) };
            Ok(())
        }
        _ => Err(EINVAL),
    }
}

/// Serves `XDP_SETUP_PROG`: attaches, replaces or removes the program of the host that sees received
/// frames first.
///
/// # Safety
///
/// As for [`ndo_bpf`], for this command.
unsafe fn setup_native<T: Operations>(port: &T, bpf: *mut bindings::netdev_bpf) -> Result {
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

/// Serves `XDP_SETUP_PROG_HW`: attaches, replaces or removes the program that the device runs.
///
/// # Safety
///
/// As for [`ndo_bpf`], for this command.
unsafe fn setup_hw<T: Operations>(port: &T, bpf: *mut bindings::netdev_bpf) -> Result {
    // SAFETY: This command comes with this member of the union.
    let (prog, extack) = unsafe {
        let request = &(*bpf).__bindgen_anon_1.__bindgen_anon_1;
        (request.prog, request.extack)
    };
    // SAFETY: The acknowledgement is ours for as long as the call lasts, under RTNL.
    let (extack, rtnl) = unsafe { (Extack::from_raw(extack), Rtnl::held()) };
    if prog.is_null() {
        return port.xdp_setup_hw(None, &extack, &rtnl);
    }
    // SAFETY: The core holds a reference to the program, and these flags are set before it is
    // loaded.
    if !unsafe { (*(*prog).aux).offload_requested } {
        extack.fmt(fmt!("{}: xdpoffload of non-bound program", T::DRIVER));
        return Err(EINVAL);
    }
    // SAFETY: The core has checked, and RTNL keeps it so, that the program is bound to the offload
    // device of this port, an `OffloadDevice<T::Program>`. A program that can be attached has been
    // translated.
    let program = unsafe { AttachedProgram::from_raw(prog) };
    port.xdp_setup_hw(Some(&program), &extack, &rtnl)?;
    // SAFETY: On success the core leaves one reference to the port. The core keeps another one of
    // its own for as long as the program is attached, and what the device runs does not depend on
    // the kernel's side of the program at all; so the port has no use for it.
    unsafe { bindings::bpf_prog_put(prog) };
    Ok(())
}
