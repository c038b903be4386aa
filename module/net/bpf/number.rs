// SPDX-License-Identifier: GPL-2.0

//! The number that user space knows a program by.

use crate::bindings;
use core::ptr::{
    addr_of,
    NonNull, //
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    }, //
};

/// The number that user space knows a program of the device by (`bpftool prog show`).
///
/// # Invariants
///
/// What is behind the lock is valid as long as it is there.
#[pin_data]
pub struct ProgramNumber {
    #[pin]
    aux: SpinLock<Option<Auxiliary>>,
}

/// A program's auxiliary data, which stay in place while the verifier moves the program itself.
struct Auxiliary(NonNull<bindings::bpf_prog_aux>);

// SAFETY: Only the number is read through it, which any task may do.
unsafe impl Send for Auxiliary {}

impl ProgramNumber {
    /// The number; 0 while the program is being loaded, and when it is not in the device any more.
    /// Any context but softirq and hard interrupts.
    pub fn get(&self) -> u32 {
        let aux = self.aux.lock();
        aux.as_ref().map_or(0, |Auxiliary(aux)| {
            // SAFETY: Valid by the type invariant, until the lock is released at least. The core
            // may be writing the number just now, as a whole.
            unsafe { addr_of!((*aux.as_ptr()).id).read_volatile() }
        })
    }
}

/// Ends the access to a program's number when dropped.
pub(super) struct NumberOwner(Arc<ProgramNumber>);

impl NumberOwner {
    /// Gives access to the number of `prog`.
    ///
    /// # Safety
    ///
    /// `prog` must be valid as long as the value that is returned.
    pub(super) unsafe fn new(prog: *mut bindings::bpf_prog) -> Result<Self> {
        // SAFETY: By the function's contract. `aux` lives as long as the program does.
        let aux = NonNull::new(unsafe { (*prog).aux }).ok_or(EINVAL)?;
        // INVARIANT: Taken back by the drop of the value that is returned.
        let number = pin_init!(ProgramNumber {
            aux <- new_spinlock!(Some(Auxiliary(aux)), "net_bpf_program_number"),
        });
        Ok(Self(Arc::pin_init(number, GFP_KERNEL)?))
    }

    pub(super) fn number(&self) -> &Arc<ProgramNumber> {
        &self.0
    }
}

impl Drop for NumberOwner {
    fn drop(&mut self) {
        *self.0.aux.lock() = None;
    }
}
