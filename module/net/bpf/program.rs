// SPDX-License-Identifier: GPL-2.0

//! A BPF program that the kernel offers to a device.

use super::{
    kernel::KernelProgram,
    EventArray,
    ProgramOffload, //
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

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// `BPF_PROG_TYPE_XDP`.
    Xdp,
    /// `BPF_PROG_TYPE_SCHED_CLS`.
    SchedCls,
    /// Another type, by its number. The core offers none today.
    Other(u32),
}

pub(super) fn kind_of(number: bindings::bpf_prog_type) -> ProgramKind {
    match number {
        bindings::bpf_prog_type_BPF_PROG_TYPE_XDP => ProgramKind::Xdp,
        bindings::bpf_prog_type_BPF_PROG_TYPE_SCHED_CLS => ProgramKind::SchedCls,
        other => ProgramKind::Other(other),
    }
}

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

/// A program that is being loaded for, or attached to, a device that runs programs of type `P`.
///
/// # Invariants
///
/// `ptr` is valid for `'a`, bound to an [`OffloadDevice<P>`](super::OffloadDevice), and its offload
/// state is kept from destruction for `'a`.
pub struct ProgramRef<'a, P: ProgramOffload> {
    ptr: NonNull<bindings::bpf_prog>,
    _program: PhantomData<&'a bindings::bpf_prog>,
    _device: PhantomData<fn() -> P>,
}

impl<'a, P: ProgramOffload> ProgramRef<'a, P> {
    /// Wraps the pointer that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// For `'a`, `ptr` must be valid and offloaded to a device of type `OffloadDevice<P>`, and
    /// either `bpf_devs_lock` or RTNL must be held, which its destruction takes both.
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::bpf_prog) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            // SAFETY: A valid pointer is not null.
            ptr: unsafe { NonNull::new_unchecked(ptr) },
            _program: PhantomData,
            _device: PhantomData,
        }
    }

    fn raw(&self) -> &'a bindings::bpf_prog {
        // SAFETY: Valid for `'a` by the type invariant. The fields that are read through this
        // reference are not written while a callback of the device runs.
        unsafe { self.ptr.as_ref() }
    }

    fn aux(&self) -> *const bindings::bpf_prog_aux {
        self.raw().aux
    }

    /// The instruction slots as they stand in the kernel now.
    pub fn instructions(&self) -> impl ExactSizeIterator<Item = Instruction> + 'a {
        let raw = self.raw();
        // SAFETY: The union's members are alternative views of the same flexible array; the kernel
        // writes eBPF through `insnsi`.
        let view = unsafe { raw.__bindgen_anon_2.__bindgen_anon_2.as_ref() };
        // SAFETY: A program holds `len` instructions behind its fixed part.
        // CAST: `usize` has 64 bits wherever BPF offload exists.
        let insns = unsafe { view.insnsi.as_slice(raw.len as usize) };
        insns.iter().map(Instruction::from_raw)
    }

    /// What names it.
    pub fn facts(&self) -> KernelProgram {
        // SAFETY: Valid by the type invariant. The digest is made before a device sees the program.
        unsafe { KernelProgram::of(self.ptr.as_ptr()) }
    }

    /// The maps that the program names, in no particular order.
    ///
    /// Empty before [`ProgramOffload::translate`], where the verifier keeps them to itself.
    pub fn maps(&self) -> impl Iterator<Item = UsedMap<'a, P::Map>> {
        // SAFETY: `aux` is valid as long as its program is.
        let (maps, count) = unsafe { ((*self.aux()).used_maps, (*self.aux()).used_map_cnt) };
        let maps: &'a [*mut bindings::bpf_map] = if maps.is_null() {
            &[]
        } else {
            // SAFETY: `used_maps` has `used_map_cnt` entries. It is set before translation and
            // replaced only on behalf of someone who has a descriptor of the program, which does
            // not exist before translation has ended.
            // CAST: As above.
            unsafe { core::slice::from_raw_parts(maps, count as usize) }
        };
        maps.iter().map(|&map| UsedMap {
            // CAST: The address itself is what stands in the instruction.
            address: map as u64,
            // SAFETY: The program holds a reference to each of its maps.
            kind: unsafe { Self::kind_of(map) },
        })
    }

    /// What a map is to the device.
    ///
    /// # Safety
    ///
    /// `map` must be one of the maps that this program uses.
    unsafe fn kind_of(map: *mut bindings::bpf_map) -> UsedMapKind<'a, P::Map> {
        // SAFETY: Valid by the function's contract.
        let map_type = unsafe { (*map).map_type };
        // The verifier lets a program for a device use maps of the same device, and maps of the one
        // type that stays with the host. Devices have maps of these two types and no others.
        if map_type == bindings::bpf_map_type_BPF_MAP_TYPE_PERF_EVENT_ARRAY {
            // SAFETY: Valid by the function's contract, so not null, and of this type.
            return UsedMapKind::Events(unsafe {
                EventArray::from_raw(NonNull::new_unchecked(map))
            });
        }
        if map_type != bindings::bpf_map_type_BPF_MAP_TYPE_ARRAY
            && map_type != bindings::bpf_map_type_BPF_MAP_TYPE_HASH
        {
            return UsedMapKind::Orphaned;
        }
        // SAFETY: As just explained, the map is that of a device, so it is the first member of a
        // `bpf_offloaded_map`.
        let (netdev, map) = unsafe {
            let offmap = map.cast::<bindings::bpf_offloaded_map>();
            ((*offmap).netdev, (*offmap).dev_priv)
        };
        if netdev.is_null() {
            return UsedMapKind::Orphaned;
        }
        // SAFETY: The map belongs to the program's device, an `OffloadDevice<P>`, whose maps keep
        // an `Arc<P::Map>` in `dev_priv` as long as they have a netdev. They lose it under the
        // locks that the type invariant says are held.
        UsedMapKind::Device(unsafe { Arc::<P::Map>::borrow(map) })
    }
}
