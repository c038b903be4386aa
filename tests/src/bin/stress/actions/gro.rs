// SPDX-License-Identifier: GPL-2.0

//! Segments that are put together.

use std::net::UdpSocket;

use anyhow::{Context, Result};
use etherparse::PacketBuilder;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::wire::Sender;
use rand::Rng;

use super::{with_address, Action, Random, HERE, THERE};
use crate::fleet::Fleet;

pub(super) const ACTIONS: &[Action] = &[
    ("send segments", send_segments),
    ("send segments", send_segments),
    ("cut datagrams", cut_datagrams),
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
