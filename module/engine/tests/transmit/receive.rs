// SPDX-License-Identifier: GPL-2.0

//! What the device says of received frames.

use engine::receive_checksum::{complete, verify, RxChecksum};
use etherparse::checksum::Sum16BitWords;
use proptest::prelude::*;

use crate::kernel::MACHINE;
use crate::offload::receive::skb_csum_rx_legacy_convert_unnecessary;
use crate::packet::{Extension, Ip, Link, Packet, Transport};
use crate::random;

fn udp(ip: Ip) -> Packet {
    Packet {
        link: Link::Vlan,
        outer: None,
        ip,
        transport: Transport::Udp,
        payload: random::payload(99, 3),
    }
}

#[test]
fn not_verified() {
    let frame = udp(Ip::v4(1)).sent();
    assert!(verify(&frame));
    let without_checksum = |at: usize, mut frame: Vec<u8>| {
        frame[at..at + 2].fill(0);
        frame
    };
    let changed = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        frame
    };
    let mut routed = udp(Ip::v6(1));
    routed.ip.extensions = vec![Extension::Segments(routed.ip.to)];
    let mut labelled = udp(Ip::v4(1));
    labelled.link = Link::Mpls(1);
    for (what, frame) in [
        (
            "UDP without a checksum",
            without_checksum(44, frame.clone()),
        ),
        (
            "the same on IPv6",
            without_checksum(64, udp(Ip::v6(1)).sent()),
        ),
        ("extension headers", routed.sent()),
        ("labels", labelled.sent()),
        ("a fragment", changed(24, 0x20)),
        ("another protocol", changed(27, 1)),
        ("a UDP length of its own", changed(43, 80)),
        ("an IP length beyond the frame", changed(21, 0xff)),
        ("another EtherType", changed(17, 6)),
        ("half a frame", frame[..60].to_vec()),
        ("nothing", Vec::new()),
    ] {
        assert!(!verify(&frame), "{what}");
    }
}

#[test]
fn padding_is_not_part_of_what_is_verified() {
    for (ip, len) in [(Ip::v4(1), 1), (Ip::v6(1), 0)] {
        let mut packet = udp(ip);
        packet.payload.truncate(len);
        let mut frame = packet.sent();
        frame.extend([0xee; 9]);
        assert!(verify(&frame));
    }
}

proptest! {
    #[test]
    fn plain_packets_are_verified_unless_they_changed(
        mut ip in random::ip(),
        transport in random::transport(),
        len in 1_usize..3000,
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8,
    ) {
        ip.extensions.clear();
        let packet = Packet {
            link: Link::QinQ, outer: None, ip, transport, payload: random::payload(len, seed),
        };
        let mut frame = packet.sent();
        prop_assert!(verify(&frame));
        let at = frame.len() - 1 - at.index(len);
        frame[at] ^= 1_u8 << bit;
        prop_assert!(!verify(&frame));
    }

    #[test]
    fn complete_is_the_sum_of_all_bytes(len in 0_usize..5000, seed in any::<u64>()) {
        let bytes = random::payload(len, seed);
        let sum = !Sum16BitWords::new().add_slice(&bytes).ones_complement();
        prop_assert_eq!(complete(&bytes), RxChecksum::Complete(sum));
    }

    /// What a driver makes of "verified" is the sum of the frame, whoever has made that.
    #[test]
    fn a_verified_frame_is_summed_without_its_payload(
        packet in random::packet(),
        len in 0_usize..200,
        seed in any::<u64>(),
        behind in proptest::collection::vec(any::<u8>(), 0..20),
        at in any::<prop::sample::Index>(),
        byte in proptest::option::of(any::<u8>()),
    ) {
        let mut frame = Packet { payload: random::payload(len, seed), ..packet }.sent();
        let padding = behind.len();
        frame.extend(behind);
        if let Some(byte) = byte {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if verify(&frame) {
            let RxChecksum::Complete(sum) = complete(&frame[14..]) else {
                panic!("that is what it gives");
            };
            let converted = skb_csum_rx_legacy_convert_unnecessary(&frame, 0);
            // All ones are a zero, too.
            prop_assert_eq!(converted.map(|sum| sum % u16::MAX), Some(sum % u16::MAX));
            // What lies in pages is not looked at, and may not have anything behind the packet.
            let parted = MACHINE.tcp_payload(&frame).filter(|at| *at < frame.len());
            if let Some(header) = parted {
                let parted = frame.len() - header;
                let converted = skb_csum_rx_legacy_convert_unnecessary(&frame[..header], parted);
                let expected = (padding == 0).then_some(sum % u16::MAX);
                prop_assert_eq!(converted.map(|sum| sum % u16::MAX), expected);
            }
        }
    }
}
