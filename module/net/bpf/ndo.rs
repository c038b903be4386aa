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
        port,
        private,
        Rtnl,
        Table, //
    },
    xdp::{
        self,
        NativeXdp, //
    },
};
use core::{
    ops::Deref,
    ptr::null, //
};
use kernel::{
    error::from_result,
    prelude::*,
    sync::Arc, //
};

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

/// A port whose device runs BPF programs.
pub trait BpfOffload: NativeXdp {
    /// The programs that can be offloaded to the port's device.
    type Program: ProgramOffload;

    /// The device, which several ports may share. Asked once, when the port is registered.
    fn offload_device(&self) -> &Arc<OffloadDevice<Self::Program>>;

    /// Whether a map may be made through this port now. RTNL is held.
    fn may_make_map(&self) -> Result {
        Ok(())
    }

    /// Makes `program` the one that the device runs for each received frame, or takes it away.
    /// RTNL is held.
    ///
    /// On an error the old one stays.
    fn xdp_setup_hw(
        &self,
        program: Option<&AttachedProgram<'_, Self::Program>>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result;
}

impl<T: BpfOffload> Table<T> {
    /// The port has [`BpfOffload`].
    pub const fn bpf_offload(mut self) -> Self {
        self = self.native_xdp();
        self.netdev.ndo_bpf = Some(ndo_bpf::<T>);
        self.xdp_features |= bindings::netdev_xdp_act_NETDEV_XDP_ACT_HW_OFFLOAD;
        self.init = Some(init::<T>);
        self.uninit = Some(uninit::<T>);
        self
    }
}

/// # Safety
///
/// As for [`Table::init`](crate::netdev::Table).
unsafe fn init<T: BpfOffload>(dev: *mut bindings::net_device) -> Result {
    // SAFETY: By the function's contract.
    let (port, private) = unsafe { (port::<T>(dev), private::<T>(dev)) };
    let device = port.offload_device().clone();
    // SAFETY: `dev` is valid and its `ndo_bpf` is ours; `uninit` follows, and until then the private
    // memory holds a reference to the device.
    unsafe { device.register_netdev(dev) }?;
    private.offload.set(Arc::into_raw(device).cast());
    Ok(())
}

/// # Safety
///
/// As for [`Table::uninit`](crate::netdev::Table).
unsafe fn uninit<T: BpfOffload>(dev: *mut bindings::net_device) {
    // SAFETY: By the function's contract; RTNL is held.
    let (private, device) = unsafe { (private::<T>(dev), offload_device::<T>(dev)) };
    // SAFETY: RTNL is held; `init` has registered `dev`, and the core takes attached programs away
    // before it calls this.
    unsafe { device.unregister_netdev(dev) };
    let device = private.offload.replace(null()).cast();
    // SAFETY: It came from `into_raw` in `init`, and nobody asks for it any more.
    drop(unsafe { Arc::<OffloadDevice<T::Program>>::from_raw(device) });
}

/// The offload device that `dev` is registered with.
///
/// # Safety
///
/// `dev` must be the net device of a port of type `T`, between [`init`] and [`uninit`] for all of the
/// lifetime that is chosen, and RTNL be held.
unsafe fn offload_device<'a, T: BpfOffload>(
    dev: *mut bindings::net_device,
) -> &'a OffloadDevice<T::Program> {
    // SAFETY: By the function's contract; `init` has put a pointer of this type there, with a
    // reference that is given up by `uninit`.
    unsafe { &*private::<T>(dev).offload.get().cast() }
}

/// # Safety
///
/// To be called by the stack, as `ndo_bpf` of a registered port of type `T`.
unsafe extern "C" fn ndo_bpf<T: BpfOffload>(
    dev: *mut bindings::net_device,
    command: *mut bindings::netdev_bpf,
) -> i32 {
    // SAFETY: The stack asks registered devices only; `command` is valid, and RTNL is held: the
    // contract of `ndo_bpf`.
    from_result(|| unsafe { serve(port::<T>(dev), dev, command) }.map(|()| 0))
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
/// To be called from `ndo_bpf` of `dev`, the registered network device of `port`, with the command
/// the core passed.
unsafe fn serve<T: BpfOffload>(
    port: &T,
    dev: *mut bindings::net_device,
    bpf: *mut bindings::netdev_bpf,
) -> Result {
    // SAFETY: The core passes a valid command.
    match unsafe { (*bpf).command } {
        // SAFETY: As this function's contract; this command comes with this member of the union.
        bindings::bpf_netdev_command_XDP_SETUP_PROG_HW => unsafe { setup_hw(port, bpf) },
        bindings::bpf_netdev_command_BPF_OFFLOAD_MAP_ALLOC => {
            // SAFETY: This command comes with this member of the union.
            let offmap = unsafe { (*bpf).__bindgen_anon_1.__bindgen_anon_2.offmap };
            port.may_make_map()?;
            // SAFETY: The core makes maps for devices that are registered for offload only, and
            // holds RTNL.
            let device = unsafe { offload_device::<T>(dev) };
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
        // SAFETY: As this function's contract.
        _ => unsafe { xdp::setup(port, bpf) },
    }
}

/// Serves `XDP_SETUP_PROG_HW`: attaches, replaces or removes the program that the device runs.
///
/// # Safety
///
/// As for [`serve`], for this command.
unsafe fn setup_hw<T: BpfOffload>(port: &T, bpf: *mut bindings::netdev_bpf) -> Result {
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
