// SPDX-License-Identifier: GPL-2.0

//! What a driver tells of the programs in its device.

use crate::{
    Digest,
    Digests,
    Interface,
    ProgramKind,
    Slot,
    State,
    Unit, //
};
use kernel::prelude::*;
use net::{
    bpf::{
        self,
        NAME_LEN, //
    },
    netdev::{
        NetDevice,
        Rtnl, //
    }, //
};

/// A program that lies in a device, as it is at this moment.
#[derive(Clone, Copy)]
pub struct DeviceProgram {
    /// What it is.
    pub kind: ProgramKind,
    /// The name that it was loaded with, and zeroes behind it.
    pub name: [u8; NAME_LEN],
    /// The number that user space knows it by; 0 if it has none, or none any more.
    pub id: u32,
    /// Made of what lies in the device's memory, for each call: a copy that the host kept would
    /// agree with the kernel whatever the device has. `None` for a function that is no program.
    pub digests: Option<Digests>,
    /// What has become of it. [`State::Faulted`] once it was found to be something else than what the
    /// kernel loaded, for good.
    pub state: State,
    /// What the device runs of it.
    pub image: Option<ImageFacts>,
}

/// What a device has made of a program.
#[derive(Clone, Copy)]
pub struct ImageFacts {
    /// Instruction slots of the program in the device.
    pub instructions: u32,
    /// Version of the image's format.
    pub format: u32,
    /// Bytes of the image.
    pub size: u32,
    /// Operations of the image.
    pub operations: u32,
    /// Bytes of device memory that the program takes, without its maps.
    pub memory: u64,
}

/// What a device has in a slot.
#[derive(Clone, Copy)]
pub struct InSlot {
    /// The program: what the slot runs, or what it ran before that was found to be faulted.
    pub program: DeviceProgram,
    /// Whether the slot runs it.
    pub is_running: bool,
    /// Whether the kernel does not run its program for frames that this one has seen.
    pub replaces_kernel: bool,
}

/// A program, or a function, that the kernel runs itself.
#[derive(Clone, Copy)]
pub struct KernelProgram {
    /// What it is.
    pub kind: ProgramKind,
    /// The name that it was loaded with, and zeroes behind it.
    pub name: [u8; NAME_LEN],
    /// The number that user space knows it by; 0 if it has none.
    pub id: u32,
    /// `None` for what has no digest, or does with its program something else than the device does.
    pub digest: Option<Digest>,
}

impl KernelProgram {
    /// A function of the kernel that is no program.
    pub const FIXED: Self = Self {
        kind: ProgramKind::Fixed,
        name: [0; NAME_LEN],
        id: 0,
        digest: None,
    };
}

impl From<bpf::KernelProgram> for KernelProgram {
    fn from(program: bpf::KernelProgram) -> Self {
        let kind = kind_of(program.kind);
        Self {
            kind: kind.unwrap_or(ProgramKind::Fixed),
            name: program.name,
            id: program.id,
            // A type that has no slot is compared with nothing.
            digest: kind.map(|_| Digest(program.digest)),
        }
    }
}

/// What is told of a program of type `kind`. `None` if no slot is for that type.
pub(crate) fn kind_of(kind: bpf::ProgramKind) -> Option<ProgramKind> {
    match kind {
        bpf::ProgramKind::Xdp => Some(ProgramKind::Xdp),
        bpf::ProgramKind::SchedCls => Some(ProgramKind::SchedCls),
        bpf::ProgramKind::Other(_) => None,
    }
}

/// Something that a device has a limited amount of.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// Its name, as `devlink resource show` has it.
    pub name: &'a CStr,
    /// What it is counted in.
    pub unit: Unit,
    /// How much there is.
    pub limit: u64,
    /// How much of it is taken.
    pub used: u64,
}

/// What a driver tells of an interface and of the device behind it, for each interface that it has
/// registered ([`Offload::add`](crate::Offload::add)).
///
/// This is the function that the kernel lacks: which programs has the device? All of it is called in
/// process context with RTNL held.
pub trait ReportPrograms: Send + Sync {
    /// The interface.
    fn net_device(&self) -> &NetDevice;

    /// What is kept of the interface here.
    fn interface(&self) -> &Interface;

    /// What the device has in `slot`.
    fn in_slot(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<InSlot>;

    /// What the kernel runs for the function of `slot`, if the device does not.
    fn kernel_program(&self, slot: Slot, rtnl: &Rtnl<'_>) -> Option<KernelProgram>;

    /// Of the programs that lie in the device, in slots or not, and that have a number, the one with
    /// the smallest that is not smaller than `id`.
    fn program_from(&self, id: u32, rtnl: &Rtnl<'_>) -> Option<DeviceProgram>;

    /// Shows `see` the format and the bytes of the image that the device runs of program number `id`,
    /// and gives whether there is one.
    fn show_image(&self, id: u32, see: &mut dyn FnMut(u32, &[u8]), rtnl: &Rtnl<'_>) -> bool;

    /// Tells `see` of each resource of the device.
    fn resources(&self, see: &mut dyn FnMut(&Resource<'_>));

    /// Takes the program that `slot` runs out of it, as it is faulted. On return the device runs it
    /// for no frame any more, and the kernel runs its own again. [`Self::in_slot`] tells of the program
    /// until the slot is set anew.
    fn take_out(&self, slot: Slot, rtnl: &Rtnl<'_>);

    /// Has the program that `slot` runs replace the kernel's from now on, or not any more. Each frame
    /// meets the one, or both, and never neither.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then all is as before.
    fn set_replaces_kernel(&self, slot: Slot, replaces: bool, rtnl: &Rtnl<'_>) -> Result;
}
