// SPDX-License-Identifier: GPL-2.0

//! Arrays of perf events: the one kind of map that programs for a device share with the host.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h), core:
//! [`kernel/trace/bpf_trace.c`](srctree/kernel/trace/bpf_trace.c)

use crate::{
    bindings,
    rcu::Guard, //
};
use core::ptr::{
    null_mut,
    NonNull, //
};
use kernel::prelude::*;

/// What is sent to user space.
pub trait EventData {
    /// How many bytes there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `to` with the bytes from `offset` on.
    fn read(&self, offset: usize, to: &mut [u8]);
}

/// A map of type `BPF_MAP_TYPE_PERF_EVENT_ARRAY`.
///
/// # Invariants
///
/// `map` is a valid map of that type, and this object owns one reference to it.
pub struct EventArray {
    map: NonNull<bindings::bpf_map>,
}

// SAFETY: A `bpf_map` may be used and given back by any task.
unsafe impl Send for EventArray {}
// SAFETY: Samples may be sent by several CPUs at once, as programs on the host do.
unsafe impl Sync for EventArray {}

impl EventArray {
    /// # Safety
    ///
    /// `map` must be a valid map of type `BPF_MAP_TYPE_PERF_EVENT_ARRAY`.
    pub(super) unsafe fn from_raw(map: NonNull<bindings::bpf_map>) -> Self {
        // SAFETY: Valid by the function's contract.
        unsafe { bindings::bpf_map_inc(map.as_ptr()) };
        // INVARIANT: The reference was taken just now; the rest is promised by the caller.
        Self { map }
    }

    /// Sends `data` to whoever reads the perf event at the place that bits 0 to 31 of `flags` name
    /// (`BPF_F_INDEX_MASK`; all ones, `BPF_F_CURRENT_CPU`, is that of this CPU). Gives 0 or a
    /// negative error number, those of `bpf_perf_event_output()`.
    ///
    /// Context: softirq.
    pub fn output<T: EventData>(&self, flags: u64, data: &T, _guard: &Guard) -> i64 {
        // CAST: `usize` has 64 bits or fewer.
        let len = data.len() as u64;
        // SAFETY: The map is valid and of the right type by the type invariants; the guard keeps
        // the events in it from being freed. The kernel calls `copy` for ranges of `len` bytes,
        // before it returns, with the pointer that it is given, which is that of a `T`.
        let result = unsafe {
            bindings::bpf_event_output(
                self.map.as_ptr(),
                flags,
                null_mut(),
                0,
                core::ptr::from_ref(data).cast_mut().cast(),
                len,
                Some(copy::<T>),
            )
        };
        // CAST: The kernel returns a signed number in an unsigned type.
        result as i64
    }
}

impl Clone for EventArray {
    fn clone(&self) -> Self {
        // SAFETY: By the type invariants.
        unsafe { Self::from_raw(self.map) }
    }
}

impl Drop for EventArray {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we own a reference, given up here. Any context is allowed:
        // the map is freed by a worker.
        unsafe { bindings::bpf_map_put(self.map.as_ptr()) };
    }
}

/// Copies `len` bytes from `offset` on to `to`; gives how many are missing: none.
///
/// # Safety
///
/// To be called by the kernel from within [`EventArray::output`]: `data` points to a `T`, and `to`
/// to `len` writable bytes.
unsafe extern "C" fn copy<T: EventData>(
    to: *mut c_void,
    data: *const c_void,
    offset: c_ulong,
    len: c_ulong,
) -> c_ulong {
    // User space has the pages mapped that `to` lies in: they must not become a slice.
    let mut piece = [0; 64];
    // SAFETY: By the function's contract.
    let data = unsafe { &*data.cast::<T>() };
    let mut done = 0;
    while done < len {
        let count = piece.len().min(len.wrapping_sub(done));
        if let Some(bytes) = piece.get_mut(..count) {
            data.read(offset.wrapping_add(done), bytes);
        }
        // SAFETY: `count` is at most the length of `piece`, and `done + count` at most `len`, so
        // that both ranges are inside; a buffer on the stack and a page of perf's do not overlap.
        unsafe { core::ptr::copy_nonoverlapping(piece.as_ptr(), to.cast::<u8>().add(done), count) };
        done = done.wrapping_add(count);
    }
    0
}
