// SPDX-License-Identifier: GPL-2.0

//! The same frames to the device's GRO and to the kernel's: what the stack gets has to be the same, packet by
//! packet, in its order, with sizes of segments and open checksums.
//!
//! A half of the sequences goes to the device once more, and the kernel cuts again what that has made (`gro
//! audit`), so that also what a packet socket is not told, as the kinds of segmentation, is what it should be.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use offload_uapi::types::hex;

use super::{ethtool, random_batch, By, Stand};
use crate::until::Until;
use crate::wire::vnet::Received;

/// Where it begins and ends.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Where chance begins.
    pub seed: u64,
    /// The number of the first sequence.
    pub first: u64,
    /// When it is over.
    pub until: Until,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Sequences that were sent to both.
    pub sequences: u64,
    /// Packets that the device has made of them.
    pub packets: u64,
    /// Those of several frames.
    pub together: u64,
    /// Sequences that had to be tried again: a busy machine takes more than one poll for a batch.
    pub again: u64,
    /// Packets of several frames that the kernel has cut again.
    pub audited: u64,
    /// Those of which the kernel's own GRO loses something, too.
    pub lossy: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// The differences.
    pub findings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sequences, {} packets, {} of several frames ({} cut again, {} lossy), {} tried again, \
             {:.0} s, {} differences",
            self.sequences,
            self.packets,
            self.together,
            self.audited,
            self.lossy,
            self.again,
            self.elapsed.as_secs_f64(),
            self.findings.len()
        )
    }
}

/// Sequences that go to the one, and then to the other.
const ROUND: u64 = 500;

/// Differences after which it ends: more of them are the same, as a rule.
const ENOUGH: usize = 5;

/// Bytes of a packet that are printed.
const SHOWN: usize = 128;

/// How often a sequence is tried again.
const TRIES: usize = 5;

/// How the device has frames: with VLAN tags beside them or in them, and with an audit or without.
const WAYS: [(&str, bool); 4] = [("off", true), ("on", false), ("on", true), ("off", false)];

/// Compares the two on a cable of its own. `tell` hears of it after each round.
///
/// # Errors
///
/// Where frames do not arrive, or a setting is refused. A difference is none: it is a finding.
pub fn compare(plan: &Plan, mut tell: impl FnMut(&Report)) -> Result<Report> {
    // One chain of the kernel's has so many places.
    let stand = Stand::new(8)?;
    stand.await_batches()?;
    let began = Instant::now();
    let mut report = Report::default();
    let mut number = plan.first;
    for (tags, is_audited) in WAYS.into_iter().cycle() {
        let left = match plan.until {
            Until::Count(count) => count.saturating_sub(report.sequences),
            Until::Elapsed(time) if began.elapsed() >= time => 0,
            Until::Elapsed(_) => ROUND,
        };
        if left == 0 || report.findings.len() >= ENOUGH {
            break;
        }
        ethtool(
            stand.far(),
            &format!("rx-vlan-hw-parse {tags} rx-vlan-stag-hw-parse {tags}"),
        )?;
        let end = number + left.min(ROUND);
        round(&stand, plan.seed, number..end, is_audited, &mut report)?;
        number = end;
        report.elapsed = began.elapsed();
        tell(&report);
    }
    Ok(report)
}

/// The seed of sequence `number` of `seed`.
fn seed_of(seed: u64, number: u64) -> u64 {
    seed.rotate_left(32).wrapping_add(number)
}

fn exchange(stand: &Stand, seed: u64, number: u64, by: By) -> Result<Vec<Received>> {
    let frames = random_batch(seed_of(seed, number), stand.target);
    let received = stand.exchange(&frames);
    received.with_context(|| format!("{by:?}, seed {seed}, number {number}"))
}

fn round(
    stand: &Stand,
    seed: u64,
    numbers: Range<u64>,
    is_audited: bool,
    report: &mut Report,
) -> Result<()> {
    let run = |by| -> Result<Vec<_>> {
        stand.put_together(by)?;
        let numbers = numbers.clone();
        numbers
            .map(|number| exchange(stand, seed, number, by))
            .collect()
    };
    let device = run(By::Device)?;
    let kernel = run(By::Kernel)?;
    for (number, (device, kernel)) in numbers.clone().zip(device.iter().zip(&kernel)) {
        report.sequences += 1;
        report.packets += device.len() as u64;
        let together = device.iter().filter(|packet| packet.segments.is_some());
        report.together += together.count() as u64;
        if device != kernel && report.findings.len() < ENOUGH {
            report.again += 1;
            let exchange = |by| {
                stand.put_together(by)?;
                exchange(stand, seed, number, by)
            };
            let difference = once_more(|| Ok((exchange(By::Device)?, exchange(By::Kernel)?)))?;
            let finding = difference.map(|it| format!("seed {seed}, number {number}: {it}"));
            report.findings.extend(finding);
        }
    }
    if is_audited {
        audit(stand, true)?;
        run(By::Device)?;
        let told = stand.audit()?;
        audit(stand, false)?;
        let count = |name: &str| told[name].as_u64().unwrap_or_default();
        report.audited += count("audited");
        report.lossy += count("lossy");
        if count("different") > 0 {
            let finding = format!("seed {seed}, of {numbers:?}: cut again it is another: {told:#}");
            report.findings.push(finding);
        }
    }
    Ok(())
}

/// Has the kernel cut all again that the device puts together, or nothing.
fn audit(stand: &Stand, is_on: bool) -> Result<()> {
    let far = stand.far();
    let line = format!(
        "gro audit {} --one-in {} --ends-permission no",
        far.name,
        u8::from(is_on)
    );
    far.offloadctl(line)?.run()?;
    Ok(())
}

/// What differs of the packets that `exchange` gives of the same frames, those that are judged and those that
/// they should be, unless it is gone: a machine with other things to do may have had more than one poll for a
/// batch, so it is tried again.
///
/// # Errors
///
/// Those of `exchange`.
pub fn once_more(
    mut exchange: impl FnMut() -> Result<(Vec<Received>, Vec<Received>)>,
) -> Result<Option<String>> {
    let mut last = None;
    for _ in 0..TRIES {
        let (found, expected) = exchange()?;
        if found == expected {
            return Ok(None);
        }
        last = Some((found, expected));
    }
    let (found, expected) = last.context("tried")?;
    let at = found
        .iter()
        .zip(&expected)
        .position(|(one, other)| one != other);
    let at = at.unwrap_or_else(|| found.len().min(expected.len()));
    Ok(Some(format!(
        "{} packets, not {}; the first that differs is number {at}: {}, not {}",
        found.len(),
        expected.len(),
        shown(found.get(at)),
        shown(expected.get(at))
    )))
}

/// A packet, of which the headers are enough.
fn shown(packet: Option<&Received>) -> String {
    let Some(packet) = packet else {
        return "none".to_owned();
    };
    let Received {
        checksum,
        segments,
        frame,
    } = packet;
    let headers = hex(frame.get(..SHOWN).unwrap_or(frame));
    format!(
        "{} bytes, segments {segments:?}, checksum {checksum:?}: {headers}",
        frame.len()
    )
}

impl Stand {
    /// What `offloadctl gro audit` tells of the far end.
    fn audit(&self) -> Result<serde_json::Value> {
        let far = self.far();
        let line = format!("gro audit {} --json", far.name);
        // Its exit status is another one after a difference.
        let output = far.offloadctl(line)?.output()?;
        ensure!(!output.stdout().is_empty(), "{output}");
        let told: serde_json::Value =
            serde_json::from_str(&output.stdout()).with_context(|| output.to_string())?;
        Ok(told[0].clone())
    }
}
