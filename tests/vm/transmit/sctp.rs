// SPDX-License-Identifier: GPL-2.0

//! SCTP, whose checksum is no sum: whoever works it out, each frame on the wire has the CRC that RFC
//! 9260 asks for. Its super-frames end where their fragments do: whoever cuts them, the frames are the
//! same. A packet socket can't leave any of that open, so SCTP's own sockets send here.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;

use anyhow::{ensure, Context, Result};
use crc::{Crc, CRC_32_ISCSI};
use nix::errno::Errno;
use nix::sys::socket::{
    bind, connect, listen, socket, AddressFamily, Backlog, SockFlag, SockProtocol, SockType,
    SockaddrStorage,
};
use offload_tests::env;
use offload_tests::netns;
use offload_tests::nic::set_profile;
use offload_tests::wire::twins::{Outcome, Twins};
use offload_uapi::stats;

const SCTP: u8 = 132;
const PORT: u16 = 9260;
/// Messages, most of which need several packets.
const LENGTHS: [usize; 7] = [1, 2, 3, 1000, 1400, 5000, 30_001];

/// A way between the two ends.
struct Way {
    name: &'static str,
    /// What is done at each end.
    setup: &'static [&'static str],
    /// Where the far end listens.
    target: &'static str,
    /// The lower layers' headers in front of the IP header before SCTP.
    headers: usize,
}

const WAYS: [Way; 5] = [
    Way {
        name: "IPv4",
        setup: &[],
        target: "10.8.0.2",
        headers: 14,
    },
    Way {
        name: "IPv6",
        setup: &[],
        target: "fd08::2",
        headers: 14,
    },
    Way {
        name: "VLAN",
        setup: &[
            "ip link add link PORT name tagged type vlan id 7",
            "ip address add 10.8.3.@/24 dev tagged",
            "ip link set dev tagged up",
        ],
        target: "10.8.3.2",
        headers: 18,
    },
    Way {
        name: "VXLAN with a checksum",
        setup: &[
            "ip link add over type vxlan id 8 dstport 4789 local 10.8.0.@ remote 10.8.0.% udpcsum",
            "ip address add fd18::@/64 nodad dev over",
            "ip link set dev over up",
        ],
        target: "fd18::2",
        headers: 14 + 20 + 8 + 8 + 14,
    },
    Way {
        name: "GRE with a checksum",
        setup: &[
            "ip link add under type gre local 10.8.0.@ remote 10.8.0.% ttl 64 ocsum icsum",
            "ip address add 10.8.2.@/24 dev under",
            "ip link set dev under up",
        ],
        target: "10.8.2.2",
        headers: 14 + 20 + 8,
    },
];

fn endpoint(target: &SockaddrStorage) -> Result<OwnedFd, Errno> {
    let family = if target.as_sockaddr_in().is_some() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    socket(
        family,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Sctp,
    )
}

/// Where the far end listens, and sockets come from there and go to it.
fn address(target: &str) -> Result<SockaddrStorage> {
    let ip: std::net::IpAddr = target.parse()?;
    Ok(SockaddrStorage::from(std::net::SocketAddr::from((
        ip, PORT,
    ))))
}

/// Sends messages from the near end to the far one.
fn talk(twins: &Twins, target: &str) -> Result<()> {
    let address = address(target)?;
    let listener = netns::enter(twins.far.ns.as_deref(), || {
        let listener = endpoint(&address).context("a socket")?;
        bind(listener.as_raw_fd(), &address).context("bind")?;
        listen(&listener, Backlog::new(1)?).context("listen")?;
        // Only the system calls matter here, and they are those of TCP.
        Ok(TcpListener::from(listener))
    })?;
    // Both ends before either has a thread that would wait for the other for ever.
    let near = netns::enter(twins.near.ns.as_deref(), || {
        let near = endpoint(&address).context("a socket")?;
        connect(near.as_raw_fd(), &address).context("connect")?;
        Ok(near)
    })?;
    let (mut far, _) = listener.accept().context("accept")?;
    thread::scope(|scope| {
        let receiver = scope.spawn(move || -> Result<Vec<u8>> {
            let mut received = Vec::new();
            far.read_to_end(&mut received)?;
            Ok(received)
        });
        let sent: Vec<u8> = (0..LENGTHS.iter().sum()).map(|at| at as u8).collect();
        let mut stream = TcpStream::from(near);
        let mut rest = &sent[..];
        for len in LENGTHS {
            let (message, behind) = rest.split_at(len);
            stream.write_all(message)?;
            rest = behind;
        }
        // The other end reads to the end of it.
        drop(stream);
        let received = receiver
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        ensure!(received == sent, "what arrived is not what was sent");
        Ok(())
    })?;
    // The last packet of it is this end's, and goes out by itself.
    twins.near.await_that("the end of the association", |near| {
        let associations = near.cmd("cat /proc/net/sctp/assocs").run()?;
        Ok(associations.lines().count() <= 1)
    })
}

/// The packet of SCTP in `frame`, if there is one behind so many bytes and an IP header.
fn packet(frame: &[u8], headers: usize) -> Option<Vec<u8>> {
    let ip = frame.get(headers..)?;
    let field = |at: usize| {
        Some(usize::from(u16::from_be_bytes([
            *ip.get(at)?,
            *ip.get(at + 1)?,
        ])))
    };
    let (protocol, header, end) = match ip.first()? >> 4 {
        4 => (*ip.get(9)?, usize::from(ip[0] & 0xf) * 4, field(2)?),
        6 => (*ip.get(6)?, 40, 40 + field(4)?),
        _ => return None,
    };
    let packet = ip.get(header..end)?;
    (protocol == SCTP).then(|| packet.to_vec())
}

/// How many packets there are, each with the checksum that it should have.
fn checked(way: &Way, frames: &[Vec<u8>]) -> Result<usize> {
    let crc = Crc::<u32>::new(&CRC_32_ISCSI);
    let packets = frames.iter().filter_map(|frame| packet(frame, way.headers));
    let mut count = 0;
    for mut packet in packets {
        let field = packet.get_mut(8..12).context("a short packet")?;
        let checksum = [field[0], field[1], field[2], field[3]];
        field.fill(0);
        let right = crc.checksum(&packet).to_le_bytes();
        ensure!(
            checksum == right,
            "{checksum:02x?} should be {right:02x?}: {packet:02x?}"
        );
        count += 1;
    }
    Ok(count)
}

/// Whether `outcome` is that of a profile whose device does all of it, or none.
fn judge(way: &Way, outcome: &Outcome, by_device: bool) -> Result<()> {
    outcome.ensure_same()?;
    let count = checked(way, &outcome.frames)?;
    let bytes: usize = LENGTHS.iter().sum();
    ensure!(count > bytes / 1500, "only {count} packets");
    let (cut, wire) = (
        outcome.count(stats::TX_HW_GSO_PACKETS)?,
        outcome.count(stats::TX_HW_GSO_WIRE_PACKETS)?,
    );
    let software = outcome.count_all(stats::TX_SW_GSO_PREFIX);
    println!("    {count} packets, {wire} of them cut from {cut}; software has cut {software}");
    if by_device {
        // Most of the packets have come in super-frames.
        ensure!(cut > 0 && wire >= 2 * cut, "the device has not cut them");
        ensure!(software == 0, "software has cut {software}");
        let left = outcome.count_all(stats::TX_SW_CSUM_PREFIX);
        ensure!(left == 0, "software has filled in {left} checksums");
    } else {
        ensure!(cut == 0 && software > 0, "the device has cut {cut}");
    }
    Ok(())
}

#[test]
fn whoever_finishes_them_the_packets_are_the_same() -> Result<()> {
    let twins = Twins::new(1500)?;
    if endpoint(&address(WAYS[0].target)?).err() == Some(Errno::EPROTONOSUPPORT) {
        println!("skipped: this kernel has no CONFIG_IP_SCTP");
        return Ok(());
    }
    for way in &WAYS {
        twins.at_both_ends(way.setup).with_context(|| way.name)?;
        // A device that nobody checks does not know SCTP and leaves the packets without checksums.
        for profile in ["programmable", "legacy", "none"] {
            // On kernels that check themselves, the way that only SCTP takes.
            if env::is_checked() && profile != "programmable" {
                continue;
            }
            set_profile(0, profile)?;
            let what = || format!("{profile}, {}", way.name);
            println!("{}:", what());
            let outcome = twins
                .compare(|| talk(&twins, way.target))
                .with_context(what)?;
            judge(way, &outcome, profile == "programmable").with_context(what)?;
        }
    }
    Ok(())
}
