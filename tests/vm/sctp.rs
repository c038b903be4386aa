// SPDX-License-Identifier: GPL-2.0

//! SCTP, whose checksum is no sum: whoever works it out, each frame on the wire has the CRC that RFC
//! 9260 asks for. A packet socket can't leave that open, so SCTP's own sockets send here.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;

use anyhow::{ensure, Context, Result};
use crc::{Crc, CRC_32_ISCSI};
use nix::errno::Errno;
use nix::sys::socket::{
    bind, connect, listen, socket, AddressFamily, Backlog, SockFlag, SockProtocol, SockType,
    SockaddrIn,
};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::netns;
use offload_tests::wire::run::transmit_offloads;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

const SCTP: u8 = 132;
const ETHERNET: usize = 14;
const PORT: u16 = 9260;
/// Messages, some of which need several packets.
const LENGTHS: [usize; 6] = [1, 2, 3, 1000, 1400, 5000];

fn endpoint() -> Result<OwnedFd, Errno> {
    socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Sctp,
    )
}

/// Sends messages from the near end to the far one.
fn talk(cable: &Cable) -> Result<()> {
    let address = SockaddrIn::new(10, 8, 0, 2, PORT);
    let listener = netns::enter(cable.far.ns.as_deref(), || {
        let listener = endpoint().context("a socket")?;
        bind(listener.as_raw_fd(), &address).context("bind")?;
        listen(&listener, Backlog::new(1)?).context("listen")?;
        // Only the system calls matter here, and they are those of TCP.
        Ok(TcpListener::from(listener))
    })?;
    thread::scope(|scope| {
        let receiver = scope.spawn(move || -> Result<Vec<u8>> {
            let (mut stream, _) = listener.accept().context("accept")?;
            let mut received = Vec::new();
            stream.read_to_end(&mut received)?;
            Ok(received)
        });
        let sent: Vec<u8> = (0..LENGTHS.iter().sum()).map(|at| at as u8).collect();
        netns::enter(cable.near.ns.as_deref(), || {
            let near = endpoint().context("a socket")?;
            connect(near.as_raw_fd(), &address).context("connect")?;
            let mut stream = TcpStream::from(near);
            let mut rest = &sent[..];
            for len in LENGTHS {
                let (message, behind) = rest.split_at(len);
                stream.write_all(message)?;
                rest = behind;
            }
            Ok(())
        })?;
        let received = receiver
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        ensure!(received == sent, "what arrived is not what was sent");
        Ok(())
    })
}

/// The packets of SCTP among `frames`, each with its checksum cleared, and the checksum.
fn packets(frames: &[Vec<u8>]) -> impl Iterator<Item = (Vec<u8>, [u8; 4])> + '_ {
    let packets = frames.iter().filter_map(|frame| {
        let ip = frame.get(ETHERNET..)?;
        let header = usize::from(ip.first()? & 0xf) * 4;
        let len = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
        let is_sctp = ip[0] >> 4 == 4 && *ip.get(9)? == SCTP;
        is_sctp.then(|| ip.get(header..len)).flatten()
    });
    packets.filter_map(|packet| {
        let mut packet = packet.to_vec();
        let field = packet.get_mut(8..12)?;
        let checksum = [field[0], field[1], field[2], field[3]];
        field.fill(0);
        Some((packet, checksum))
    })
}

#[test]
fn every_packet_has_its_checksum() -> Result<()> {
    let cable = Cable::onic(1500)?;
    for (link, address) in [(&cable.near, "10.8.0.1/24"), (&cable.far, "10.8.0.2/24")] {
        link.set("arp on").run()?;
        let name = &link.name;
        link.cmd(format!("ip address add {address} dev {name}"))
            .run()?;
        transmit_offloads(link, true)?;
    }
    if endpoint().err() == Some(Errno::EPROTONOSUPPORT) {
        println!("skipped: this kernel has no CONFIG_IP_SCTP");
        return Ok(());
    }
    let crc = Crc::<u32>::new(&CRC_32_ISCSI);
    let marks = Sender::new(&cable.near)?;
    // A device that nobody checks does not know SCTP and leaves the packets without.
    for profile in ["programmable", "legacy", "none"] {
        let nic = "offload_nic/offload_nic0";
        Cmd::new(format!(
            "devlink dev param set {nic} name profile value {profile} cmode runtime"
        ))
        .run()?;
        let before = cable.near.statistics()?;
        let capture = Capture::start(&cable.far, "")?;
        talk(&cable).with_context(|| profile)?;
        marks.end_batch(MARK_PASS, 0)?;
        let frames = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(0))?;
        capture.stop()?;
        let mut count = 0;
        for (packet, checksum) in packets(&frames) {
            let right = crc.checksum(&packet).to_le_bytes();
            ensure!(
                checksum == right,
                "{profile}: {checksum:02x?} should be {right:02x?}: {packet:02x?}"
            );
            count += 1;
        }
        let device = cable
            .near
            .statistics()?
            .since(&before, stats::TX_HW_CHECKSUMS)?;
        println!("{profile}: {count} packets, {device} checksums by the device");
        ensure!(count >= LENGTHS.len(), "{profile}: only {count} packets");
        ensure!(
            (device >= count as u64) == (profile == "programmable"),
            "{profile}: {device} checksums by the device"
        );
    }
    Ok(())
}
