// SPDX-License-Identifier: GPL-2.0

//! The comparison of what the device holds with what the kernel runs.

use crate::{
    digest::Digest,
    program::{
        DeviceProgram,
        KernelProgram, //
    },
    Slot,
    State,
    Verdict, //
};
use core::fmt;

/// What lies in the device for a slot, what the kernel runs there, and whether they are the same.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// What the device has.
    pub device: Option<DeviceProgram>,
    /// What the kernel runs.
    pub kernel: Option<KernelProgram>,
    /// Whether they are the same.
    pub verdict: Verdict,
    /// Whether the slot runs what the device has.
    pub is_running: bool,
    /// Whether the kernel does not run its program for frames that the device's has seen.
    pub replaces_kernel: bool,
    /// Whether the driver runs the kernel's program where the device does not run its own.
    pub in_kernel: bool,
}

impl Comparison {
    /// Compares a program that no slot runs with the kernel's.
    pub fn new(device: Option<DeviceProgram>, kernel: Option<KernelProgram>) -> Self {
        let verdict = match (&device, &kernel) {
            (None, None) => Verdict::None,
            (Some(_), None) => Verdict::OnlyDevice,
            (None, Some(_)) => Verdict::OnlyKernel,
            (Some(device), Some(kernel)) => match (device.digests, kernel.digest) {
                (Some(there), Some(here)) => {
                    if device.kind == kernel.kind && there.sha256 == here {
                        Verdict::Equal
                    } else {
                        Verdict::Different
                    }
                }
                _ => Verdict::Unknown,
            },
        };
        Self {
            device,
            kernel,
            verdict,
            is_running: false,
            replaces_kernel: false,
            in_kernel: false,
        }
    }

    /// The digests of both, as far as there are any.
    pub(crate) fn digests(&self) -> (Option<Digest>, Option<Digest>) {
        let device = self.device.and_then(|device| device.digests);
        let kernel = self.kernel.and_then(|kernel| kernel.digest);
        (device.map(|digests| digests.sha256), kernel)
    }
}

/// What people call a slot.
pub(crate) struct Label(pub(crate) Slot);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Slot::Xdp => "XDP",
            Slot::TcIngress => "TC",
            Slot::Parser => "parser",
            Slot::Gso => "GSO",
            Slot::Gro => "GRO",
        })
    }
}

/// What lies in the device is not what the kernel loaded there.
pub struct Mismatch {
    slot: Slot,
    device: Option<Digest>,
    kernel: Digest,
}

/// Compares what lies in the device, and is to be run in `slot`, with `kernel`, the same program as the
/// kernel loaded it.
///
/// # Errors
///
/// [`Mismatch`] unless kind and digest are equal, or if the device's program is faulted.
pub fn compare(slot: Slot, device: &DeviceProgram, kernel: &KernelProgram) -> Result<(), Mismatch> {
    let comparison = Comparison::new(Some(*device), Some(*kernel));
    if comparison.verdict == Verdict::Equal && device.state != State::Faulted {
        return Ok(());
    }
    let (device, kernel) = comparison.digests();
    Err(Mismatch {
        slot,
        device,
        kernel: kernel.unwrap_or(Digest([0; 32])),
    })
}

/// At most 79 bytes, so that it fits into an extended acknowledgement.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slot, kernel) = (Label(self.slot), self.kernel.tag());
        match &self.device {
            Some(device) if *device == self.kernel => {
                write!(
                    f,
                    "{slot}: {kernel} was found damaged in the device: load it again"
                )
            }
            Some(device) => write!(
                f,
                "{slot}: device has {}, kernel {kernel}: load it again",
                device.tag()
            ),
            None => write!(f, "{slot}: device has no program, kernel {kernel}"),
        }
    }
}
