// SPDX-License-Identifier: GPL-2.0

//! The comparison of what the device holds with what the kernel runs.

use crate::{
    ProgramIdentity,
    Slot, //
};
use core::fmt;

/// What a driver tells about the programs in its device.
pub trait ReportPrograms {
    /// The program that lies in the device for `slot` at this moment, active or about to be.
    ///
    /// The digest must be made from the device's memory for each call: a copy that the host kept
    /// would agree with the kernel whatever the device has.
    fn program_in(&self, slot: Slot) -> Option<ProgramIdentity>;
}

/// Device and kernel do not have the same program.
pub struct Mismatch {
    slot: Slot,
    device: Option<ProgramIdentity>,
    kernel: ProgramIdentity,
}

/// Compares what lies in the device for `slot` with the kernel's program for it.
///
/// # Errors
///
/// [`Mismatch`] unless kind and digest are equal.
pub fn compare(
    device: &impl ReportPrograms,
    slot: Slot,
    kernel: &ProgramIdentity,
) -> Result<(), Mismatch> {
    let device = device.program_in(slot);
    let equal =
        |device: &ProgramIdentity| device.kind == kernel.kind && device.digest == kernel.digest;
    if device.as_ref().is_some_and(equal) {
        return Ok(());
    }
    Err(Mismatch {
        slot,
        device,
        kernel: *kernel,
    })
}

/// At most 79 bytes, so that it fits into an extended acknowledgement.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kernel = self.kernel.digest.tag();
        match &self.device {
            Some(device) => write!(
                f,
                "{}: device has {}, kernel {kernel}: load it again",
                self.slot,
                device.digest.tag()
            ),
            None => write!(f, "{}: device has no program, kernel {kernel}", self.slot),
        }
    }
}
