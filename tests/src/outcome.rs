// SPDX-License-Identifier: GPL-2.0

//! What can be seen from outside of a program's work on frames, and whether two runs
//! are the same.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};

use crate::bpf::{Attached, Map};
use crate::cable::{Cable, Observed};
use crate::frames::{mark_number, JUMBO_MTU};
use crate::link::Link;
use crate::wire::{Capture, Sender};

/// What a run left behind, to be compared.
#[derive(Debug)]
pub struct Outcome {
    /// The frames that came out.
    pub observed: Observed,
    /// Keys and values of each map, by its name.
    pub maps: Dumps,
}

/// Keys and values of maps, by the maps' names.
pub type Dumps = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// All that is in the maps of `program`.
///
/// # Errors
///
/// Where `bpftool` fails.
pub fn dump_maps(program: &Attached) -> Result<Dumps> {
    let dump = |(name, map): (String, Map)| Ok((name, map.dump()?));
    program.maps()?.into_iter().map(dump).collect()
}

/// Frames between two marks of an [`exchange`].
pub const BATCH: usize = 200;

/// What came out at each end, by the ends' names.
pub type Ends = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// Sends `frames` from `near` in batches and tells what came out at `ends`: each has a name, the
/// mark that comes out there, and its interface.
///
/// # Errors
///
/// Where a mark does not come through, or `tcpdump` misses frames.
pub fn exchange(
    near: &Link,
    ends: &[(&'static str, u16, &Link)],
    frames: &[Vec<u8>],
) -> Result<Ends> {
    let sender = Sender::new(near)?;
    let mut captures = Vec::new();
    for (what, mark, link) in ends {
        captures.push((*what, *mark, Capture::start(link, "")?));
    }
    let mut observed = Ends::new();
    for (number, batch) in (0..).zip(frames.chunks(BATCH)) {
        for frame in batch {
            sender.send(frame)?;
        }
        for (what, mark, capture) in &captures {
            sender.end_batch(*mark, number)?;
            let seen = capture.until(|frame| mark_number(*mark, frame) == Some(number));
            let seen = seen.with_context(|| format!("{what}, batch {number}"))?;
            observed.entry(what).or_default().extend(seen);
        }
    }
    for (what, _, capture) in captures {
        observed.entry(what).or_default().extend(capture.stop()?);
    }
    Ok(observed)
}

/// Fills a program's maps before it gets its first frame.
pub type Prepare = fn(&Attached) -> Result<()>;

/// Attaches `object` to the far end of `cable`, sends `frames` and tells what came of it.
///
/// # Errors
///
/// Where the program is refused, or a tool fails.
pub fn run(cable: &Cable, object: &str, prepare: Prepare, frames: &[Vec<u8>]) -> Result<Outcome> {
    let program = cable.attach(object)?;
    prepare(&program)?;
    let observed = cable.exchange(frames)?;
    let maps = dump_maps(&program)?;
    cable.detach()?;
    Ok(Outcome { observed, maps })
}

/// The law of the project for one program: gives `frames` to it as native XDP on a veth pair and
/// offloaded to a port, and tells what came of it, which must be the same.
///
/// # Errors
///
/// Where it is not, the program is refused, or a tool fails.
pub fn equal(object: &str, prepare: Prepare, frames: &[Vec<u8>]) -> Result<Outcome> {
    equal_but(Cable::veth, |_| (), object, prepare, frames)
}

/// As [`equal`], with the native program at the far end of what `native` gives for an MTU, and
/// without the bytes that `unset` clears: those of a frame that came out which the program leaves
/// to chance.
///
/// # Errors
///
/// As there.
pub fn equal_but(
    native: fn(usize) -> Result<Cable>,
    unset: fn(&mut [u8]),
    object: &str,
    prepare: Prepare,
    frames: &[Vec<u8>],
) -> Result<Outcome> {
    let outcome = |cable: Cable| {
        let mut outcome = run(&cable, object, prepare, frames)?;
        let observed = &mut outcome.observed;
        let came_out = observed.passed.iter_mut().chain(&mut observed.bounced);
        came_out.for_each(|frame| unset(frame));
        anyhow::Ok(outcome)
    };
    let native = outcome(native(JUMBO_MTU)?).context("native")?;
    let offloaded = outcome(Cable::onic(JUMBO_MTU)?).context("offloaded")?;
    println!(
        "{object}: {} frames, {} passed, {} bounced, maps with {:?} keys",
        frames.len(),
        native.observed.passed.len(),
        native.observed.bounced.len(),
        native.maps.values().map(BTreeMap::len).collect::<Vec<_>>()
    );
    compare(&native, &offloaded).with_context(|| object.to_owned())?;
    Ok(native)
}

/// The first bytes of a frame and those around `at`, for a message that can be read.
fn excerpt(frame: &[u8], at: usize) -> String {
    let head = &frame[..frame.len().min(48)];
    let around = &frame[at.saturating_sub(8).min(frame.len())..(at + 8).min(frame.len())];
    let len = frame.len();
    format!("{len} bytes, {head:02x?}, around byte {at}: {around:02x?}")
}

/// Which of `frames` is `frame`, to tell one that was lost or overtaken from one that was changed.
fn whereabouts(frame: &[u8], frames: &[Vec<u8>]) -> String {
    match frames.iter().position(|other| other == frame) {
        Some(number) => format!("as frame {number}"),
        None => "never".to_owned(),
    }
}

/// Tells of the first frame in which two lists differ.
///
/// # Errors
///
/// Where they do.
pub fn same_frames(what: &str, native: &[Vec<u8>], offloaded: &[Vec<u8>]) -> Result<()> {
    for (number, (a, b)) in native.iter().zip(offloaded).enumerate() {
        let differs = a.iter().zip(b).position(|(a, b)| a != b);
        let at = differs.unwrap_or(a.len().min(b.len()));
        ensure!(
            a == b,
            "{what} frame {number} differs\nnative:    {}, offloaded {}\noffloaded: {}, native {}",
            excerpt(a, at),
            whereabouts(a, offloaded),
            excerpt(b, at),
            whereabouts(b, native)
        );
    }
    ensure!(
        native.len() == offloaded.len(),
        "native {what} {} frames, offloaded {what} {}",
        native.len(),
        offloaded.len()
    );
    Ok(())
}

/// Tells of the first difference between what a program did natively and in the device.
///
/// # Errors
///
/// Where there is one.
pub fn compare(native: &Outcome, offloaded: &Outcome) -> Result<()> {
    same_frames(
        "passed",
        &native.observed.passed,
        &offloaded.observed.passed,
    )?;
    same_frames(
        "bounced",
        &native.observed.bounced,
        &offloaded.observed.bounced,
    )?;
    same_maps(&native.maps, &offloaded.maps)
}

/// Tells of the first key in which maps on the host and in the device differ.
///
/// # Errors
///
/// Where there is one.
pub fn same_maps(native: &Dumps, offloaded: &Dumps) -> Result<()> {
    ensure!(native.keys().eq(offloaded.keys()), "other maps");
    for (name, expected) in native {
        let found = &offloaded[name];
        for (key, value) in expected {
            let other = found.get(key);
            ensure!(
                other == Some(value),
                "map {name} key {key:02x?}: native {value:02x?}, offloaded {other:02x?}"
            );
        }
        ensure!(
            found.len() == expected.len(),
            "map {name} has more keys offloaded"
        );
    }
    Ok(())
}
