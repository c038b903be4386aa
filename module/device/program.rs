// SPDX-License-Identifier: GPL-2.0

//! Programs in the device's memory: from the copy in the program store to what is run.

use crate::{
    map::MapRef,
    memory::{
        Charge,
        DeviceMemory,
        KernelMemory, //
    },
    runs::Runs, //
};
use core::{
    fmt,
    ops::Deref,
    sync::atomic::{
        AtomicU32,
        Ordering, //
    }, //
};
use engine::{
    exec,
    image::{
        Image,
        ImageError, //
    },
    insn::Insn,
    memory::{
        Memory,
        OutOfMemory, //
    },
    resources::{
        Exhausted,
        Resource, //
    },
    store::{
        ProgramKind,
        RegisterFacts,
        Source, //
    },
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc, //
};

/// Why the device does not take a program.
#[derive(Clone)]
pub enum Refusal {
    /// The device can't do what the program does.
    Engine(engine::refusal::Refusal),
    /// There is not enough left of what the device has.
    Exhausted(Exhausted),
    /// No memory, of the device or of the kernel.
    OutOfMemory,
}

impl Refusal {
    /// The error number for it, positive.
    pub fn errno(&self) -> i32 {
        match self {
            Self::Engine(refusal) => refusal.errno(),
            Self::Exhausted(exhausted) => exhausted.errno(),
            Self::OutOfMemory => engine::errno::ENOMEM,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(refusal) => refusal.fmt(f),
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::OutOfMemory => f.write_str("no memory for the program's table of maps"),
        }
    }
}

impl From<engine::refusal::Refusal> for Refusal {
    fn from(refusal: engine::refusal::Refusal) -> Self {
        Self::Engine(refusal)
    }
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::OutOfMemory
    }
}

/// What a program takes of the device beside memory.
struct Room {
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
        // CAST: Programs are far shorter than 2^64 operations.
        self.operations.resize(count as u64)
    }
}

/// What was made of a program, whose maps are those at `maps`, in this order.
struct Translation {
    image: Image<KernelMemory>,
    maps: KVec<u64>,
}

/// A program in the program store, while it is being looked at.
pub struct Draft {
    source: Source<KernelMemory>,
    digest: [u8; 32],
    /// Nothing until it was translated, and after each change.
    translation: Option<Translation>,
    /// Behind what it is for, so that it is free before it counts as free.
    room: Room,
}

impl Draft {
    /// Copies a program of type `kind` into the program store. Process context.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; then nothing is taken of the device.
    pub fn new(
        device: &DeviceMemory,
        kind: ProgramKind,
        insns: impl ExactSizeIterator<Item = Insn>,
    ) -> Result<Self, Refusal> {
        let room = Room::new(device)?;
        Ok(Self {
            source: Source::new(&device.source(), kind, insns, device.limits())?,
            digest: [0; 32],
            translation: None,
            room,
        })
    }

    /// The instructions as they lie in the program store.
    pub fn original(&self) -> impl ExactSizeIterator<Item = Insn> + '_ {
        self.source.original()
    }

    /// Has the image, and what the device leaves behind of a program that it stops, bear `digest`.
    pub fn set_digest(&mut self, digest: [u8; 32]) {
        self.digest = digest;
        self.translation = None;
    }

    /// See [`Source::check_insn`].
    ///
    /// # Errors
    ///
    /// [`Refusal`] with the instruction if the device does not have it.
    pub fn check_insn(&mut self, index: usize, facts: &dyn RegisterFacts) -> Result<(), Refusal> {
        Ok(self.source.check_insn(index, facts)?)
    }

    /// See [`Source::finalize`].
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the device can't run the program as a whole.
    pub fn finalize(&mut self) -> Result<(), Refusal> {
        Ok(self.source.finalize()?)
    }

    /// See [`Source::replace_insn`].
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there is no such instruction.
    pub fn replace_insn(&mut self, index: usize, insn: Insn) -> Result<(), Refusal> {
        self.translation = None;
        Ok(self.source.replace_insn(index, insn)?)
    }

    /// See [`Source::remove_insns`].
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there are no such instructions.
    pub fn remove_insns(&mut self, index: usize, count: usize) -> Result<(), Refusal> {
        self.translation = None;
        Ok(self.source.remove_insns(index, count)?)
    }

    /// Translates the program, unless that was done since it was changed last, and makes room for
    /// its operations. Process context.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of the program as it stands.
    pub fn translate(&mut self, device: &DeviceMemory) -> Result<(), Refusal> {
        if self.translation.is_none() {
            let mut maps = KVec::new();
            // Which maps these are is not asked yet.
            let mut index_of = |address: u64| {
                let known = maps.iter().position(|&known| known == address);
                let index = known.unwrap_or(maps.len());
                if known.is_none() {
                    maps.push(address, GFP_KERNEL).ok()?;
                }
                u16::try_from(index).ok()
            };
            let (memory, limits) = (device.source(), device.limits());
            let source = &self.source;
            let image = Image::translate(&memory, source, self.digest, &mut index_of, limits)?;
            self.room.set_operations(image.ops().len())?;
            self.translation = Some(Translation { image, maps });
        }
        Ok(())
    }

    /// Makes of the program what the device runs. `map_at` gives the map that stands in its
    /// instructions as a number; `label` is what the host notes with it. Process context.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: as [`Self::translate`], or if there is no such map any more.
    pub fn load<L>(
        mut self,
        device: &DeviceMemory,
        map_at: impl Fn(u64) -> Option<MapRef>,
        label: L,
    ) -> Result<Program<L>, Refusal> {
        self.translate(device)?;
        // Where this ends early, they are dropped from the last to the first.
        let Self {
            source,
            digest,
            translation,
            room,
        } = self;
        let Translation { image, maps } = translation.ok_or(Refusal::OutOfMemory)?;
        let (memory, limits) = (device.source(), device.limits());
        let mut table = KVec::with_capacity(maps.len(), GFP_KERNEL)?;
        for address in &maps {
            let Some(map) = map_at(*address) else {
                // The translation says which instruction wants a map that is gone.
                let mut none = |address: u64| map_at(address).map(|_| 0);
                Image::translate(&memory, &source, digest, &mut none, limits)?;
                return Err(Refusal::OutOfMemory);
            };
            table.push(map, GFP_KERNEL)?;
        }
        let table = memory.allocate(table.len(), |index| table[index].clone())?;
        let stored = StoredProgram {
            source,
            runs: Runs::default(),
            slots: AtomicU32::new(0),
            label,
            _room: room,
        };
        Ok(Program {
            stored: Arc::new(stored, GFP_KERNEL)?,
            program: exec::Program::new(image, table),
        })
    }
}

/// A program in the program store, and all that is known of it beside its image. `L` is what the
/// host notes with it.
pub struct StoredProgram<L> {
    source: Source<KernelMemory>,
    runs: Runs,
    /// How many slots of ports hold it.
    slots: AtomicU32,
    label: L,
    /// Behind what it is for, so that it is free before it counts as free.
    _room: Room,
}

impl<L> StoredProgram<L> {
    /// What the host has noted with it.
    pub fn label(&self) -> &L {
        &self.label
    }

    /// What it has said so far, at all ports that ran it.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Of what type it is.
    pub fn kind(&self) -> ProgramKind {
        self.source.kind()
    }

    /// The instructions as they lie in the program store at this moment.
    pub fn original(&self) -> impl ExactSizeIterator<Item = Insn> + '_ {
        self.source.original()
    }

    /// See [`Source::fingerprint`].
    pub(crate) fn fingerprint(&self) -> u64 {
        self.source.fingerprint()
    }

    /// Has the memory of the program store fail: see [`Source::flip_bit`].
    pub fn flip_bit(&self, bit: u64) -> bool {
        self.source.flip_bit(bit)
    }

    /// Whether a port runs it for received frames.
    pub fn is_running(&self) -> bool {
        self.slots.load(Ordering::Relaxed) > 0
    }
}

/// A program in the device's memory, ready to run.
///
/// It needs nothing of whoever has loaded it: its maps stay as long as it does.
pub struct Program<L> {
    stored: Arc<StoredProgram<L>>,
    program: exec::Program<KernelMemory, MapRef>,
}

impl<L> Program<L> {
    /// Its place in the program store.
    pub fn stored(&self) -> &Arc<StoredProgram<L>> {
        &self.stored
    }

    /// What the host has noted with it.
    pub fn label(&self) -> &L {
        self.stored.label()
    }

    /// What the device executes.
    pub fn image(&self) -> &Image<KernelMemory> {
        self.program.image()
    }

    /// What the engine runs.
    pub(crate) fn engine(&self) -> &exec::Program<KernelMemory, MapRef> {
        &self.program
    }

    /// Bytes of device memory that it takes, without its maps.
    pub fn memory(&self) -> usize {
        [
            self.stored.source.memory(),
            self.image().memory(),
            size_of_val(self.program.maps()),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Has the memory of its image fail in bit `bit`: what then lies in its place.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such bit, or the device could not execute what comes out; `ENOMEM`.
    pub(crate) fn damaged(&self, memory: &KernelMemory, bit: usize) -> Result<Self> {
        let image = self.image().with_flipped_bit(memory, bit);
        let image = image.map_err(|error| match error {
            ImageError::OutOfMemory => ENOMEM,
            _ => EINVAL,
        })?;
        let maps = self.program.maps();
        let maps = memory
            .allocate(maps.len(), |index| maps[index].clone())
            .map_err(|_| ENOMEM)?;
        Ok(Self {
            stored: self.stored.clone(),
            program: exec::Program::new(image, maps),
        })
    }
}

/// A program in a slot of a port.
pub(crate) struct Slotted<L>(Arc<Program<L>>);

impl<L> Slotted<L> {
    /// `program` is being put into a slot.
    pub(crate) fn new(program: Arc<Program<L>>) -> Self {
        program.stored.slots.fetch_add(1, Ordering::Relaxed);
        Self(program)
    }
}

impl<L> Deref for Slotted<L> {
    type Target = Arc<Program<L>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<L> Drop for Slotted<L> {
    fn drop(&mut self) {
        self.0.stored.slots.fetch_sub(1, Ordering::Relaxed);
    }
}
