// SPDX-License-Identifier: GPL-2.0

//! What the verifier tells a device about the program that it checks, and its log.
//!
//! C header: [`include/linux/bpf_verifier.h`](srctree/include/linux/bpf_verifier.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    fmt,
    prelude::*, //
};

/// What a register holds, as far as a device may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterKind {
    /// Nothing was written to it.
    NotInit,
    /// A number.
    Scalar,
    /// The context (`struct xdp_md`, `struct __sk_buff`).
    Ctx,
    /// A map, as a helper's argument.
    MapPointer,
    /// Memory of a map element.
    MapValue,
    /// Memory of a map element or null: not compared with null yet.
    MapValueOrNull,
    /// Stack memory, of this function or a caller.
    Stack,
    /// Frame metadata.
    PacketMeta,
    /// Frame bytes.
    Packet,
    /// End of the frame.
    PacketEnd,
    /// Anything that no program for a device can make use of.
    Other,
}

/// One register as the verifier knows it on the path it follows.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// What it holds.
    pub kind: RegisterKind,
    /// Its value, if it is a number and the same on each run; for a pointer its distance in bytes
    /// from where the object starts, if that is the same on each run.
    pub constant: Option<u64>,
}

/// The verifier at work on one program.
///
/// # Invariants
///
/// `ptr` is valid for `'a`, its program too, and the verifier waits for the device meanwhile.
pub struct VerifierEnv<'a> {
    ptr: NonNull<bindings::bpf_verifier_env>,
    _verifier: PhantomData<&'a bindings::bpf_verifier_env>,
}

impl VerifierEnv<'_> {
    /// Wraps the pointer that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// `ptr` must be a verifier environment whose verifier is in a callback of the device for `'a`.
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::bpf_verifier_env) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            // SAFETY: A valid pointer is not null.
            ptr: unsafe { NonNull::new_unchecked(ptr) },
            _verifier: PhantomData,
        }
    }

    /// Appends one line to the verifier log that the user gets.
    ///
    /// Without a log buffer from the user nothing happens. No length is too long: the text is
    /// handed over in pieces.
    pub fn log(&self, args: fmt::Arguments<'_>) {
        let mut writer = LogWriter {
            env: self,
            buffer: [0; PIECE],
            len: 0,
        };
        // `LogWriter` never fails, and a `Display` that fails on its own has no more text to give.
        let _ = fmt::Write::write_fmt(&mut writer, args);
        let _ = fmt::Write::write_str(&mut writer, "\n");
        writer.flush();
    }

    /// Number of instruction slots of the program as it stands in the verifier now.
    pub fn program_len(&self) -> usize {
        // SAFETY: By the type invariant `ptr` and its program are valid.
        let len = unsafe { (*(*self.ptr.as_ptr()).prog).len };
        // CAST: `usize` has 32 bits or more.
        len as usize
    }

    /// Number of functions of the program, the main one included.
    pub fn subprogram_count(&self) -> usize {
        // SAFETY: By the type invariant `ptr` is valid.
        let count = unsafe { (*self.ptr.as_ptr()).subprog_cnt };
        // CAST: As above.
        count as usize
    }

    /// What is known of register `number` on the path that is followed now, in the current
    /// function.
    ///
    /// `None` outside of [`ProgramOffload::insn_hook`](super::ProgramOffload::insn_hook), where no
    /// path is followed, and for numbers above 10.
    pub fn register(&self, number: u8) -> Option<Register> {
        // SAFETY: By the type invariant `ptr` is valid.
        let state = unsafe { (*self.ptr.as_ptr()).cur_state };
        if state.is_null() {
            return None;
        }
        // SAFETY: `cur_state`, when not null, is a live state while the verifier waits for us.
        let state = unsafe { &*state };
        // CAST: As above.
        let frame = *state.frame.get(state.curframe as usize)?;
        if frame.is_null() {
            return None;
        }
        // SAFETY: The frames up to `curframe` are live as long as their state is.
        let register = unsafe { &*frame }.regs.get(usize::from(number))?;
        Some(Register {
            kind: kind_of(register.type_),
            constant: (register.var_off.mask == 0).then_some(register.var_off.value),
        })
    }
}

fn kind_of(reg_type: bindings::bpf_reg_type) -> RegisterKind {
    // The base type's values grow from zero; the flags lie above them.
    match reg_type {
        bindings::bpf_reg_type_NOT_INIT => RegisterKind::NotInit,
        bindings::bpf_reg_type_SCALAR_VALUE => RegisterKind::Scalar,
        bindings::bpf_reg_type_PTR_TO_CTX => RegisterKind::Ctx,
        bindings::bpf_reg_type_CONST_PTR_TO_MAP => RegisterKind::MapPointer,
        bindings::bpf_reg_type_PTR_TO_MAP_VALUE => RegisterKind::MapValue,
        bindings::bpf_reg_type_PTR_TO_MAP_VALUE_OR_NULL => RegisterKind::MapValueOrNull,
        bindings::bpf_reg_type_PTR_TO_STACK => RegisterKind::Stack,
        bindings::bpf_reg_type_PTR_TO_PACKET_META => RegisterKind::PacketMeta,
        bindings::bpf_reg_type_PTR_TO_PACKET => RegisterKind::Packet,
        bindings::bpf_reg_type_PTR_TO_PACKET_END => RegisterKind::PacketEnd,
        _ => RegisterKind::Other,
    }
}

/// Bytes that are handed to the log at once: it formats each call into 1,024 bytes and drops the
/// rest.
const PIECE: usize = 256;

/// Collects text and passes it to the log in pieces.
struct LogWriter<'a, 'b> {
    env: &'a VerifierEnv<'b>,
    buffer: [u8; PIECE],
    len: usize,
}

impl LogWriter<'_, '_> {
    fn flush(&mut self) {
        // SAFETY: The environment is valid by its type invariant. The format consumes an `int` and
        // a pointer to at least that many readable bytes: `len` bytes of `buffer`, at most `PIECE`.
        unsafe {
            bindings::bpf_verifier_log_write(
                self.env.ptr.as_ptr(),
                c"%.*s".as_char_ptr(),
                // CAST: At most `PIECE`.
                self.len as c_int,
                self.buffer.as_ptr(),
            )
        };
        self.len = 0;
    }
}

impl fmt::Write for LogWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == PIECE {
                self.flush();
            }
            if let Some(slot) = self.buffer.get_mut(self.len) {
                *slot = byte;
                self.len += 1;
            }
        }
        Ok(())
    }
}
