// SPDX-License-Identifier: GPL-2.0

//! Frames that come one by one, and what a port has put together of them when the stack gets them: in the
//! device (`rx-gro-hw`), or by the kernel's GRO.

pub mod equality;

use anyhow::{Context, Result};

use crate::cable::Cable;
use crate::link::Link;
use crate::wire::vnet::{Received, VnetTap};
use crate::wire::Sender;

#[path = "../../module/engine/tests/coalesce/changes.rs"]
mod changes;
#[path = "../../module/engine/tests/coalesce/frames.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod frames;
#[path = "../../module/engine/tests/coalesce/random.rs"]
mod random;
#[path = "../../module/engine/tests/coalesce/sequences.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod sequences;

use random::Random;

/// The longest frame's packet.
pub const MTU: usize = 2000;
/// Frames of a batch: as many as a poll takes at once, and as the interrupt waits for.
pub const BATCH: usize = 32;
/// Of these at most are segments.
const SEGMENTS: usize = 28;

/// What nobody puts together with anything.
fn filler(target: [u8; 6]) -> Vec<u8> {
    [&target[..], &[2, 0, 0, 0, 0, 9, 0x88, 0xb5], &[0; 46]].concat()
}

/// `frames`, with fillers in front, as a batch.
pub fn batch(target: [u8; 6], frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut batch = vec![filler(target); BATCH - frames.len()];
    batch.extend_from_slice(frames);
    batch
}

/// A batch of what chance brings, the same one for a seed. Of nothing in it the device is known to make
/// something else than the kernel's GRO.
pub fn random_batch(seed: u64, target: [u8; 6]) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    let mut frames = sequences::sequence(&mut random, target, 1400, true);
    frames.retain(|frame| !ends_in_tag(frame));
    frames.truncate(SEGMENTS);
    batch(target, &frames)
}

/// Whether a frame is cut off in its VLAN tag: the stack drops it before anybody sees it.
fn ends_in_tag(frame: &[u8]) -> bool {
    matches!(frame[12..14], [0x81, 0] | [0x88, 0xa8]) && frame.len() < 20
}

/// Switches features of `link` as `ethtool -K` takes them.
///
/// # Errors
///
/// Where it does not.
pub fn ethtool(link: &Link, features: &str) -> Result<()> {
    link.cmd(format!("ethtool -K {} {features}", link.name))
        .run()?;
    Ok(())
}

/// Has `link` wait for a batch of so many `frames`, but not for ever: a busy machine takes its time to send one.
///
/// # Errors
///
/// Where a setting is refused.
pub fn await_batches(link: &Link, frames: usize) -> Result<()> {
    let line = format!("ethtool -C {} rx-usecs 65000 rx-frames {frames}", link.name);
    link.cmd(line).run()?;
    Ok(())
}

/// Who puts frames together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The device, and not the kernel.
    Device,
    /// The kernel, and not the device.
    Kernel,
}

/// A cable whose far end puts frames together.
#[derive(Debug)]
pub struct Stand {
    /// The cable.
    pub cable: Cable,
    /// The Ethernet address of its far end.
    pub target: [u8; 6],
    /// Sends at its near end.
    pub sender: Sender,
    /// Sees what the far end's stack gets.
    pub tap: VnetTap,
}

impl Stand {
    /// With `places` for flows in a queue.
    ///
    /// # Errors
    ///
    /// Where there is no such cable.
    pub fn new(places: u64) -> Result<Self> {
        let cable = Cable::onic_with_sizes(1, MTU, &[("/gro_flows", places)])?;
        // What is put together goes up at once, and in its order.
        std::fs::write("/proc/sys/net/core/gro_normal_batch", "1").context("gro_normal_batch")?;
        let far = &cable.far;
        // Without hashes all flows are in one of the kernel's chains.
        ethtool(far, "rx on rxhash off rx-udp-gro-forwarding on")?;
        Ok(Self {
            target: far.address()?,
            sender: Sender::new(&cable.near)?,
            tap: VnetTap::new(far)?,
            cable,
        })
    }

    /// The end that puts frames together.
    pub fn far(&self) -> &Link {
        &self.cable.far
    }

    /// Has `by` put together what comes in one batch, and nothing wait longer.
    ///
    /// # Errors
    ///
    /// Where a setting is refused.
    pub fn put_together(&self, by: By) -> Result<()> {
        let far = self.far();
        let (hardware, software, timeout) = match by {
            By::Device => ("on", "off", 1),
            By::Kernel => ("off", "on", 0),
        };
        ethtool(far, &format!("rx-gro-hw {hardware} gro {software}"))?;
        far.write("gro_flush_timeout", timeout)?.run()?;
        Ok(())
    }

    /// As [`await_batches`], of the far end.
    ///
    /// # Errors
    ///
    /// Where a setting is refused.
    pub fn await_batches(&self) -> Result<()> {
        await_batches(self.far(), BATCH)
    }

    /// Sends `frames`.
    ///
    /// # Errors
    ///
    /// Where one is refused.
    pub fn send(&self, frames: &[Vec<u8>]) -> Result<()> {
        frames.iter().try_for_each(|frame| self.sender.send(frame))
    }

    /// What comes of a batch.
    ///
    /// # Errors
    ///
    /// Where that was other than as many frames on the wire.
    pub fn exchange(&self, frames: &[Vec<u8>]) -> Result<Vec<Received>> {
        self.send(frames)?;
        self.tap.next(frames.len())
    }
}
