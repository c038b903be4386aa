// SPDX-License-Identifier: GPL-2.0

//! What it takes to put segments of TCP together: the device, the kernel's own GRO, and nobody, on the same
//! frames.

use std::io::IoSlice;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use offload_tests::cable::Cable;
use offload_tests::compiled::Compiled;
use offload_tests::gro::{await_batches, ethtool};
use offload_tests::link::Link;
use offload_tests::rules::GRO;
use offload_tests::wire::Sender;
use offload_uapi::stats;
use rustix::io::Errno;
use rustix::net::{sendmmsg, MMsgHdr, SendAncillaryBuffer, SendFlags};

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;

const ROUNDS: usize = 21;
/// Flows whose segments come one flow after the other.
const FLOWS: [u16; 3] = [1, 64, 4096];
/// Segments of a flow that follow each other, and bytes that each carries.
const TRAIN: u16 = 8;
const PAYLOAD: usize = 1448;
/// Frames of a turn: each flow has at least one train.
const FRAMES: usize = FLOWS[FLOWS.len() - 1] as usize * TRAIN as usize;
/// Frames of one system call, of which a poll takes half.
const BATCH: usize = 64;

/// Who puts segments together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The device by itself.
    Device,
    /// The device, by a program that a user has loaded.
    Program,
    Kernel,
    Nobody,
}

impl By {
    fn is_device(self) -> bool {
        matches!(self, Self::Device | Self::Program)
    }
}

/// For each number of flows a contest.
pub(crate) fn all(marks: &mut Marks) -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    // As many frames come at once for all of them.
    await_batches(far, BATCH / 2)?;
    ethtool(far, "rx on")?;
    let sender = Sender::new(&cable.near)?;
    let rules = GRO.sample()?;
    for flows in FLOWS {
        let frames = frames(far, flows)?;
        let turn = |by| turn(&sender, far, &frames, (by, &rules));
        let entrants = vec![
            Entrant::new("put together by the device", || turn(By::Device)).compared_as("device"),
            Entrant::new("by the device, as a program says", || turn(By::Program))
                .compared_as("program"),
            Entrant::new("by the kernel", || turn(By::Kernel)).compared_as("kernel"),
            Entrant::new("not at all", || turn(By::Nobody)),
        ];
        let what = format!("segments of TCP in trains of {TRAIN}, flows: {flows}");
        Contest::of_frames(&what, ROUNDS).run(entrants, marks)?;
    }
    Ok(())
}

/// Trains of each of `flows`, by turns. The stack at the far end has no use for them.
fn frames(far: &Link, flows: u16) -> Result<Vec<Vec<u8>>> {
    let target = far.address()?;
    let payload = [0x5a; PAYLOAD];
    let trains = FRAMES / usize::from(TRAIN);
    let train = |number: usize| {
        let flow = u16::try_from(number % usize::from(flows));
        let first = number / usize::from(flows) * usize::from(TRAIN);
        (0..usize::from(TRAIN)).map(move |index| -> Result<Vec<u8>> {
            let at = first + index;
            let [high, low] = flow?.to_be_bytes();
            let source = [10, 12, high, low];
            let sequence = u32::try_from(at * PAYLOAD)?;
            let mut frame = Vec::new();
            let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], target);
            let mut ip = etherparse::Ipv4Header::new(
                0,
                64,
                etherparse::IpNumber::TCP,
                source,
                [10, 13, 0, 2],
            )?;
            // CAST: It wraps around.
            ip.identification = at as u16;
            ip.dont_fragment = true;
            builder
                .ip(etherparse::IpHeaders::Ipv4(ip, Default::default()))
                .tcp(1000, 2000, sequence, 1000)
                .ack(1)
                .write(&mut frame, &payload)?;
            Ok(frame)
        })
    };
    (0..trains).flat_map(train).collect()
}

/// One turn: all frames, of which `by` has put some together.
fn turn(
    sender: &Sender,
    far: &Link,
    frames: &[Vec<u8>],
    (by, rules): (By, &Compiled),
) -> Result<Turn> {
    if by == By::Program {
        GRO.load(far, rules, "")?;
    }
    let state = |is_on| if is_on { "on" } else { "off" };
    let (device, kernel) = (state(by.is_device()), state(by == By::Kernel));
    ethtool(far, &format!("rx-gro-hw {device} gro {kernel}"))?;
    let before = far.statistics()?;
    let slices: Vec<_> = frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
    let turn = Turn::of(|| {
        let start = Instant::now();
        for batch in slices.chunks(BATCH) {
            send(sender, batch)?;
        }
        Ok((frames.len() as f64, start.elapsed()))
    })?;
    far.await_that("all frames", |far| {
        let now = far.statistics()?;
        Ok(now.since(&before, stats::RX_DEVICE_FRAMES)? == frames.len() as u64)
    })?;
    if by.is_device() {
        let merged = far
            .statistics()?
            .since(&before, stats::RX_HW_GRO_WIRE_PACKETS)?;
        ensure!(
            merged > frames.len() as u64 / 2,
            "of {} frames only {merged} were put together",
            frames.len()
        );
    }
    if by == By::Program {
        GRO.unload(far)?;
    }
    Ok(turn)
}

/// Sends frames with as few system calls as the queue allows.
fn send(sender: &Sender, frames: &[[IoSlice<'_>; 1]]) -> Result<()> {
    let mut nothing_else: [_; BATCH] = std::array::from_fn(|_| SendAncillaryBuffer::default());
    let controls = nothing_else.iter_mut();
    let mut messages: Vec<_> = frames
        .iter()
        .zip(controls)
        .map(|(frame, control)| MMsgHdr::new(frame, control))
        .collect();
    let mut sent = 0;
    while sent < messages.len() {
        match sendmmsg(sender, &mut messages[sent..], SendFlags::empty()) {
            Ok(count) => sent += count,
            Err(Errno::NOBUFS | Errno::INTR) => sender.await_room()?,
            Err(error) => return Err(error).context("sendmmsg"),
        }
    }
    Ok(())
}
