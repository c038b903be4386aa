// SPDX-License-Identifier: GPL-2.0

//! A device that runs BPF programs, and the life of a program in it.

use super::{
    number::NumberOwner,
    Instruction,
    MapOffload,
    NewProgram,
    ProgramNumber,
    VerifiedProgram,
    VerifierEnv, //
};
use crate::{
    bindings,
    netdev::Rtnl, //
};
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    }, //
};
use kernel::{
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    prelude::*,
    sync::Arc, //
};

/// A program in a device, from the first look at it to its end.
///
/// The calls come in the order in which they stand here, all of them in process context. Any of
/// them may be the last before [`Self::destroy`]: a load that fails, or the end of the device, ends
/// the value.
pub trait ProgramOffload: Send + Sync + Sized + 'static {
    /// What the programs and maps of one device share.
    type Device: Send + Sync + 'static;
    /// The device's maps.
    type Map: MapOffload<Device = Self::Device>;

    /// Takes the program over, before the verifier looks at it. The immediates that stand for maps
    /// are addresses already. There is no log for the user yet: what can be said later is better
    /// said in [`Self::insn_hook`]. The `number` comes later than all of these calls.
    fn prepare(
        device: &Self::Device,
        program: &NewProgram<'_>,
        number: Arc<ProgramNumber>,
    ) -> Result<Self>;

    /// The verifier is about to check instruction `index` on a path that came from `previous`. An
    /// error refuses the program.
    fn insn_hook(&mut self, env: &VerifierEnv<'_>, index: usize, previous: usize) -> Result;

    /// The verifier accepts the program. An error refuses it; the last chance to say why.
    fn finalize(&mut self, env: &VerifierEnv<'_>) -> Result;

    /// Instruction `index` changes to `insn`: an optimisation. An error ends optimising.
    fn replace_insn(&mut self, index: usize, insn: Instruction) -> Result;

    /// The `count` instructions from `index` on go away: an optimisation. An error ends optimising.
    fn remove_insns(&mut self, index: usize, count: usize) -> Result;

    /// Makes what the device runs. The maps are known now, and are not shown again: what the device
    /// needs of them later it has to keep.
    fn translate(&mut self, program: &VerifiedProgram<'_, Self::Map>) -> Result;

    /// The kernel gives the program up: nothing is attached that runs it, and nobody can name it any
    /// more. RTNL is held. The value is dropped next.
    fn destroy(&self, rtnl: &Rtnl<'_>);

    /// What the device runs, for `bpftool prog dump jited`. Must not move between two calls of a
    /// method that takes `&mut self`.
    fn image(&self) -> &[u8];
}

/// A device that runs programs of type `P`.
///
/// Network devices are registered with it between their `ndo_init` and `ndo_uninit`.
///
/// # Invariants
///
/// `offdev` comes from `bpf_offload_dev_create()` with the operations for `P`, its private pointer
/// is that of what `device` holds, and no network device is registered with it unless someone holds
/// a reference to this value for it.
pub struct OffloadDevice<P: ProgramOffload> {
    offdev: NonNull<bindings::bpf_offload_dev>,
    device: Arc<P::Device>,
}

// SAFETY: The core guards a `bpf_offload_dev` by a lock of its own; the device may be shared by its
// bounds.
unsafe impl<P: ProgramOffload> Send for OffloadDevice<P> {}
// SAFETY: As above.
unsafe impl<P: ProgramOffload> Sync for OffloadDevice<P> {}

impl<P: ProgramOffload> OffloadDevice<P> {
    /// Makes a device without ports.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(device: Arc<P::Device>) -> Result<Self> {
        let private = core::ptr::from_ref::<P::Device>(&device);
        // SAFETY: The operations are static. The core keeps the private pointer and leaves it
        // alone.
        let offdev = from_err_ptr(unsafe {
            bindings::bpf_offload_dev_create(Adapter::<P>::OPS, private.cast_mut().cast())
        })?;
        // INVARIANT: As just made; nothing is registered yet.
        Ok(Self {
            offdev: NonNull::new(offdev).ok_or(ENOMEM)?,
            device,
        })
    }

    /// What the programs and maps share.
    pub fn device(&self) -> &P::Device {
        &self.device
    }

    /// Lets programs be loaded for `netdev`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EEXIST` if it is registered already.
    ///
    /// # Safety
    ///
    /// `netdev` must be valid, its `ndo_bpf` must be that of a [`BpfOffload`](super::BpfOffload) port
    /// whose device is this one, and [`Self::unregister_netdev`] must follow, with a reference to `self`
    /// held until then.
    pub(crate) unsafe fn register_netdev(&self, netdev: *mut bindings::net_device) -> Result {
        // SAFETY: Both are valid by the type invariant and the function's contract.
        to_result(unsafe {
            bindings::bpf_offload_dev_netdev_register(self.offdev.as_ptr(), netdev)
        })
    }

    /// Ends [`Self::register_netdev`]: the programs and maps move to another port of the device, or
    /// are destroyed if this was the last one.
    ///
    /// # Safety
    ///
    /// `netdev` must be registered, with no program attached any more, and RTNL must be held.
    pub(crate) unsafe fn unregister_netdev(&self, netdev: *mut bindings::net_device) {
        // SAFETY: By the function's contract.
        unsafe { bindings::bpf_offload_dev_netdev_unregister(self.offdev.as_ptr(), netdev) };
    }
}

impl<P: ProgramOffload> Drop for OffloadDevice<P> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it was created and nothing is registered any more; so no
        // program and no map refers to it. Its private pointer, into `self.device`, ends with it.
        unsafe { bindings::bpf_offload_dev_destroy(self.offdev.as_ptr()) };
    }
}

/// The offload state of `prog`.
///
/// # Safety
///
/// `prog` must be valid and bound to a device, and `bpf_devs_lock` or RTNL held.
unsafe fn offload_of(prog: *mut bindings::bpf_prog) -> *mut bindings::bpf_prog_offload {
    // SAFETY: By the function's contract. `aux` lives as long as the program does.
    unsafe { (*(*prog).aux).offload }
}

/// What the core keeps for a device of each of its programs.
struct Bound<P> {
    program: P,
    _number: NumberOwner,
}

/// The device's side of `prog`, to be read only.
///
/// # Safety
///
/// `prog` must have been translated for an `OffloadDevice<P>` and RTNL be held for `'a`.
pub(super) unsafe fn state<'a, P: ProgramOffload>(prog: *mut bindings::bpf_prog) -> &'a P {
    // SAFETY: `prepare` stored a `KBox<Bound<P>>` there, which only `destroy`, under RTNL, takes
    // away. Exclusive references to it end with the translation.
    unsafe { &(*(*offload_of(prog)).dev_priv.cast::<Bound<P>>()).program }
}

/// The C side of the program operations.
struct Adapter<P>(PhantomData<P>);

impl<P: ProgramOffload> Adapter<P> {
    /// The reference is the constant, so that it is static whatever is made of the constant elsewhere.
    const OPS: &'static bindings::bpf_prog_offload_ops = &bindings::bpf_prog_offload_ops {
        insn_hook: Some(Self::insn_hook),
        finalize: Some(Self::finalize),
        replace_insn: Some(Self::replace_insn),
        remove_insns: Some(Self::remove_insns),
        prepare: Some(Self::prepare),
        translate: Some(Self::translate),
        destroy: Some(Self::destroy),
    };

    /// The device's side of `prog`, while it is being loaded.
    ///
    /// # Safety
    ///
    /// [`Self::prepare`] must have succeeded for `prog`, and `bpf_devs_lock` must be held for `'a`.
    unsafe fn loading<'a>(prog: *mut bindings::bpf_prog) -> &'a mut P {
        // SAFETY: `prepare` stored a `KBox<Bound<P>>` there, which `destroy` takes away with the
        // lock held for writing. Until the program is translated, only the task that loads it knows
        // of it, and that task is in one callback at a time: the reference is the only one.
        unsafe { &mut (*(*offload_of(prog)).dev_priv.cast::<Bound<P>>()).program }
    }

    /// # Safety
    ///
    /// To be called by the core alone, with `bpf_devs_lock` held, for a program bound to an
    /// `OffloadDevice<P>`.
    unsafe extern "C" fn prepare(prog: *mut bindings::bpf_prog) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let program = unsafe { NewProgram::from_raw(prog) };
            // SAFETY: As above.
            let offload = unsafe { offload_of(prog) };
            // SAFETY: A bound program's state names its device.
            let device = unsafe { bindings::bpf_offload_dev_priv((*offload).offdev) };
            // SAFETY: The device is an `OffloadDevice<P>`, so by its invariant this is the address
            // of a `P::Device`; it lives as long as a network device is registered, and the
            // program's is.
            let device = unsafe { &*device.cast::<P::Device>() };
            // SAFETY: The program outlives the state, which `destroy` takes away before its end.
            let number = unsafe { NumberOwner::new(prog) }?;
            let bound = Bound {
                program: P::prepare(device, &program, number.number().clone())?,
                _number: number,
            };
            let state = KBox::new(bound, GFP_KERNEL)?;
            // SAFETY: The core gives `dev_priv` to the device; nobody else knows of the program
            // yet.
            unsafe { (*offload).dev_priv = KBox::into_raw(state).cast() };
            // The host's JIT compiler never gets this program. As long as the core thinks that it
            // will, it puts instructions that only a JIT compiler knows in place of some helpers,
            // `bpf_get_smp_processor_id()` among them (`bpf_do_misc_fixups()`), and then refuses
            // the program because it was not compiled.
            // SAFETY: As above.
            unsafe { (*prog).set_jit_requested(0) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::prepare`], which must have succeeded for the program of `env`.
    unsafe extern "C" fn insn_hook(
        env: *mut bindings::bpf_verifier_env,
        index: c_int,
        previous: c_int,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let state = unsafe { Self::loading((*env).prog) };
            // SAFETY: As above.
            let env = unsafe { VerifierEnv::from_raw(env) };
            // Before the first instruction the core passes -1, which no path comes from.
            let previous = usize::try_from(previous).unwrap_or(0);
            state.insn_hook(&env, usize::try_from(index)?, previous)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::insn_hook`].
    unsafe extern "C" fn finalize(env: *mut bindings::bpf_verifier_env) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let state = unsafe { Self::loading((*env).prog) };
            // SAFETY: As above.
            let env = unsafe { VerifierEnv::from_raw(env) };
            state.finalize(&env)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::insn_hook`]; `insn` must be valid.
    unsafe extern "C" fn replace_insn(
        env: *mut bindings::bpf_verifier_env,
        index: u32,
        insn: *mut bindings::bpf_insn,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let state = unsafe { Self::loading((*env).prog) };
            // SAFETY: As above.
            let insn = Instruction::from_raw(unsafe { &*insn });
            // CAST: `usize` has 32 bits or more.
            state.replace_insn(index as usize, insn)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::insn_hook`].
    unsafe extern "C" fn remove_insns(
        env: *mut bindings::bpf_verifier_env,
        index: u32,
        count: u32,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let state = unsafe { Self::loading((*env).prog) };
            // CAST: As above.
            state.remove_insns(index as usize, count as usize)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::prepare`], which must have succeeded for `prog`.
    unsafe extern "C" fn translate(prog: *mut bindings::bpf_prog) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let state = unsafe { Self::loading(prog) };
            // SAFETY: As above; `P` is the type of the programs of the device, whose maps are then of
            // its type of maps.
            let program = unsafe { VerifiedProgram::from_raw(prog) };
            state.translate(&program)?;
            let image = state.image();
            let len = u32::try_from(image.len())?;
            // SAFETY: By the function's contract.
            let offload = unsafe { offload_of(prog) };
            // SAFETY: The core reads the image with `bpf_devs_lock` held and only as long as the
            // state exists; it stays where it is, as no exclusive reference to the state is made
            // any more.
            unsafe {
                (*offload).jited_image = image.as_ptr().cast_mut().cast();
                (*offload).jited_len = len;
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::translate`], with `bpf_devs_lock` held for writing, and RTNL.
    unsafe extern "C" fn destroy(prog: *mut bindings::bpf_prog) {
        // SAFETY: By the function's contract.
        let offload = unsafe { offload_of(prog) };
        // SAFETY: As above. The core has a program's image and private pointer read under the lock
        // that is held for writing now, and attaches programs under RTNL.
        let state = unsafe {
            (*offload).jited_image = null_mut();
            (*offload).jited_len = 0;
            core::mem::replace(&mut (*offload).dev_priv, null_mut())
        };
        // SAFETY: `prepare` stored a `KBox<Bound<P>>` there, and this is the one place that takes it
        // back: the core calls it once for each `prepare` that succeeded.
        let bound = unsafe { KBox::<Bound<P>>::from_raw(state.cast()) };
        // SAFETY: By the function's contract.
        bound.program.destroy(&unsafe { Rtnl::held() });
    }
}
