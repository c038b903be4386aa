// SPDX-License-Identifier: GPL-2.0

//! The programs of a NIC, from the first look at one to what the device runs.

use crate::{
    asic::Asic,
    files::ProgramFiles,
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
use core::{
    fmt,
    sync::atomic::Ordering, //
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
        RegisterFacts,
        Source, //
    }, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};
use net::{
    bpf::{
        name_text,
        Instruction,
        KernelProgram,
        ProgramKind,
        ProgramNumber,
        ProgramOffload,
        ProgramRef,
        Register,
        RegisterKind,
        UsedMapKind,
        VerifierEnv, //
    },
    error::not_supported,
    netdev::Rtnl, //
};

/// How far a program has come.
pub(crate) struct Program {
    device: Asic,
    number: Arc<ProgramNumber>,
    files: Pin<KBox<ProgramFiles>>,
    stage: Stage,
}

enum Stage {
    /// The device can't take it; the user learns why as soon as there is a log.
    Refused(Refusal),
    /// In the program store, while the verifier looks at it.
    Stored(Stored),
    /// Translated.
    Loaded(Arc<LoadedProgram>),
}

/// A program in the program store.
struct Stored {
    facts: KernelProgram,
    source: Source<KernelMemory>,
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

/// Why the device does not take a program.
#[derive(Clone)]
enum Refusal {
    Engine(engine::refusal::Refusal),
    /// There is not enough left of what the device has.
    Exhausted(Exhausted),
    /// No memory, of the device or of the kernel.
    OutOfMemory,
    /// The program store holds something else than the kernel's digest says.
    Digest,
    /// The kernel calls in an order that makes no sense.
    Stage,
    /// The device has no place where it runs programs of that type, by its number.
    Kind(u32),
}

impl Refusal {
    fn error(&self) -> Error {
        Error::from_errno(match self {
            Self::Engine(refusal) => -refusal.errno(),
            Self::Exhausted(exhausted) => -exhausted.errno(),
            Self::OutOfMemory => -engine::errno::ENOMEM,
            Self::Digest | Self::Stage | Self::Kind(_) => -engine::errno::EINVAL,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(refusal) => refusal.fmt(f),
            Self::Exhausted(exhausted) => exhausted.fmt(f),
            Self::OutOfMemory => f.write_str("no memory for the program's table of maps"),
            Self::Digest => f.write_str(
                "the instructions in the device do not have the digest that the kernel computed: \
                 maps must be named by descriptor (BPF_PSEUDO_MAP_FD), not by index in fd_array",
            ),
            Self::Stage => f.write_str("the program is not in the device's program store"),
            Self::Kind(number) => write!(
                f,
                "program type {number}: the device runs XDP programs (xdp) and classifiers (tc) only"
            ),
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

impl From<engine::memory::OutOfMemory> for Refusal {
    fn from(_: engine::memory::OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::OutOfMemory
    }
}

impl Program {
    /// What was made of the program when it was loaded.
    fn loaded(&self) -> Option<&Arc<LoadedProgram>> {
        match &self.stage {
            Stage::Loaded(program) => Some(program),
            Stage::Refused(_) | Stage::Stored(_) => None,
        }
    }

    /// What lies in the device of the program, if it is ready to run.
    pub(crate) fn resident(&self) -> Option<Arc<LoadedProgram>> {
        self.device.residents().of(self.loaded()?.stored())
    }
}

impl Stage {
    fn stored(&mut self) -> Result<&mut Stored, Refusal> {
        match self {
            Self::Stored(stored) => Ok(stored),
            Self::Refused(refusal) => Err(refusal.clone()),
            Self::Loaded(_) => Err(Refusal::Stage),
        }
    }
}

impl Stored {
    /// Takes `program` into the program store.
    fn new(device: &DeviceMemory, program: &ProgramRef<'_, Program>) -> Result<Self, Refusal> {
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
    fn foresee(&mut self, device: &DeviceMemory) -> Result<(), Refusal> {
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
fn load(
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

fn to_engine(insn: Instruction) -> Insn {
    Insn::new(insn.code, insn.dst, insn.src, insn.off, insn.imm)
}

/// Tells the verifier log why `device` refuses the program.
fn refuse(env: &VerifierEnv<'_>, device: &Asic, refusal: Refusal) -> Error {
    let error = refusal.error();
    if error == ENOMEM {
        env.log(format_args!("[offload_nic] {refusal}; {}", device.memory));
    } else {
        env.log(format_args!("[offload_nic] {refusal}"));
    }
    error
}

/// What the verifier knows, in the engine's words.
struct Facts<'a, 'b>(&'a VerifierEnv<'b>);

impl RegisterFacts for Facts<'_, '_> {
    fn kind(&self, reg: u8) -> store::RegisterKind {
        let Some(Register { kind, constant }) = self.0.register(reg) else {
            return store::RegisterKind::Other;
        };
        match kind {
            RegisterKind::NotInit => store::RegisterKind::NotInit,
            RegisterKind::Scalar => store::RegisterKind::Scalar { constant },
            RegisterKind::Ctx => store::RegisterKind::Ctx,
            RegisterKind::MapPointer => store::RegisterKind::MapPointer,
            RegisterKind::MapValue => store::RegisterKind::MapValue,
            RegisterKind::MapValueOrNull => store::RegisterKind::MapValueOrNull,
            RegisterKind::Stack => store::RegisterKind::Stack,
            RegisterKind::PacketMeta => store::RegisterKind::PacketMeta,
            RegisterKind::Packet => store::RegisterKind::Packet,
            RegisterKind::PacketEnd => store::RegisterKind::PacketEnd,
            RegisterKind::Other => store::RegisterKind::Other,
        }
    }

    fn offset(&self, reg: u8) -> i32 {
        let constant = self.0.register(reg).and_then(|register| register.constant);
        // CAST: Offsets of pointers fit into 32 bits, as signed numbers.
        constant.map_or(0, |constant| constant as i32)
    }
}

impl ProgramOffload for Program {
    type Device = Asic;
    type Map = DeviceMap;

    fn prepare(
        device: &Asic,
        program: &ProgramRef<'_, Self>,
        number: Arc<ProgramNumber>,
    ) -> Result<Self> {
        if !device.switches.bpf_bind_accept.load(Ordering::Relaxed) {
            // Before there is a log that the verifier writes to.
            device.log_refusal(
                format_args!("a program"),
                &"bpf_bind_accept in debugfs is N: write Y to it",
            );
            return Err(not_supported());
        }
        let files = device
            .programs
            .add(number.clone(), program.facts().kind, device)?;
        let stage = match Stored::new(&device.memory, program) {
            Ok(stored) => Stage::Stored(stored),
            Err(refusal) => Stage::Refused(refusal),
        };
        Ok(Self {
            device: device.clone(),
            number,
            files,
            stage,
        })
    }

    fn insn_hook(&mut self, env: &VerifierEnv<'_>, index: usize, _previous: usize) -> Result {
        let switches = &self.device.switches;
        let delay = switches.bpf_bind_verifier_delay.load(Ordering::Relaxed);
        if index == 0 && delay > 0 {
            fsleep(Delta::from_millis(i64::from(delay)));
        }
        let is_last = index.saturating_add(1) == env.program_len();
        if is_last && !switches.bpf_bind_verifier_accept.load(Ordering::Relaxed) {
            // What tests of offload look for, to know that the refusal is the device's.
            env.log(format_args!("[offload_nic] Hello from offload_nic!"));
            return Err(not_supported());
        }
        let device = &self.device;
        let stored = self.stage.stored();
        let stored = stored.map_err(|refusal| refuse(env, device, refusal))?;
        stored
            .source
            .check_insn(index, &Facts(env))
            .map_err(|refusal| refuse(env, device, refusal.into()))
    }

    fn finalize(&mut self, env: &VerifierEnv<'_>) -> Result {
        let device = &self.device;
        let stored = self.stage.stored();
        let stored = stored.map_err(|refusal| refuse(env, device, refusal))?;
        stored
            .source
            .finalize()
            .map_err(|refusal| refuse(env, device, refusal.into()))?;
        match stored.foresee(&device.memory) {
            Ok(()) => env.log(format_args!(
                "[offload_nic] taken: {} instructions of at most {} in {} functions; {}",
                env.program_len(),
                device.memory.limits().max_insns,
                env.subprogram_count(),
                device.memory
            )),
            Err(refusal) => env.log(format_args!(
                "[offload_nic] {refusal}; refused unless the verifier cuts out enough; {}",
                device.memory
            )),
        }
        Ok(())
    }

    fn replace_insn(&mut self, index: usize, insn: Instruction) -> Result {
        let stored = self.stage.stored().map_err(|refusal| refusal.error())?;
        stored
            .source
            .replace_insn(index, to_engine(insn))
            .map_err(|refusal| Refusal::from(refusal).error())
    }

    fn remove_insns(&mut self, index: usize, count: usize) -> Result {
        let stored = self.stage.stored().map_err(|refusal| refusal.error())?;
        stored
            .source
            .remove_insns(index, count)
            .map_err(|refusal| Refusal::from(refusal).error())
    }

    fn translate(&mut self, program: &ProgramRef<'_, Self>) -> Result {
        let stage = core::mem::replace(&mut self.stage, Stage::Refused(Refusal::Stage));
        let Stage::Stored(stored) = stage else {
            return Err(Refusal::Stage.error());
        };
        let number = self.number.clone();
        let runs = self.files.runs.clone();
        let loaded = load(&self.device.memory, program, stored, number, runs);
        let loaded = loaded.inspect_err(|refusal| {
            // The verifier log is closed by now.
            let name = program.facts().name;
            let name = name_text(&name).to_str().unwrap_or_default();
            self.device
                .log_refusal(format_args!("program '{name}'"), refusal);
        });
        let loaded = loaded.map_err(|refusal| refusal.error())?;
        let loaded = Arc::new(loaded, GFP_KERNEL)?;
        let residents = self.device.residents();
        residents.add(loaded.clone())?;
        self.files.stored.populate(loaded.stored().clone());
        self.stage = Stage::Loaded(loaded);
        self.device.tell_soon();
        Ok(())
    }

    fn destroy(&self, rtnl: &Rtnl<'_>) {
        if let Some(program) = self.loaded() {
            self.device.residents().remove(program.stored(), rtnl);
        }
    }

    fn image(&self) -> &[u8] {
        self.loaded()
            .map_or(&[], |program| program.engine().image().bytes())
    }
}
