// SPDX-License-Identifier: GPL-2.0

//! A program in the device's program store, and what is made of it there.

use super::{
    refusal::Refusal,
    Program, //
};
use crate::{
    loaded::{
        digests,
        LoadedProgram,
        StoredProgram, //
    },
    map::{
        DeviceMap,
        MapRef, //
    },
    memory::{
        Charge,
        DeviceMemory,
        KernelMemory, //
    },
    runs::Runs, //
};
use engine::{
    image::Image,
    insn::Insn,
    memory::Memory,
    resources::{
        Exhausted,
        Resource, //
    },
    store::{
        self,
        Source, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::bpf::{
    Instruction,
    KernelProgram,
    ProgramKind,
    ProgramNumber,
    ProgramRef,
    UsedMapKind, //
};

/// A program in the program store.
pub(super) struct Stored {
    facts: KernelProgram,
    pub(super) source: Source<KernelMemory>,
    /// Behind what it is for, so that it is free before it counts as free.
    room: Room,
}

/// What a program takes of the device beside memory.
pub(crate) struct Room {
    operations: Charge,
    _program: Charge,
}

impl Room {
    /// For one program, without operations yet.
    fn new(device: &DeviceMemory) -> Result<Self, Exhausted> {
        Ok(Self {
            operations: device.charge(Resource::Operations, 0)?,
            _program: device.charge(Resource::Programs, 1)?,
        })
    }

    /// Makes room for `count` operations.
    fn set_operations(&mut self, count: usize) -> Result<(), Exhausted> {
        // CAST: `usize` has at most 64 bits.
        self.operations.resize(count as u64)
    }
}

impl Stored {
    /// Takes `program` into the program store.
    pub(super) fn new(
        device: &DeviceMemory,
        program: &ProgramRef<'_, Program>,
    ) -> Result<Self, Refusal> {
        let room = Room::new(device)?;
        Ok(Self {
            facts: program.facts(),
            source: store(device, program)?,
            room,
        })
    }

    /// Makes room for what will be made of the program, as far as that can be foreseen: the verifier
    /// may still cut out what no path leads to. When the translation comes, its log is closed.
    ///
    /// # Errors
    ///
    /// Why the program will be refused, unless what is cut out makes a difference.
    pub(super) fn foresee(&mut self, device: &DeviceMemory) -> Result<(), Refusal> {
        let mut maps = KVec::new();
        // Which maps these are is not known yet.
        let mut index_of = |address: u64| {
            let known = maps.iter().position(|&known| known == address);
            let index = known.unwrap_or(maps.len());
            if known.is_none() {
                maps.push(address, GFP_KERNEL).ok()?;
            }
            u16::try_from(index).ok()
        };
        let (memory, limits) = (device.source(), device.limits());
        let image = Image::translate(&memory, &self.source, [0; 32], &mut index_of, limits)?;
        Ok(self.room.set_operations(image.ops().len())?)
    }
}

/// Copies `program` into the program store.
fn store(
    device: &DeviceMemory,
    program: &ProgramRef<'_, Program>,
) -> Result<Source<KernelMemory>, Refusal> {
    let facts = program.facts();
    let kind = match facts.kind {
        ProgramKind::Xdp => store::ProgramKind::Xdp,
        ProgramKind::SchedCls => store::ProgramKind::SchedCls,
        ProgramKind::Other(number) => return Err(Refusal::Kind(number)),
    };
    let insns = program.instructions().map(to_engine);
    let source = Source::new(&device.source(), kind, insns, device.limits())?;
    if digests(&source).sha256.0 != facts.digest {
        return Err(Refusal::Digest);
    }
    Ok(source)
}

/// Translates `stored`, the store's copy of `program`.
pub(super) fn load(
    device: &DeviceMemory,
    program: &ProgramRef<'_, Program>,
    stored: Stored,
    number: Arc<ProgramNumber>,
    runs: Arc<Runs>,
) -> Result<LoadedProgram, Refusal> {
    // Where this ends early, they are dropped from the last to the first.
    let Stored {
        facts,
        mut room,
        source,
    } = stored;
    let memory = device.source();
    let mut addresses = KVec::new();
    let mut maps = KVec::new();
    for used in program.maps() {
        let map = match used.kind {
            UsedMapKind::Device(map) => MapRef::new(Arc::from(map)),
            UsedMapKind::Events(events) => {
                MapRef::with_events(DeviceMap::event_array(device)?, events)
            }
            UsedMapKind::Orphaned => continue,
        };
        addresses.push(used.address, GFP_KERNEL)?;
        maps.push(map, GFP_KERNEL)?;
    }
    let mut index_of = |address: u64| {
        let index = addresses.iter().position(|&known| known == address)?;
        u16::try_from(index).ok()
    };
    let digest = digests(&source).sha256.0;
    let image = Image::translate(&memory, &source, digest, &mut index_of, device.limits())?;
    room.set_operations(image.ops().len())?;
    let maps = memory.allocate(addresses.len(), |index| maps[index].clone())?;
    let stored = StoredProgram::new(facts, source, number, runs, room);
    Ok(LoadedProgram::new(
        Arc::new(stored, GFP_KERNEL)?,
        engine::exec::Program::new(image, maps),
    ))
}

/// `insn` in the engine's words.
pub(super) fn to_engine(insn: Instruction) -> Insn {
    Insn::new(insn.code, insn.dst, insn.src, insn.off, insn.imm)
}
