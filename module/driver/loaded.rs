// SPDX-License-Identifier: GPL-2.0

//! Programs that lie in the device's memory, ready to run.

use crate::{
    map::MapRef,
    memory::KernelMemory,
    port::Port,
    program::{
        Program,
        Room, //
    },
    runs::Runs, //
};
use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use engine::{
    image,
    insn::Insn,
    memory::Memory,
    store::Source, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    bpf::{
        self,
        AttachedProgram,
        Instruction,
        ProgramNumber, //
    },
    extack::Extack,
    netdev::Rtnl, //
};
use offload::{
    compare,
    DeviceProgram,
    Digests,
    ImageFacts,
    KernelProgram,
    Slot,
    State, //
};

/// A program in the program store, and all that is known of it beside its image.
pub(crate) struct StoredProgram {
    /// What the kernel has loaded.
    pub(crate) loaded: bpf::KernelProgram,
    pub(crate) source: Source<KernelMemory>,
    pub(crate) number: Arc<ProgramNumber>,
    /// What it has said so far.
    pub(crate) runs: Arc<Runs>,
    /// Whether it was found not to be what the kernel loaded. Never taken back.
    is_faulted: AtomicBool,
    /// Behind what it is for, so that it is free before it counts as free.
    _room: Room,
}

impl StoredProgram {
    /// What the kernel knows as `loaded`, in `source`.
    pub(crate) fn new(
        loaded: bpf::KernelProgram,
        source: Source<KernelMemory>,
        number: Arc<ProgramNumber>,
        runs: Arc<Runs>,
        room: Room,
    ) -> Self {
        Self {
            loaded,
            source,
            number,
            runs,
            is_faulted: AtomicBool::new(false),
            _room: room,
        }
    }
}

/// A program in the device's memory, ready to run.
///
/// It needs nothing of the kernel's side of the program: its maps stay as long as it does.
pub(crate) struct LoadedProgram {
    stored: Arc<StoredProgram>,
    program: engine::exec::Program<KernelMemory, MapRef>,
}

impl LoadedProgram {
    /// What is made of `stored`.
    pub(crate) fn new(
        stored: Arc<StoredProgram>,
        program: engine::exec::Program<KernelMemory, MapRef>,
    ) -> Self {
        Self { stored, program }
    }

    /// Of what type it is.
    pub(crate) fn kind(&self) -> bpf::ProgramKind {
        self.stored.loaded.kind
    }

    /// What it has said so far.
    pub(crate) fn runs(&self) -> &Runs {
        &self.stored.runs
    }

    /// Its place in the program store.
    pub(crate) fn stored(&self) -> &Arc<StoredProgram> {
        &self.stored
    }

    /// The number that user space knows it by; 0 when the kernel has taken it from the device.
    pub(crate) fn number(&self) -> u32 {
        self.stored.number.get()
    }

    /// What the engine runs.
    pub(crate) fn engine(&self) -> &engine::exec::Program<KernelMemory, MapRef> {
        &self.program
    }

    /// What lies in the device of `program`, which is to be run in `slot` of `port`, and what it is at
    /// this moment.
    ///
    /// # Errors
    ///
    /// `EINVAL` if what lies in the device is not what the kernel loaded; `extack` has both digests.
    pub(crate) fn checked(
        program: &AttachedProgram<'_, Program>,
        (port, slot): (&Port, Slot),
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<(Arc<Self>, DeviceProgram)> {
        let Some(loaded) = program.resident() else {
            extack.msg(c"the program is not in the device: load it again");
            return Err(EINVAL);
        };
        let was_known = loaded.stored.is_faulted.load(Ordering::Relaxed);
        let found = loaded.report(State::Loaded);
        let kernel = KernelProgram::from(program.program().facts());
        if let Err(mismatch) = compare(slot, &found, &kernel) {
            extack.fmt(format_args!("{mismatch}"));
            if !was_known {
                port.reporter().faulted(slot, &found, rtnl);
            }
            return Err(EINVAL);
        }
        Ok((loaded, found))
    }

    /// What it is at this moment: `state`, unless it is not what the kernel loaded.
    ///
    /// The digests are made from the program store. What the device executes is the image, and was
    /// made from there when the program was loaded: it is faulted, too, if it is not as it was then.
    pub(crate) fn report(&self, state: State) -> DeviceProgram {
        let StoredProgram {
            loaded, is_faulted, ..
        } = &*self.stored;
        let image = self.program.image();
        let digests = digests(&self.stored.source);
        if digests.sha256.0 != loaded.digest || !image.is_intact() {
            is_faulted.store(true, Ordering::Relaxed);
        }
        let state = if is_faulted.load(Ordering::Relaxed) {
            State::Faulted
        } else {
            state
        };
        // CAST: The limits of a program are far below `u32::MAX`, and `usize` has at most 64 bits.
        let facts = ImageFacts {
            instructions: self.stored.source.original().len() as u32,
            format: image::FORMAT.into(),
            size: image.bytes().len() as u32,
            operations: image.ops().len() as u32,
            memory: self.memory() as u64,
        };
        let kernel = KernelProgram::from(*loaded);
        DeviceProgram {
            kind: kernel.kind,
            name: kernel.name,
            id: self.number(),
            digests: Some(digests),
            state,
            image: Some(facts),
        }
    }

    /// Bytes of device memory that it takes, without its maps.
    fn memory(&self) -> usize {
        [
            self.stored.source.memory(),
            self.program.image().memory(),
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
    pub(crate) fn damaged(&self, memory: &KernelMemory, bit: usize) -> Result<Arc<Self>> {
        let image = self.program.image().with_flipped_bit(memory, bit);
        let image = image.map_err(|error| match error {
            image::ImageError::OutOfMemory => ENOMEM,
            _ => EINVAL,
        })?;
        let maps = self.program.maps();
        let maps = memory
            .allocate(maps.len(), |index| maps[index].clone())
            .map_err(|_| ENOMEM)?;
        let damaged = Self {
            stored: self.stored.clone(),
            program: engine::exec::Program::new(image, maps),
        };
        Ok(Arc::new(damaged, GFP_KERNEL)?)
    }
}

/// The digests of the instructions as they lie in the program store.
pub(crate) fn digests(source: &Source<KernelMemory>) -> Digests {
    Digests::of(source.original().map(|insn: Insn| Instruction {
        code: insn.code,
        dst: insn.dst(),
        src: insn.src(),
        off: insn.off,
        imm: insn.imm,
    }))
}
