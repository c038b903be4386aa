// SPDX-License-Identifier: GPL-2.0

//! The programs of a NIC, from the first look at one to what the device runs.

mod facts;
mod refusal;

use super::{
    files::ProgramFiles,
    map::{
        HostEvents,
        OffloadedMap, //
    },
    report::digests,
    store::Store, //
};
use crate::port::{
    Label,
    LoadedProgram,
    Port, //
};
use core::sync::atomic::Ordering;
use device::{
    card::Card,
    map::MapRef,
    program::Draft, //
};
use engine::{
    insn::Insn,
    store, //
};
use facts::Facts;
use kernel::{
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
        NewProgram,
        ProgramKind,
        ProgramNumber,
        ProgramOffload,
        UsedMapKind,
        VerifiedProgram,
        VerifierEnv, //
    },
    error::not_supported,
    netdev::Rtnl, //
};
use refusal::{
    refuse,
    Refusal, //
};

/// A program that the kernel has offered to the device, and how far it has come.
pub(crate) struct OffloadedProgram {
    store: Arc<Store>,
    number: Arc<ProgramNumber>,
    files: Pin<KBox<ProgramFiles>>,
    stage: Stage,
}

// A program has one of these, where it is: nothing is gained by memory of its own for a draft.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// The device can't take it; the user learns why as soon as there is a log.
    Refused(Refusal),
    /// In the program store, while the verifier looks at it.
    Stored(Draft),
    /// Translated.
    Loaded(Arc<LoadedProgram>),
}

impl OffloadedProgram {
    /// What was made of the program when it was loaded.
    fn loaded(&self) -> Option<&Arc<LoadedProgram>> {
        match &self.stage {
            Stage::Loaded(program) => Some(program),
            Stage::Refused(_) | Stage::Stored(_) => None,
        }
    }

    /// What lies in the device of the program, if it is ready to run.
    pub(super) fn resident(&self) -> Option<Arc<LoadedProgram>> {
        self.store.asic.card.programs.of(self.loaded()?.stored())
    }
}

impl Stage {
    fn draft(&mut self) -> Result<&mut Draft, Refusal> {
        match self {
            Self::Stored(draft) => Ok(draft),
            Self::Refused(refusal) => Err(refusal.clone()),
            Self::Loaded(_) => Err(Refusal::Stage),
        }
    }
}

impl ProgramOffload for OffloadedProgram {
    type Device = Arc<Store>;
    type Map = OffloadedMap;

    fn prepare(
        store: &Arc<Store>,
        program: &NewProgram<'_>,
        number: Arc<ProgramNumber>,
    ) -> Result<Self> {
        if !store.switches.bpf_bind_accept.load(Ordering::Relaxed) {
            // Before there is a log that the verifier writes to.
            store.log_refusal(
                format_args!("a program"),
                &"bpf_bind_accept in debugfs is N: write Y to it",
            );
            return Err(not_supported());
        }
        let kind = program.facts().kind;
        let files = store.programs.add(number.clone(), kind, store)?;
        let stage = match draft(store, program) {
            Ok(draft) => Stage::Stored(draft),
            Err(refusal) => Stage::Refused(refusal),
        };
        Ok(Self {
            store: store.clone(),
            number,
            files,
            stage,
        })
    }

    fn insn_hook(&mut self, env: &VerifierEnv<'_>, index: usize, _previous: usize) -> Result {
        let switches = &self.store.switches;
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
        let draft = self.stage.draft();
        let checked = draft.and_then(|draft| Ok(draft.check_insn(index, &Facts(env))?));
        checked.map_err(|refusal| refuse(env, &self.store.asic.card.memory, refusal))
    }

    fn finalize(&mut self, env: &VerifierEnv<'_>) -> Result {
        let memory = &self.store.asic.card.memory;
        let draft = self.stage.draft();
        let draft = draft.and_then(|draft| {
            draft.finalize()?;
            Ok(draft)
        });
        let draft = draft.map_err(|refusal| refuse(env, memory, refusal))?;
        // The verifier may still cut out what no path leads to. When the program is loaded, its log
        // is closed.
        match draft.translate(memory) {
            Ok(()) => env.log(format_args!(
                "[offload_nic] taken: {} instructions of at most {} in {} functions; {}",
                env.program_len(),
                memory.limits().max_insns,
                env.subprogram_count(),
                memory
            )),
            Err(refusal) => env.log(format_args!(
                "[offload_nic] {refusal}; refused unless the verifier cuts out enough; {memory}"
            )),
        }
        Ok(())
    }

    fn replace_insn(&mut self, index: usize, insn: Instruction) -> Result {
        let draft = self.stage.draft();
        let replaced = draft.and_then(|draft| Ok(draft.replace_insn(index, to_engine(insn))?));
        replaced.map_err(|refusal| refusal.error())
    }

    fn remove_insns(&mut self, index: usize, count: usize) -> Result {
        let draft = self.stage.draft();
        let removed = draft.and_then(|draft| Ok(draft.remove_insns(index, count)?));
        removed.map_err(|refusal| refusal.error())
    }

    fn translate(&mut self, program: &VerifiedProgram<'_, OffloadedMap>) -> Result {
        let stage = core::mem::replace(&mut self.stage, Stage::Refused(Refusal::Stage));
        let Stage::Stored(draft) = stage else {
            return Err(Refusal::Stage.error());
        };
        let facts = program.facts();
        let label = Label::new(facts, self.number.clone());
        let card = &self.store.asic.card;
        let maps = maps(program, card)?;
        let map_at = |address: u64| {
            let known = maps.iter().find(|(known, _)| *known == address);
            known.map(|(_, map)| map.clone())
        };
        let loaded = draft.load(&card.memory, map_at, label);
        let loaded = loaded.map_err(|refusal| {
            // The verifier log is closed by now.
            let name = name_text(&facts.name).to_str().unwrap_or_default();
            self.store
                .log_refusal(format_args!("program '{name}'"), &refusal);
            Refusal::from(refusal).error()
        })?;
        let loaded = card.programs.add(loaded)?;
        self.files.stored.populate(loaded.stored().clone());
        self.stage = Stage::Loaded(loaded);
        self.store.asic.tell_soon();
        Ok(())
    }

    fn destroy(&self, rtnl: &Rtnl<'_>) {
        if let Some(program) = self.loaded() {
            self.store.asic.residents().remove(program.stored(), rtnl);
        }
    }

    fn image(&self) -> &[u8] {
        self.loaded().map_or(&[], |program| program.image().bytes())
    }
}

/// Copies `program` into the card's program store.
fn draft(store: &Store, program: &NewProgram<'_>) -> Result<Draft, Refusal> {
    let KernelProgram { kind, digest, .. } = program.facts();
    let kind = match kind {
        ProgramKind::Xdp => store::ProgramKind::Xdp,
        ProgramKind::SchedCls => store::ProgramKind::SchedCls,
        ProgramKind::Other(number) => return Err(Refusal::Kind(number)),
    };
    let insns = program.instructions().map(to_engine);
    let mut draft = Draft::new(&store.asic.card.memory, kind, insns)?;
    if digests(draft.original()).sha256.0 != digest {
        return Err(Refusal::Digest);
    }
    draft.set_digest(digest);
    Ok(draft)
}

/// The maps that `program` uses, by what stands for them in its instructions. Those whose device is
/// gone are left out.
fn maps(
    program: &VerifiedProgram<'_, OffloadedMap>,
    card: &Card<Port>,
) -> Result<KVec<(u64, MapRef)>> {
    let mut maps = KVec::new();
    for used in program.maps() {
        let map = match used.kind {
            UsedMapKind::Device(map) => MapRef::new(map.map().clone()),
            UsedMapKind::Events(events) => {
                let events = Arc::new(HostEvents(events), GFP_KERNEL)?;
                MapRef::to_events(&card.memory, events).map_err(|_| ENOMEM)?
            }
            UsedMapKind::Orphaned => continue,
        };
        maps.push((used.address, map), GFP_KERNEL)?;
    }
    Ok(maps)
}

/// `insn` in the engine's words.
fn to_engine(insn: Instruction) -> Insn {
    Insn::new(insn.code, insn.dst, insn.src, insn.off, insn.imm)
}
