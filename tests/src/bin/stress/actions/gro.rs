// SPDX-License-Identifier: GPL-2.0

//! Segments that are put together, and the programs that say which ones.

use std::net::UdpSocket;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use etherparse::PacketBuilder;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::compiled::Compiled;
use offload_tests::gro::programs;
use offload_tests::wire::Sender;
use rand::Rng;

use super::{with_address, Action, Random, HERE, THERE};
use crate::fleet::Fleet;

pub(super) const ACTIONS: &[Action] = &[
    ("send segments", send_segments),
    ("send segments", send_segments),
    ("cut datagrams", cut_datagrams),
    ("GRO program", load),
    ("no GRO program", unload),
];

/// Trains of segments of a few flows by turns, some of which are lost or end a packet.
fn send_segments(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    const FLOWS: usize = 6;
    const PSH_IN: u32 = 10;
    let port = fleet.any_port(rng)?;
    let sender = Sender::new(&port)?;
    let mut next = [0_usize; FLOWS];
    let len = rng.random_range(1..1400);
    let payload = vec![0x5a; len];
    for _ in 0..300 {
        let flow = rng.random_range(0..FLOWS);
        let index = next.get_mut(flow).context("a flow")?;
        *index += if rng.random_ratio(1, 20) { 2 } else { 1 };
        let source = [10, 12, 0, flow as u8];
        let mut ip =
            etherparse::Ipv4Header::new(0, 64, etherparse::IpNumber::TCP, source, [10, 13, 0, 2])?;
        // CAST: It wraps around.
        ip.identification = *index as u16;
        ip.dont_fragment = true;
        let tcp = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [0xff; 6])
            .ip(etherparse::IpHeaders::Ipv4(ip, Default::default()))
            .tcp(1000, 2000, u32::try_from(*index * len)?, 1000)
            .ack(1);
        let tcp = if rng.random_ratio(1, PSH_IN) {
            tcp.psh()
        } else {
            tcp
        };
        let mut frame = Vec::new();
        tcp.write(&mut frame, &payload)?;
        sender.send(&frame)?;
    }
    Ok(())
}

/// Sends many datagrams by one call, which the stack or the device cuts: where it is the stack, they share the pages
/// of the socket, and their checksums are open.
fn cut_datagrams(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let size = rng.random_range(100..1400);
    with_address(fleet, rng, || {
        let socket = UdpSocket::bind((HERE, 0))?;
        socket.connect((THERE, 9))?;
        setsockopt(&socket, UdpGsoSegment, &size)?;
        let bytes = vec![0x5a; 40 * usize::try_from(size)?];
        for _ in 0..50 {
            socket.send(&bytes)?;
        }
        Ok(())
    })
}

/// The rules of GRO, or one that has pairs at most. Compiled when it is asked for first.
fn program(is_rules: bool) -> Result<&'static Compiled> {
    static RULES: OnceLock<Compiled> = OnceLock::new();
    static PAIRS: OnceLock<Compiled> = OnceLock::new();
    let place = if is_rules { &RULES } else { &PAIRS };
    if place.get().is_none() {
        let compiled = match is_rules {
            true => programs::rules()?,
            false => programs::program(
                "pairs",
                "return gro->segments ? GRO_MERGE_AND_END : GRO_HOLD;",
            )?,
        };
        // Another thread may have been as fast.
        let _ = place.set(compiled);
    }
    place.get().context("it was compiled")
}

fn load(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let compiled = program(rng.random_bool(0.5))?;
    let option = match rng.random_range(0..3) {
        0 => "--in-kernel",
        1 => "--device-only",
        _ => "",
    };
    programs::load(&port, compiled, option)
}

fn unload(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    programs::unload(&fleet.any_port(rng)?)
}
