// SPDX-License-Identifier: GPL-2.0

//! A device that looks for the checksum itself: right where NICs of that kind are, and wrong where
//! they are.

use engine::descriptor::TxCapability;
use proptest::prelude::*;

use crate::packet::{Extension, Ip, Link, Packet, Transport, Tunnel};
use crate::{headers_of, random, transmit};

const TCP: Transport = Transport::Tcp {
    sequence: 1,
    flags: 0x10,
    words: 0,
    accurate_ecn: false,
};

fn packet(ip: Ip, transport: Transport) -> Packet {
    Packet {
        link: Link::Ethernet,
        outer: None,
        ip,
        transport,
        payload: random::payload(100, 3),
    }
}

/// What the device makes of `packet`, which is not cut if `size` is none.
fn sent(packet: &Packet, size: Option<u16>) -> Vec<Vec<u8>> {
    let frame = packet.unfinished(size.map_or(packet.payload.len(), usize::from));
    let mut descriptor = packet.descriptor(size);
    descriptor.capability = TxCapability::ProtocolSpecific;
    transmit(&descriptor, &frame, headers_of(packet, &frame)).expect("the device takes it")
}

/// The same, and the same frame as the stack leaves it.
fn sent_and_unfinished(packet: &Packet) -> (Vec<u8>, Vec<u8>) {
    (sent(packet, None).remove(0), packet.unfinished(100))
}

/// The packet with the routing header's address in the pseudo header: as if it were none.
fn misunderstood(packet: &Packet) -> Packet {
    let mut packet = packet.clone();
    for extension in &mut packet.ip.extensions {
        if let Extension::Segments(last) = extension {
            *last = packet.ip.to;
        }
    }
    packet
}

#[test]
fn a_routing_header_makes_the_checksum_wrong() {
    for transport in [TCP, Transport::Udp] {
        let mut packet = packet(Ip::v6(1), transport);
        packet.ip.extensions = vec![Extension::HopByHop(0), Extension::Segments([0xfc; 16])];
        let field = packet.sent().len() - 100 - if packet.transport == TCP { 4 } else { 2 };
        let checksum = |frame: &[u8]| [frame[field], frame[field + 1]];
        let ours = sent(&packet, None).remove(0);
        assert_ne!(checksum(&ours), checksum(&packet.sent()));
        assert_eq!(checksum(&ours), checksum(&misunderstood(&packet).sent()));
        // Nothing but the checksum is wrong.
        let mut repaired = ours;
        repaired[field..field + 2].copy_from_slice(&checksum(&packet.sent()));
        assert_eq!(repaired, packet.sent());
    }
}

#[test]
fn a_routing_header_makes_the_checksum_of_each_segment_wrong() {
    let mut packet = packet(Ip::v6(1), TCP);
    packet.ip.extensions = vec![Extension::Segments([0xfc; 16])];
    let ours = sent(&packet, Some(40));
    assert_eq!(ours.len(), 3);
    let theirs = packet.segments(40);
    let checksum = 54 + 40 + 16;
    for (ours, mut theirs) in ours.iter().zip(theirs) {
        assert_ne!(*ours, theirs);
        theirs[checksum..checksum + 2].copy_from_slice(&ours[checksum..checksum + 2]);
        assert_eq!(*ours, theirs);
    }
}

#[test]
fn what_it_does_not_understand_it_leaves_alone() {
    let gre = Tunnel::Gre {
        checksum: false,
        key: None,
        sequence: None,
        ethernet: false,
    };
    for tunnel in [Tunnel::Ip, gre] {
        let mut packet = packet(Ip::v4(1), TCP);
        packet.outer = Some((Ip::v4(2), tunnel));
        let (sent, unfinished) = sent_and_unfinished(&packet);
        assert_eq!(sent, unfinished);
    }
    let mut labelled = packet(Ip::v4(1), TCP);
    labelled.link = Link::Mpls(1);
    let (sent, unfinished) = sent_and_unfinished(&labelled);
    assert_eq!(sent, unfinished);
}

#[test]
fn in_a_udp_tunnel_it_takes_the_outer_header_for_the_one_meant() {
    let mut packet = packet(Ip::v4(1), TCP);
    let vxlan = Tunnel::Udp {
        port: 1,
        checksum: false,
        header: 8,
        ethernet: true,
        partial: false,
    };
    packet.outer = Some((Ip::v4(2), vxlan));
    let (sent, mut unfinished) = sent_and_unfinished(&packet);
    assert_ne!(sent[40..42], [0, 0]);
    unfinished[40..42].copy_from_slice(&sent[40..42]);
    assert_eq!(sent, unfinished);
}

#[test]
fn fragments_are_left_alone() {
    for fragment in [[0x20, 0], [0, 1], [0x20, 0xb9]] {
        let packet = packet(Ip::v4(1), Transport::Udp);
        let mut frame = packet.unfinished(100);
        frame[20..22].copy_from_slice(&fragment);
        let mut descriptor = packet.descriptor(None);
        descriptor.capability = TxCapability::ProtocolSpecific;
        let sent = transmit(&descriptor, &frame, frame.len());
        assert_eq!(sent, Ok(vec![frame]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn plain_packets(
        link in random::link(),
        mut ip in random::ip(),
        transport in random::transport(),
        len in 0_usize..3000,
        seed in any::<u64>(),
    ) {
        prop_assume!(!matches!(link, Link::Mpls(_)));
        ip.extensions.retain(|extension| !matches!(extension, Extension::Segments(_)));
        let packet = Packet { link, outer: None, ip, transport, payload: random::payload(len, seed) };
        prop_assert_eq!(sent(&packet, None), vec![packet.sent()]);
    }
}
