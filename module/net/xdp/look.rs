// SPDX-License-Identifier: GPL-2.0

//! Programs of the host that look at something else than a frame, and say what they think of it.

use super::NativeProgram;
use crate::{
    bindings,
    napi::PollContext,
    netdev::NetDevice, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

impl NativeProgram {
    /// The XDP program that is pinned at `path`, as the caller sees it. Process context; may sleep, for as long
    /// as the file system likes.
    ///
    /// # Errors
    ///
    /// What the kernel has: `ENOENT`, `EACCES` without the right to read it, `EINVAL` if it is no XDP program
    /// or lies in a device; also if it is for frames of a device alone.
    pub fn at_path(path: &CStr) -> Result<Self> {
        // SAFETY: The path ends in a zero.
        let prog = from_err_ptr(unsafe {
            bindings::bpf_prog_get_type_path(
                path.as_char_ptr(),
                bindings::bpf_prog_type_BPF_PROG_TYPE_XDP,
            )
        })?;
        let prog = NonNull::new(prog).ok_or(ENOENT)?;
        // INVARIANT: The core has given a reference to a program of that type, and none that lies in a device.
        let program = Self(prog);
        // SAFETY: Valid by the type invariants; set when a program is loaded, and its `aux` lives as long as it.
        let is_bound = unsafe { (*(*program.as_ptr()).aux).dev_bound };
        // Such a one asks drivers for what they know of a frame, and finds that beside it.
        if is_bound {
            return Err(EINVAL);
        }
        Ok(program)
    }

    /// Has the program look at `bytes`, which it finds where the bytes of a frame are, and may write to; gives
    /// what it returns. Context: NAPI poll.
    pub fn look(&self, bytes: &mut [u8], context: &PollContext<'_>) -> u32 {
        let memory = context.memory();
        // SAFETY: The program is valid and not bound to a device, so that all that it finds is in the buffer
        // that is made for it around `bytes`, which are nobody else's. The queue is on, and this is its poll: its
        // memory is there, bottom halves are off, the read side of RCU is held and the context of BPF helpers
        // for networking is set up. What it does with a redirect is no more than a note, which the next one
        // overwrites.
        unsafe {
            bindings::offload_nic_bpf_prog_look(
                self.as_ptr(),
                bytes.as_mut_ptr().cast(),
                // CAST: It is far shorter than 4 GiB.
                bytes.len() as u32,
                memory.info(),
            )
        }
    }

    /// As [`Self::look`], where `device` sends by `queue`; gives whether the program has returned `XDP_PASS`.
    /// Without interrupts it is not run: it may take locks of maps that who is interrupted has. Context: bottom
    /// halves off.
    pub fn looks_good(&self, bytes: &mut [u8], device: &NetDevice, queue: u16) -> bool {
        // SAFETY: The program is valid and not bound to a device, so that all that it finds is in the buffer
        // that is made for it around `bytes`, which are nobody else's, and in what is said of where it comes
        // from, with a valid device. What else it needs is made there, and whether the context is right is
        // asked there.
        let said = unsafe {
            bindings::offload_nic_bpf_prog_look_sending(
                self.as_ptr(),
                bytes.as_mut_ptr().cast(),
                // CAST: It is far shorter than 4 GiB.
                bytes.len() as u32,
                device.as_ptr(),
                queue.into(),
            )
        };
        said == bindings::xdp_action_XDP_PASS
    }
}
