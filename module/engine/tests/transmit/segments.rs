// SPDX-License-Identifier: GPL-2.0

//! Segmentation.

use engine::descriptor::{TxCapability, TxDescriptor};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use crate::packet::{Ip, Link, Packet, Transport, Tunnel};
use crate::{headers_of, random, transmit};

/// What a device of either kind makes of `packet`, cut to segments of `size` bytes.
fn cut_by(capability: TxCapability, packet: &Packet, size: u16) -> Vec<Vec<u8>> {
    let frame = packet.unfinished(size.into());
    let linear = headers_of(packet, &frame);
    let descriptor = TxDescriptor {
        capability,
        ..packet.descriptor(Some(size))
    };
    transmit(&descriptor, &frame, linear)
        .unwrap_or_else(|refusal| panic!("{refusal:?}: {packet:?}"))
}

fn cut(packet: &Packet, size: u16) -> Vec<Vec<u8>> {
    cut_by(TxCapability::Agnostic, packet, size)
}

#[track_caller]
fn check(packet: &Packet, size: u16) {
    let (ours, theirs) = (cut(packet, size), packet.segments(size.into()));
    assert_eq!(ours.len(), theirs.len());
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "segment {index} of {packet:?}");
    }
}

fn tcp(flags: u8, accurate_ecn: bool) -> Transport {
    Transport::Tcp {
        sequence: 0xffff_fc00,
        flags,
        words: 3,
        accurate_ecn,
    }
}

fn plain(ip: Ip, transport: Transport, len: usize) -> Packet {
    Packet {
        link: Link::Ethernet,
        outer: None,
        ip,
        transport,
        payload: random::payload(len, 1),
    }
}

#[test]
fn flags_of_the_first_the_middle_and_the_last_segment() {
    for (flags, accurate_ecn, expected) in [
        (0x10, false, [0x10, 0x10, 0x10]), // ACK
        (0x18, false, [0x10, 0x10, 0x18]), // PSH
        (0x19, false, [0x10, 0x10, 0x19]), // FIN
        (0x90, false, [0x90, 0x10, 0x10]), // CWR
        (0xd9, false, [0xd0, 0x50, 0x59]), // CWR, ECE
        (0x90, true, [0x90, 0x90, 0x90]),  // CWR in accurate ECN
        (0x37, false, [0x36, 0x36, 0x37]), // URG, SYN and RST are left alone
    ] {
        let packet = plain(Ip::v4(1), tcp(flags, accurate_ecn), 300);
        let flags_of = |frame: &Vec<u8>| frame[34 + 13];
        let seen: Vec<_> = cut(&packet, 100).iter().map(flags_of).collect();
        assert_eq!(seen, expected, "flags {flags:#x}, AccECN {accurate_ecn}");
    }
}

#[test]
fn sequence_numbers_and_identifications_wrap_around() {
    let mut packet = plain(Ip::v4(1), tcp(0x10, false), 2500);
    let numbers = |packet: &Packet| -> Vec<_> {
        let frames = cut(packet, 1000);
        let of = |frame: &Vec<u8>| {
            let id = u16::from_be_bytes([frame[18], frame[19]]);
            let sequence = frame[38..42].try_into().expect("four bytes");
            (id, u32::from_be_bytes(sequence))
        };
        frames.iter().map(of).collect()
    };
    let (first, second, third) = (0xffff_fc00, 0xffff_ffe8, 0x3d0);
    let expected = [(0xfffe, first), (0xffff, second), (0, third)];
    assert_eq!(numbers(&packet), expected);
    packet.ip.fixed_id = true;
    let expected = [(0xfffe, first), (0xfffe, second), (0xfffe, third)];
    assert_eq!(numbers(&packet), expected);
}

/// With `word` in the place that `field` gives, the checksum at `at` is that of a sum of all ones.
fn zeroed(packet: &Packet, at: usize, field: impl Fn(&mut Packet, [u8; 2])) -> Packet {
    let mut packet = packet.clone();
    field(&mut packet, [0; 2]);
    let first = packet.segments(100).remove(0);
    field(&mut packet, [first[at], first[at + 1]]);
    packet
}

#[test]
fn a_checksum_of_zero_is_sent_as_the_kernel_sends_it() {
    let in_payload =
        |packet: &mut Packet, word: [u8; 2]| packet.payload[..2].copy_from_slice(&word);
    let in_port = |packet: &mut Packet, word: [u8; 2]| match &mut packet.outer {
        Some((_, Tunnel::Udp { port, .. })) => *port = u16::from_be_bytes(word),
        other => panic!("{other:?}"),
    };
    let in_key = |packet: &mut Packet, [a, b]: [u8; 2]| match &mut packet.outer {
        Some((_, Tunnel::Gre { key, .. })) => *key = Some(u32::from_be_bytes([a, b, 0, 0])),
        other => panic!("{other:?}"),
    };
    let mut vxlan = plain(Ip::v4(1), tcp(0x10, false), 300);
    let mut gre = vxlan.clone();
    vxlan.outer = Some((
        Ip::v4(2),
        Tunnel::Udp {
            port: 0,
            checksum: true,
            header: 8,
            ethernet: true,
            partial: false,
        },
    ));
    gre.outer = Some((
        Ip::v4(2),
        Tunnel::Gre {
            checksum: true,
            key: Some(0),
            sequence: None,
            ethernet: false,
        },
    ));
    // The kernel sends 0 for TCP segments only.
    let tcp = zeroed(&plain(Ip::v4(1), tcp(0x10, false), 300), 50, in_payload);
    for capability in [TxCapability::Agnostic, TxCapability::ProtocolSpecific] {
        assert_eq!(cut_by(capability, &tcp, 100)[0][50..52], [0, 0]);
    }
    let udp = zeroed(&plain(Ip::v6(1), Transport::Udp, 300), 60, in_payload);
    assert_eq!(cut(&udp, 100)[0][60..62], [0xff, 0xff]);
    let vxlan = zeroed(&vxlan, 40, in_port);
    assert_eq!(cut(&vxlan, 100)[0][40..42], [0xff, 0xff]);
    let gre = zeroed(&gre, 38, in_key);
    assert_eq!(cut(&gre, 100)[0][38..40], [0xff, 0xff]);
    for packet in [tcp, udp, vxlan, gre] {
        check(&packet, 100);
    }
}

#[test]
fn super_frames_that_no_ip_length_field_can_tell() {
    for ip in [Ip::v4(1), Ip::v6(1)] {
        let mut packet = plain(ip, tcp(0x19, false), 500_000);
        check(&packet, 1448);
        for outer in [Ip::v4(2), Ip::v6(2)] {
            let tunnel = Tunnel::Udp {
                port: 1,
                checksum: true,
                header: 8,
                ethernet: true,
                partial: false,
            };
            packet.outer = Some((outer, tunnel));
            check(&packet, 1398);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn segments_are_those_that_the_stack_would_send(
        packet in random::packet(),
        (size, payload) in random::cut(),
    ) {
        check(&Packet { payload, ..packet }, size);
    }

    /// etherparse takes the segments apart and finds the payload, with checksums that are right.
    #[test]
    fn segments_have_the_payload(
        ip in random::ip(),
        transport in random::transport(),
        (size, payload) in random::cut(),
    ) {
        let packet = Packet { link: Link::Vlan, outer: None, ip, transport, payload };
        let mut joined: Vec<u8> = Vec::new();
        for frame in cut(&packet, size) {
            let sliced = SlicedPacket::from_ethernet(&frame).expect("a packet");
            let routed = !packet.ip.extensions.is_empty();
            match (sliced.net.expect("IP"), sliced.transport.expect("TCP or UDP")) {
                (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
                    let header = ip.header().to_header();
                    prop_assert_eq!(header.calc_header_checksum(), header.header_checksum);
                    let sum = tcp.calc_checksum_ipv4(header.source, header.destination);
                    prop_assert_eq!(sum.expect("a length"), tcp.checksum());
                    joined.extend(tcp.payload());
                }
                (NetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
                    let header = ip.header().to_header();
                    let sum = tcp.calc_checksum_ipv6(header.source, header.destination);
                    prop_assert!(routed || sum.expect("a length") == tcp.checksum());
                    joined.extend(tcp.payload());
                }
                (_, TransportSlice::Udp(udp)) => {
                    prop_assert_eq!(usize::from(udp.length()), udp.payload().len() + 8);
                    prop_assert!(udp.checksum() != 0);
                    joined.extend(udp.payload());
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(joined, packet.payload);
    }

    /// A device that parses agrees about what it understands.
    #[test]
    fn protocol_specific_tcp_segments(
        mut ip in random::ip(),
        link in prop_oneof![Just(Link::Ethernet), Just(Link::Vlan), Just(Link::QinQ)],
        (size, payload) in random::cut(),
    ) {
        ip.extensions.clear();
        let packet = Packet { link, outer: None, ip, transport: tcp(0xff, false), payload };
        let frames = cut_by(TxCapability::ProtocolSpecific, &packet, size);
        prop_assert_eq!(frames, packet.segments(size.into()));
    }
}
