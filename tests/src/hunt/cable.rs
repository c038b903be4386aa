// SPDX-License-Identifier: GPL-2.0

//! The whole way: programs as native XDP on a veth pair, and in the device of a port, on the same
//! frames, which are sent.

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::generate::{self, Setting};
use super::kernel::Kernel;
use super::Case;
use crate::cable::Cable;
use crate::frames::Frames;
use crate::outcome::{self, Outcome};

/// The longest frames: those that nobody has to cut.
const MTU: usize = 1500;

/// A pair of each kind.
pub struct Cables {
    kernel: Kernel,
    native: Cable,
    device: Cable,
}

/// The outcome of a program on a cable; `None` if it was refused.
fn run(kernel: &Kernel, cable: &Cable, case: &Case, frames: &[Vec<u8>]) -> Result<Option<Outcome>> {
    let path = "/sys/fs/bpf/hunt";
    if kernel.pin(case, &cable.far, cable.mode(), path)?.is_none() {
        return Ok(None);
    }
    let outcome = (|| {
        let program = cable.attach_pinned(path)?;
        let observed = cable.exchange(frames)?;
        let maps = outcome::dump_maps(&program)?;
        cable.detach()?;
        anyhow::Ok(Outcome { observed, maps })
    })();
    std::fs::remove_file(path)?;
    outcome.map(Some)
}

impl Cables {
    /// Plugs them in.
    ///
    /// # Errors
    ///
    /// Where the module, `ip` or the process for the kernel's side fails.
    pub fn new() -> Result<Self> {
        Ok(Self {
            kernel: Kernel::new()?,
            native: Cable::veth(MTU)?,
            device: Cable::onic(MTU)?,
        })
    }

    /// Runs program `number` of `seed` on `frames` frames on both; whether it was accepted.
    ///
    /// # Errors
    ///
    /// Where what it does differs, the device refuses what the host accepts, or a tool fails.
    pub fn equal(&self, seed: u64, number: u64, frames: usize) -> Result<bool> {
        let setting = Setting {
            events: false,
            cable: true,
        };
        let case = generate::case(seed, number, 0, setting);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let mut source = Frames::new(rng.random(), MTU);
        let frames: Vec<_> = (0..frames).map(|_| source.next_frame()).collect();
        let what = || format!("program {number} of seed {seed}:\n{}", case.code);
        let native = run(&self.kernel, &self.native, &case, &frames).with_context(what)?;
        let Some(native) = native else {
            return Ok(false);
        };
        let device = run(&self.kernel, &self.device, &case, &frames).with_context(what)?;
        let device = device.context("the device refuses it").with_context(what)?;
        outcome::compare(&native, &device).with_context(what)?;
        Ok(true)
    }
}
