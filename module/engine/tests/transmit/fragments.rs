// SPDX-License-Identifier: GPL-2.0

//! Segments that end where the host's fragments do: SCTP.

use engine::descriptor::{GsoKind, TxCapability, TxChecksum, TxDescriptor};
use engine::transmit::{TxPlan, TxRefusal};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::packet::{Ip, Link, Packet, Transport, Tunnel};
use crate::{headers_of, random, transmit_fragments};

/// `GSO_BY_FRAGS` of `linux/skbuff.h`.
const BY_FRAGMENTS: u16 = 0xffff;

/// What the device is asked to do to a packet, and how the host has it in memory.
struct Request {
    descriptor: TxDescriptor,
    frame: Vec<u8>,
    linear: usize,
    fragments: Vec<u32>,
}

impl Request {
    fn new(packet: &Packet, lengths: &[usize]) -> Self {
        let frame = packet.unfinished(0);
        Self {
            descriptor: packet.descriptor(Some(BY_FRAGMENTS)),
            linear: headers_of(packet, &frame),
            fragments: lengths.iter().map(|len| *len as u32).collect(),
            frame,
        }
    }

    fn transmit(&self) -> Result<Vec<Vec<u8>>, TxRefusal> {
        transmit_fragments(&self.descriptor, &self.frame, self.linear, &self.fragments)
    }
}

/// A packet with fragments of these lengths behind its headers.
fn packet(lengths: &[usize]) -> Packet {
    Packet {
        link: Link::Ethernet,
        outer: None,
        ip: Ip::v4(1),
        transport: Transport::Sctp { tag: 0x0102_0304 },
        payload: random::payload(lengths.iter().sum(), 1),
    }
}

#[track_caller]
fn check(packet: &Packet, lengths: &[usize]) {
    let frames = Request::new(packet, lengths)
        .transmit()
        .unwrap_or_else(|refusal| panic!("{refusal:?}: {lengths:?} of {packet:?}"));
    let expected = packet.segments_of(lengths);
    assert_eq!(frames.len(), expected.len());
    for (index, (ours, theirs)) in frames.iter().zip(&expected).enumerate() {
        assert_eq!(ours, theirs, "segment {index} of {packet:?}");
    }
}

#[test]
fn each_fragment_is_a_segment() {
    for lengths in [
        &[1][..],
        &[1, 1],
        &[1448, 1448, 4],
        &[4, 1448, 1000, 1448],
        &[65_000; 10],
    ] {
        check(&packet(lengths), lengths);
    }
}

#[test]
fn a_checksum_around_it_covers_the_crc() {
    let lengths = [1000, 1001, 3];
    for ethernet in [false, true] {
        let mut packet = packet(&lengths);
        let udp = Tunnel::Udp {
            port: 9899,
            checksum: true,
            header: 8,
            ethernet,
            partial: false,
        };
        let gre = Tunnel::Gre {
            checksum: true,
            key: Some(7),
            sequence: None,
            ethernet,
        };
        for tunnel in [udp, gre] {
            packet.outer = Some((Ip::v6(2), tunnel));
            check(&packet, &lengths);
        }
    }
}

/// What comes of a packet with three fragments, after `change`.
#[track_caller]
fn refused(expected: TxRefusal, change: impl Fn(&mut Request)) {
    let lengths = [100, 200, 300];
    let mut request = Request::new(&packet(&lengths), &lengths);
    request
        .transmit()
        .expect("a frame to cut, before it is changed");
    change(&mut request);
    assert_eq!(request.transmit(), Err(expected));
}

#[test]
fn fragments_that_are_no_segments() {
    for fragments in [
        &[][..],
        &[100, 200],
        &[100, 200, 301],
        &[100, 200, 300, 1],
        &[100, 0, 200, 300],
        &[u32::MAX, 601],
        &[600 + (1 << 31), 1 << 31],
    ] {
        refused(TxRefusal::Fragments, |request| {
            request.fragments = fragments.to_vec()
        });
    }
    // Nor is payload beside the headers one.
    refused(TxRefusal::Fragments, |request| request.linear += 1);
    refused(TxRefusal::HeadersNotLinear, |request| request.linear -= 1);
    let lengths = [66_000, 1];
    let long = Request::new(&packet(&lengths), &lengths);
    assert_eq!(long.transmit(), Err(TxRefusal::Fragments));
}

#[test]
fn sctp_and_fragments_go_together() {
    refused(TxRefusal::SegmentSize, |request| {
        request
            .descriptor
            .gso
            .iter_mut()
            .for_each(|gso| gso.size = 100);
    });
    refused(TxRefusal::Kind, |request| {
        let kinds = GsoKind::SCTP.and(GsoKind::UDP_L4);
        request
            .descriptor
            .gso
            .iter_mut()
            .for_each(|gso| gso.kind = kinds);
    });
    refused(TxRefusal::Headers, |request| request.frame[14 + 9] = 6);
    for checksum in [
        TxChecksum::None,
        TxChecksum::Internet {
            start: 34,
            offset: 8,
        },
        TxChecksum::Crc32c {
            start: 34,
            offset: 4,
        },
        TxChecksum::Crc32c {
            start: 33,
            offset: 8,
        },
    ] {
        refused(TxRefusal::Checksum, |request| {
            request.descriptor.checksum = checksum
        });
    }
    refused(TxRefusal::ProtocolSpecific, |request| {
        request.descriptor.capability = TxCapability::ProtocolSpecific;
    });
}

/// Fragments that are not those of the plan do no harm.
#[test]
fn other_fragments_than_were_planned() {
    let lengths = [100, 200, 300];
    let request = Request::new(&packet(&lengths), &lengths);
    let headers = &request.frame[..request.linear];
    let plan = TxPlan::new(&request.descriptor, headers, [100, 200, 300]).expect("a plan");
    let frames = |fragments: &[u32]| plan.wire_frames(fragments.iter().copied()).count();
    assert_eq!(frames(&[100, 200, 300, 400]), 3);
    assert_eq!(frames(&[100, 200]), 2);
    assert_eq!(frames(&[100, 501]), 1);
    assert_eq!(frames(&[100, 0, 200]), 1);
    assert_eq!(frames(&[u32::MAX; 3]), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn segments_are_those_that_the_stack_would_send(
        packet in random::packet(),
        tag in any::<u32>(),
        lengths in vec(1_usize..1500, 1..20),
        seed in any::<u64>(),
    ) {
        let mut packet = Packet {
            transport: Transport::Sctp { tag },
            payload: random::payload(lengths.iter().sum(), seed),
            ..packet
        };
        // A whole frame of SCTP tells no segment's length.
        if let Some((_, Tunnel::Udp { partial, .. })) = &mut packet.outer {
            *partial = false;
        }
        check(&packet, &lengths);
    }
}
