// SPDX-License-Identifier: GPL-2.0

//! The hunt itself.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{bail, Result};
use engine::refusal::Refusal;

use super::coverage::Coverage;
use super::device::{self, Device, Facts, Loaded};
use super::generate::{self, Setting};
use super::kernel::{Answer, Kernel, Log};
use super::observed::{difference, Difference, Ran};
use super::shrink::shrink;
use super::Case;
use crate::until::Until;

/// Where a hunt begins and ends.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Where chance begins.
    pub seed: u64,
    /// The number of the first program.
    pub first: u64,
    /// When it is over.
    pub until: Until,
    /// Frames for each program.
    pub frames: usize,
}

/// What came of a hunt.
#[derive(Debug, Default)]
pub struct Report {
    /// Programs that were generated.
    pub programs: u64,
    /// Those that the verifier accepted.
    pub accepted: u64,
    /// Programs with a frame each that ran on both sides.
    pub pairs: u64,
    /// Programs that the verifier accepted and that say nothing about the device, by reason.
    pub not_compared: BTreeMap<String, u64>,
    /// Why the verifier refused programs: how often, by the last thing that it said.
    pub complaints: BTreeMap<String, u64>,
    /// What the accepted ones reached.
    pub coverage: Coverage,
    /// How long it took.
    pub elapsed: Duration,
    /// The differences, each as small as it gets.
    pub findings: Vec<String>,
}

/// Differences after which a hunt ends: more of them are the same, as a rule.
const ENOUGH: usize = 5;

/// Tries that a difference is worth to make it smaller.
const PATIENCE: u32 = 4_000;

/// How many of the refused programs are loaded again to hear why: one in so many.
const ASK: u64 = 20;

impl Report {
    /// Pairs per second.
    pub fn rate(&self) -> f64 {
        self.pairs as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.accepted as f64 / self.programs.max(1) as f64;
        write!(
            f,
            "{} programs, {} accepted ({share:.1} %), {} pairs, {:.0} pairs/s, {} differences",
            self.programs,
            self.accepted,
            self.pairs,
            self.rate(),
            self.findings.len()
        )
    }
}

/// Both sides.
pub struct Hunt {
    kernel: Kernel,
    device: Device,
}

/// What both sides made of a case.
enum Outcome {
    Refused,
    /// Accepted, and no reason to compare what it does.
    NotCompared(String),
    Ran(Box<Both>),
}

struct Both {
    kernel: Ran,
    device: Vec<Loaded>,
    difference: Option<Difference>,
}

impl Outcome {
    fn refused_by_device(refusal: &Refusal) -> Self {
        Self::NotCompared(format!("the device refuses it: {refusal}"))
    }
}

impl Hunt {
    /// Starts the kernel's side.
    ///
    /// # Errors
    ///
    /// As [`Kernel::new`].
    pub fn new() -> Result<Self> {
        Ok(Self {
            kernel: Kernel::new()?,
            device: Device::new()?,
        })
    }

    /// What the kernel can do.
    pub fn setting(&self) -> Setting {
        Setting {
            events: self.kernel.has_events(),
            cable: false,
        }
    }

    fn both(&mut self, case: &Case) -> Result<Outcome> {
        let Answer::Ran(kernel, _) = self.kernel.run(case, Log::Off)? else {
            return Ok(Outcome::Refused);
        };
        let mut both = Both {
            kernel,
            device: Vec::new(),
            difference: None,
        };
        for facts in [Facts::Known, Facts::Unknown] {
            let image = match device::image(case.kind, &case.code, facts) {
                Ok(image) => image,
                Err(refusal) => return Ok(Outcome::refused_by_device(&refusal)),
            };
            let loaded = Loaded::new(image, &case.maps)?;
            let ran = self.device.run(&loaded, case)?;
            let refusal = self.device.take_outside_context();
            let refusal =
                refusal.and_then(|insn| device::refused_on_context(case.kind, &case.code, insn));
            if let Some(refusal) = refusal {
                return Ok(Outcome::refused_by_device(&refusal));
            }
            both.device.push(loaded);
            if let Some(found) = difference(&both.kernel, &ran) {
                if device::depends_on_stack(case, facts)? {
                    return Ok(Outcome::NotCompared(
                        "it depends on what was in its stack".to_owned(),
                    ));
                }
                let what = format!("{} (facts {facts:?})", found.what);
                both.difference = Some(Difference { what, ..found });
                break;
            }
        }
        Ok(Outcome::Ran(Box::new(both)))
    }

    /// Runs program after program. `progress` is told every ten seconds.
    ///
    /// # Errors
    ///
    /// Where one of the sides fails at more than a program.
    pub fn run(&mut self, plan: &Plan, mut progress: impl FnMut(&Report)) -> Result<Report> {
        let (started, mut told) = (Instant::now(), Instant::now());
        let mut report = Report::default();
        let mut refused = 0;
        for number in plan.first.. {
            report.elapsed = started.elapsed();
            let is_over = match plan.until {
                Until::Count(programs) => report.programs >= programs,
                Until::Elapsed(time) => report.elapsed >= time,
            };
            if is_over || report.findings.len() >= ENOUGH {
                break;
            }
            if told.elapsed() >= Duration::from_secs(10) {
                progress(&report);
                told = Instant::now();
            }
            report.programs += 1;
            let case = generate::case(plan.seed, number, plan.frames, self.setting());
            match self.both(&case)? {
                Outcome::Refused => {
                    refused += 1;
                    if refused % ASK == 0 {
                        *report.complaints.entry(self.complaint(&case)?).or_default() += 1;
                    }
                }
                Outcome::NotCompared(reason) => {
                    report.accepted += 1;
                    *report.not_compared.entry(reason).or_default() += 1;
                }
                Outcome::Ran(both) => {
                    report.accepted += 1;
                    report.pairs += case.inputs.len() as u64;
                    let images: Vec<_> = both.device.iter().map(Loaded::image).collect();
                    report.coverage.add(&case.code, &images, &both.kernel);
                    if let Some(found) = both.difference {
                        let text = self.finding(plan.seed, number, &case, &found)?;
                        report.findings.push(text);
                    }
                }
            }
        }
        report.elapsed = started.elapsed();
        Ok(report)
    }

    /// The last thing that the verifier says when it refuses a program, without numbers.
    fn complaint(&mut self, case: &Case) -> Result<String> {
        let Answer::Refused(errno, log) = self.kernel.run(case, Log::Brief)? else {
            bail!("the kernel accepts a program that it has refused");
        };
        let lines = log.lines().rev();
        let last = lines
            .filter(|line| !line.starts_with("processed"))
            .find(|line| {
                !line.starts_with("verification time") && !line.starts_with("stack depth")
            });
        let mut text: String = last.map_or_else(|| errno.to_string(), str::to_owned);
        text.retain(|letter| !letter.is_ascii_digit());
        Ok(text)
    }

    /// A difference as a person needs it.
    fn finding(
        &mut self,
        seed: u64,
        number: u64,
        case: &Case,
        found: &Difference,
    ) -> Result<String> {
        let mut text = format!("seed {seed}, program {number}, {:?}\n{found}\n", case.kind);
        let mut left = PATIENCE;
        let mut failure = None;
        let small = shrink(case, |case| {
            if left == 0 || failure.is_some() {
                return false;
            }
            left -= 1;
            match self.both(case) {
                // Another kind of difference may be one that the smaller program has no right to.
                Ok(Outcome::Ran(both)) => both.difference.is_some_and(|now| now.kind == found.kind),
                Ok(_) => false,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        });
        if let Some(error) = failure {
            return Err(error);
        }
        match self.both(&small)? {
            Outcome::Ran(both) => match both.difference {
                Some(found) => {
                    text += &format!("as small as it gets: {found}\n");
                }
                None => text += "it does not happen each time\n",
            },
            _ => text += "it does not happen each time\n",
        }
        for map in &small.maps {
            text += &format!("{map:?}\n");
        }
        text += &small.code.to_string();
        for input in &small.inputs {
            text += &format!("{input:02x?}\n");
        }
        if let Answer::Ran(_, log) = self.kernel.run(&small, Log::Full)? {
            text += &log;
        }
        for facts in [Facts::Known, Facts::Unknown] {
            if let Ok(image) = device::image(small.kind, &small.code, facts) {
                text += &format!("facts {facts:?}:\n{image}");
            }
        }
        Ok(text)
    }
}
