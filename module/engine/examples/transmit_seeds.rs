// SPDX-License-Identifier: GPL-2.0

//! Makes seeds for the fuzz target `transmit`, frames of all kinds that the device knows and their
//! descriptors: `cargo run --example transmit_seeds -- fuzz/corpus/transmit`.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[allow(dead_code, unreachable_pub, reason = "a module of the engine's tests")]
#[allow(missing_docs, reason = "as that")]
#[path = "../tests/transmit/packet.rs"]
mod packet;

use std::io;
use std::path::PathBuf;

use engine::descriptor::{TxCapability, TxChecksum, TxDescriptor};
use packet::{Extension, Ip, Link, Packet, Transport, Tunnel};

const SIZE: u16 = 100;

fn main() -> io::Result<()> {
    let Some(seeds) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("transmit_seeds SEEDS: a directory"));
    };
    std::fs::create_dir_all(&seeds)?;
    let write = |name: String, descriptor: &TxDescriptor, frame: &[u8]| {
        let by_fragments = descriptor.gso.is_some_and(|gso| gso.size == u16::MAX);
        let input = fuzz::transmit::encode(&fuzz::transmit::Request {
            descriptor: *descriptor,
            linear: frame.len().saturating_sub(250) as u16,
            fragments: if by_fragments {
                vec![100, 1, 149]
            } else {
                Vec::new()
            },
            bytes: frame,
        });
        std::fs::write(seeds.join(name), input)
    };
    for (name, packet) in packets() {
        let frame = packet.unfinished(SIZE.into());
        let size = match packet.transport {
            Transport::Sctp { .. } => u16::MAX,
            _ => SIZE,
        };
        for (kind, size) in [("one", None), ("cut", Some(size))] {
            let mut descriptor = packet.descriptor(size);
            write(format!("{name}-{kind}"), &descriptor, &frame)?;
            if packet.outer.is_none() {
                descriptor.capability = TxCapability::ProtocolSpecific;
                write(format!("{name}-{kind}-parsed"), &descriptor, &frame)?;
            }
        }
    }
    let (start, offset) = (34, 8);
    let sctp = TxDescriptor {
        len: 300,
        checksum: TxChecksum::Crc32c { start, offset },
        ..TxDescriptor::default()
    };
    write("crc32c".into(), &sctp, &[0xc7; 300])
}

fn packets() -> Vec<(String, Packet)> {
    let tcp = Transport::Tcp {
        sequence: 1,
        flags: 0x99,
        words: 3,
        accurate_ecn: false,
    };
    let sctp = Transport::Sctp { tag: 7 };
    let mut routed = Ip::v6(3);
    routed.extensions = vec![
        Extension::HopByHop(1),
        Extension::Segments([0xfc; 16]),
        Extension::Destination(0),
    ];
    let udp = |checksum, header, ethernet| Tunnel::Udp {
        port: 1,
        checksum,
        header,
        ethernet,
        partial: false,
    };
    let gre = |checksum| Tunnel::Gre {
        checksum,
        key: Some(1),
        sequence: Some(2),
        ethernet: !checksum,
    };
    let tunnels = [
        ("", None),
        ("ip-", Some(Tunnel::Ip)),
        ("vxlan-", Some(udp(false, 8, true))),
        ("geneve-", Some(udp(true, 20, true))),
        ("fou-", Some(udp(true, 0, false))),
        ("gre-", Some(gre(false))),
        ("gre_csum-", Some(gre(true))),
    ];
    let mut packets = Vec::new();
    for (tunnel_name, tunnel) in tunnels {
        for (name, ip, transport, link) in [
            ("tcp4", Ip::v4(1), &tcp, Link::Ethernet),
            ("tcp6", routed.clone(), &tcp, Link::QinQ),
            ("udp4", Ip::v4(1), &Transport::Udp, Link::Mpls(2)),
            ("udp6", Ip::v6(1), &Transport::Udp, Link::Vlan),
            ("sctp4", Ip::v4(1), &sctp, Link::Ethernet),
            ("sctp6", Ip::v6(1), &sctp, Link::Vlan),
        ] {
            let outer = if ip.v6 { Ip::v4(2) } else { Ip::v6(2) };
            let packet = Packet {
                // Tunnels under labels are not cut.
                link: match link {
                    Link::Mpls(_) if tunnel.is_some() => Link::Ethernet,
                    link => link,
                },
                outer: tunnel.clone().map(|tunnel| (outer, tunnel)),
                ip,
                transport: transport.clone(),
                payload: (0..250).collect(),
            };
            packets.push((format!("{tunnel_name}{name}"), packet));
        }
    }
    packets
}
