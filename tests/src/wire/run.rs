// SPDX-License-Identifier: GPL-2.0

//! One run of the matrix: everything sent, everything that came out.

use anyhow::{ensure, Context, Result};
use nix::sys::socket::SockProtocol;
use std::collections::btree_map::{BTreeMap, Entry};

use super::matrix::Combination;
use super::packet::Packet;
use super::vnet::VnetSender;
use super::{Capture, Sender};
use crate::frames::{mark_number, MARK_PASS};
use crate::link::Link;

/// Frames on the wire between two readings of the capture; its ring holds several times as many.
const BATCH: usize = 1_000;
/// Where the IP header is that a tunnel puts in front, and in it the identification and the checksum.
const OUTER: usize = 14;
const IDENTIFICATION: usize = OUTER + 4;
const HEADER_CHECKSUM: usize = OUTER + 10;

/// The seed of combination `number`.
fn seed(number: usize) -> u64 {
    0x0ff1_0ad0_0000 + number as u64
}

/// Takes all that a device could do for the stack on transmit into service, or out of it.
///
/// # Errors
///
/// Where `ethtool` fails, or there is none.
pub fn transmit_offloads(link: &Link, on: bool) -> Result<()> {
    let shown = link.cmd(format!("ethtool -k {}", link.name)).run()?;
    let word = if on { "on" } else { "off" };
    let changes = shown
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .filter(|(name, state)| name.starts_with("tx-") && !state.contains("fixed"))
        .map(|(name, _)| format!("{name} {word}"));
    let changes: Vec<_> = changes.collect();
    ensure!(!changes.is_empty(), "no transmit offload to set: {shown}");
    link.cmd(format!("ethtool -K {}", link.name))
        .args(changes.join(" "))
        .run()?;
    Ok(())
}

/// The packet of combination `number`.
pub fn packet(number: usize, c: &Combination) -> Packet {
    Packet::new(c, seed(number))
}

/// The frames that each combination made on the wire.
pub type Wires = Vec<Vec<Vec<u8>>>;

/// What sends `c` on `name`.
fn sender(near: &Link, name: &str, c: &Combination) -> Result<VnetSender> {
    let link = Link {
        name: name.to_owned(),
        ..near.clone()
    };
    let protocol = match (c.has_link_layer(), c.network.is_v6()) {
        (true, _) => SockProtocol::EthAll,
        (false, true) => SockProtocol::EthIpv6,
        (false, false) => SockProtocol::EthIp,
    };
    VnetSender::new(&link, protocol)
}

/// Sends each of `combinations` on `near` or a device over it, and tells what came out at `far`.
///
/// # Errors
///
/// Where one can't be sent, or the capture misses frames.
pub fn run(near: &Link, far: &Link, combinations: &[Combination]) -> Result<Wires> {
    let marks = Sender::new(near)?;
    let capture = Capture::start(far, "")?;
    let mut senders = BTreeMap::new();
    let mut wires = Wires::new();
    let mut under_way = 0;
    for (number, c) in combinations.iter().enumerate() {
        let name = c.tunnel.map_or(&*near.name, |tunnel| tunnel.name);
        let sender = match senders.entry((name, c.network.is_v6())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(sender(near, name, c)?),
        };
        let packet = packet(number, c);
        sender
            .send(&packet.unfinished, &packet.bytes)
            .with_context(|| replay(number, c))?;
        // Each has a mark behind it, so that it is known whose each frame is.
        marks.send(&crate::frames::mark(MARK_PASS, number as u32))?;
        under_way += c.frames() + 1;
        if under_way >= BATCH || number + 1 == combinations.len() {
            marks.end_batch(MARK_PASS, u32::MAX)?;
            while wires.len() <= number {
                let wanted = wires.len();
                let ours = |frame: &[u8]| mark_number(MARK_PASS, frame) == Some(wanted as u32);
                let frames = capture
                    .until(ours)
                    .with_context(|| replay(wanted, &combinations[wanted]))?;
                let frames = frames.into_iter().filter(|frame| is_ours(frame)).collect();
                wires.push(comparable(&combinations[wanted], frames)?);
            }
            under_way = 0;
        }
    }
    capture.stop()?;
    Ok(wires)
}

/// Whether `frame` is of the matrix: not multicast, as what the stack sends by itself for IPv6, and not a mark.
pub fn is_ours(frame: &[u8]) -> bool {
    !frame.starts_with(&[0x33, 0x33]) && mark_number(MARK_PASS, frame).is_none()
}

/// Counts the identifications of outer IPv4 headers from the first one: the kernel draws that anew for
/// each packet that it puts into a tunnel. Of segments that were cut before a tunnel got them, each is
/// such a packet, and nothing is compared. Nothing else is left to chance.
fn comparable(c: &Combination, mut frames: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    if !c.tunnel.is_some_and(|tunnel| tunnel.over_v4) {
        return Ok(frames);
    }
    let id = |frame: &[u8]| {
        let bytes = frame.get(IDENTIFICATION..IDENTIFICATION + 2);
        bytes.map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let first = frames.first().and_then(|frame| id(frame));
    for frame in &mut frames {
        let (Some(first), Some(id)) = (first, id(frame)) else {
            continue;
        };
        if let Some(header) = frame.get(OUTER..OUTER + 20) {
            let sum = etherparse::checksum::Sum16BitWords::new().add_slice(header);
            ensure!(
                sum.ones_complement() == 0,
                "{c:?}: the outer IP header's checksum is wrong: {header:02x?}"
            );
        }
        let counted = if c.is_finished_before_tunnel() {
            0
        } else {
            id.wrapping_sub(first)
        };
        frame[IDENTIFICATION..IDENTIFICATION + 2].copy_from_slice(&counted.to_be_bytes());
        if let Some(checksum) = frame.get_mut(HEADER_CHECKSUM..HEADER_CHECKSUM + 2) {
            checksum.fill(0);
        }
    }
    Ok(frames)
}

/// What is needed to send combination `number` again.
pub fn replay(number: usize, c: &Combination) -> String {
    let packet = packet(number, c);
    let head = &packet.bytes[..packet.bytes.len().min(128)];
    format!(
        "combination {number}: {c:?}, {:?}, {} bytes, the first: {head:02x?}",
        packet.unfinished,
        packet.bytes.len()
    )
}

/// The first difference between the frames of two runs, if there is one.
pub fn difference(software: &[Vec<u8>], device: &[Vec<u8>]) -> Option<String> {
    if software.len() != device.len() {
        let counts = (software.len(), device.len());
        return Some(format!("{} frames by software, {} now", counts.0, counts.1));
    }
    let pairs = software.iter().zip(device).enumerate();
    let (frame, (a, b)) = pairs.into_iter().find(|(_, (a, b))| a != b)?;
    let differs = a.iter().zip(b).position(|(a, b)| a != b);
    let at = differs.unwrap_or(a.len().min(b.len()));
    let around = |bytes: &[u8]| {
        let end = bytes.len().min(at + 12);
        format!(
            "{} bytes, {:02x?}",
            bytes.len(),
            &bytes[at.saturating_sub(4).min(end)..end]
        )
    };
    Some(format!(
        "frame {frame} of {} differs from byte {at} on; by software {}, now {}",
        software.len(),
        around(a),
        around(b)
    ))
}
