// SPDX-License-Identifier: GPL-2.0

//! A BPF program while it is being loaded for a device: as the verifier gets it, and as it leaves
//! the verifier.
//!
//! The core changes what belongs to a program after the load, too: `BPF_PROG_BIND_MAP` puts another
//! table of maps in place of the old one, which it frees, and takes in any map of the host's. It takes
//! a descriptor of the program for that, which nobody has before the load has ended. So maps are seen
//! through a type that lives no longer than the translation, and a program that is attached
//! ([`AttachedProgram`](super::AttachedProgram)) has none to show.

use super::{
    kernel::KernelProgram,
    map::OFFLOADABLE,
    EventArray, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};

/// One instruction slot, its fields in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation code.
    pub code: u8,
    /// Number of the destination register.
    pub dst: u8,
    /// Number of the source register, or what gives the immediate its meaning.
    pub src: u8,
    /// Signed offset.
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

impl Instruction {
    pub(crate) fn from_raw(raw: &bindings::bpf_insn) -> Self {
        Self {
            code: raw.code,
            dst: raw.dst_reg(),
            src: raw.src_reg(),
            off: raw.off,
            imm: raw.imm,
        }
    }
}

/// A map that a program uses.
pub struct UsedMap<'a, M: 'static> {
    /// The 64-bit immediate that stands for the map in the program's instructions.
    pub address: u64,
    /// Which map it is.
    pub kind: UsedMapKind<'a, M>,
}

/// The maps that a program for a device can use.
pub enum UsedMapKind<'a, M: 'static> {
    /// A map in the device.
    Device(ArcBorrow<'a, M>),
    /// A map of the host to which samples are sent.
    Events(EventArray),
    /// A map whose device is gone.
    Orphaned,
}

/// A program that the verifier has not looked at yet.
///
/// # Invariants
///
/// For `'a`, `ptr` is valid, its digest has been made, and only the task that loads the program, which
/// waits for the device, writes to it.
pub struct NewProgram<'a> {
    ptr: NonNull<bindings::bpf_prog>,
    _program: PhantomData<&'a bindings::bpf_prog>,
}

impl<'a> NewProgram<'a> {
    /// Wraps the pointer that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// `ptr` must be what `prepare` was called with, and the call last for `'a`.
    pub(super) unsafe fn from_raw(ptr: *mut bindings::bpf_prog) -> Self {
        // INVARIANT: The core makes the digest before it offers the program to a device, and has
        // given it neither a number nor a descriptor by which others would know it.
        Self {
            // SAFETY: A valid pointer is not null.
            ptr: unsafe { NonNull::new_unchecked(ptr) },
            _program: PhantomData,
        }
    }

    /// The instruction slots.
    pub fn instructions(&self) -> impl ExactSizeIterator<Item = Instruction> + 'a {
        // SAFETY: By the type invariants it is valid and not written to for `'a`.
        let raw: &'a bindings::bpf_prog = unsafe { self.ptr.as_ref() };
        // SAFETY: The union's members are alternative views of the same flexible array; the kernel
        // writes eBPF through `insnsi`.
        let view = unsafe { raw.__bindgen_anon_2.__bindgen_anon_2.as_ref() };
        // SAFETY: A program holds `len` instructions behind its fixed part.
        // CAST: `usize` has 32 bits or more.
        let insns = unsafe { view.insnsi.as_slice(raw.len as usize) };
        insns.iter().map(Instruction::from_raw)
    }

    /// What names it.
    pub fn facts(&self) -> KernelProgram {
        // SAFETY: By the type invariants.
        unsafe { KernelProgram::of(self.ptr.as_ptr()) }
    }
}

/// A program that the verifier has accepted, for a device whose maps are of type `M`, before anyone but
/// the task that loads it knows of it.
///
/// # Invariants
///
/// For `'a`, `ptr` is valid and bound to an [`OffloadDevice`](super::OffloadDevice) whose maps are
/// `M`, it has neither a number nor a descriptor, and `bpf_devs_lock` is held.
pub struct VerifiedProgram<'a, M: 'static> {
    ptr: NonNull<bindings::bpf_prog>,
    _program: PhantomData<&'a bindings::bpf_prog>,
    _map: PhantomData<fn() -> M>,
}

impl<'a, M: Send + Sync + 'static> VerifiedProgram<'a, M> {
    /// Wraps the pointer that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// `ptr` must be what `translate` of a device whose maps are `M` was called with, and the call last
    /// for `'a`.
    pub(super) unsafe fn from_raw(ptr: *mut bindings::bpf_prog) -> Self {
        // INVARIANT: `bpf_prog_load()` gives a program its number and its descriptor after it has had
        // it translated. The rest is promised by the caller.
        Self {
            // SAFETY: A valid pointer is not null.
            ptr: unsafe { NonNull::new_unchecked(ptr) },
            _program: PhantomData,
            _map: PhantomData,
        }
    }

    /// What names it.
    pub fn facts(&self) -> KernelProgram {
        // SAFETY: By the type invariants; the verifier has made its digest.
        unsafe { KernelProgram::of(self.ptr.as_ptr()) }
    }

    /// The maps that the program names, in no particular order.
    pub fn maps(&self) -> impl Iterator<Item = UsedMap<'a, M>> {
        // SAFETY: By the type invariants the program is valid; `aux` is as long as it is.
        let (maps, count) = unsafe {
            let aux = (*self.ptr.as_ptr()).aux;
            ((*aux).used_maps, (*aux).used_map_cnt)
        };
        let maps: &'a [*mut bindings::bpf_map] = if maps.is_null() {
            &[]
        } else {
            // SAFETY: `used_maps` has `used_map_cnt` entries. The verifier has set it; later it is
            // replaced and freed on behalf of someone with a descriptor of the program alone, which
            // by the type invariants does not exist for `'a`.
            // CAST: As above.
            unsafe { core::slice::from_raw_parts(maps, count as usize) }
        };
        maps.iter().map(|&map| UsedMap {
            // CAST: The address itself is what stands in the instruction.
            address: map.addr() as u64,
            // SAFETY: The program holds a reference to each of its maps.
            kind: unsafe { Self::kind_of(map) },
        })
    }

    /// What a map is to the device.
    ///
    /// # Safety
    ///
    /// `map` must be one of the maps that this program uses.
    unsafe fn kind_of(map: *mut bindings::bpf_map) -> UsedMapKind<'a, M> {
        // SAFETY: Valid by the function's contract; its type never changes.
        let map_type = unsafe { (*map).map_type };
        // The verifier lets a program for a device use maps of the same device, and maps of the one
        // type that stays with the host. Devices have maps of these types and no others.
        if map_type == bindings::bpf_map_type_BPF_MAP_TYPE_PERF_EVENT_ARRAY {
            // SAFETY: Valid by the function's contract, so not null, and of this type.
            return UsedMapKind::Events(unsafe {
                EventArray::from_raw(NonNull::new_unchecked(map))
            });
        }
        if !OFFLOADABLE.contains(&map_type) {
            return UsedMapKind::Orphaned;
        }
        // SAFETY: As just explained, the map is that of a device, so it is the first member of a
        // `bpf_offloaded_map`. Both fields are written with `bpf_devs_lock` held for writing, or
        // before the map has a descriptor.
        let (netdev, map) = unsafe {
            let offmap = map.cast::<bindings::bpf_offloaded_map>();
            ((*offmap).netdev, (*offmap).dev_priv)
        };
        if netdev.is_null() {
            return UsedMapKind::Orphaned;
        }
        // SAFETY: The map belongs to the program's device, whose maps keep an `Arc<M>` in `dev_priv`
        // as long as they have a netdev. They lose it with `bpf_devs_lock` held for writing, and by
        // the type invariants it is held for `'a`.
        UsedMapKind::Device(unsafe { Arc::<M>::borrow(map) })
    }
}
