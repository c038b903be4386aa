// SPDX-License-Identifier: GPL-2.0

//! The programs of a NIC, from the first look at one to what the device runs.

mod facts;
mod refusal;
mod stored;

use crate::{
    asic::Asic,
    files::ProgramFiles,
    loaded::LoadedProgram,
    map::DeviceMap, //
};
use core::sync::atomic::Ordering;
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
        ProgramNumber,
        ProgramOffload,
        ProgramRef,
        VerifierEnv, //
    },
    error::not_supported,
    netdev::Rtnl, //
};
use refusal::{
    refuse,
    Refusal, //
};
pub(crate) use stored::Room;
use stored::{
    load,
    to_engine,
    Stored, //
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
