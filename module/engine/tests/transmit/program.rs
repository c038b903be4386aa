// SPDX-License-Identifier: GPL-2.0

//! What programs may say of the headers of segments.

use engine::transmit::{Heard, TxPlan, WireFrame, SHOWN_HEADERS};
use proptest::prelude::*;

use crate::packet::{Ip, Link, Packet, Transport, Tunnel};
use crate::{headers_of, random};

const FACTS: usize = 64;

/// Reads what a program is shown: numbers of the facts, and offsets and bytes behind them.
struct Shown<'a>(&'a mut [u8]);

impl Shown<'_> {
    fn number(&self, index: usize) -> u32 {
        u32::from_ne_bytes(self.0[index * 4..][..4].try_into().unwrap())
    }

    fn offset(&self, index: usize) -> usize {
        u16::from_ne_bytes(self.0[32 + index * 2..][..2].try_into().unwrap()).into()
    }

    fn byte(&self, index: usize) -> u8 {
        self.0[42 + index]
    }

    fn headers(&mut self) -> &mut [u8] {
        &mut self.0[FACTS..]
    }

    fn put16(&mut self, at: usize, value: usize) {
        self.headers()[at..at + 2].copy_from_slice(&(value as u16).to_be_bytes());
    }

    fn add_to_id(&mut self, at: usize, count: u32) {
        let id = &mut self.headers()[at + 4..at + 6];
        let old = u16::from_be_bytes([id[0], id[1]]);
        id.copy_from_slice(&old.wrapping_add(count as u16).to_be_bytes());
    }
}

/// The rules of the kernel, as a program has them.
fn rules(shown: &mut [u8]) -> bool {
    let mut shown = Shown(shown);
    assert_eq!(shown.number(0), 1, "the version");
    let [index, count, before, len, whole, size, flags] =
        [1, 2, 3, 4, 5, 6, 7].map(|at| shown.number(at));
    let [network, inner, transport, payload, tunnel] = [0, 1, 2, 3, 4].map(|at| shown.offset(at));
    let [outer_version, inner_version, protocol, tunnel_protocol] =
        [0, 1, 2, 3].map(|at| shown.byte(at));
    let (first, last) = (flags & 1 != 0, flags & 2 != 0);
    assert_eq!(first, index == 0);
    assert_eq!(last, index + 1 == count);
    assert!(size == 0 || before == index * size);
    assert!(last || size == 0 || len == size);
    assert_eq!(last, before + len == whole);
    assert_eq!(inner == 0, inner_version == 0);
    assert_eq!(tunnel == 0, tunnel_protocol == 0);
    let end = payload + len as usize;
    for (at, version, fixed) in [
        (network, outer_version, flags & 4 != 0),
        (inner, inner_version, flags & 8 != 0),
    ] {
        match version {
            4 => {
                shown.put16(at + 2, end - at);
                if !fixed {
                    shown.add_to_id(at, index);
                }
            }
            6 => shown.put16(at + 4, end - at - 40),
            _ => {}
        }
    }
    if tunnel_protocol == 17 {
        shown.put16(tunnel + 4, end - tunnel);
    }
    match protocol {
        6 => {
            let sequence = &mut shown.headers()[transport + 4..transport + 8];
            let old = u32::from_be_bytes(sequence.try_into().unwrap());
            sequence.copy_from_slice(&old.wrapping_add(before).to_be_bytes());
            let flags_byte = &mut shown.headers()[transport + 13];
            if !last {
                *flags_byte &= !9;
            }
            if !first && flags & 16 == 0 {
                *flags_byte &= !0x80;
            }
        }
        17 => shown.put16(transport + 4, end - transport),
        _ => assert_eq!(protocol, 132),
    }
    true
}

/// A super-frame, and how it is cut.
struct Super {
    frame: Vec<u8>,
    linear: usize,
    plan: TxPlan,
}

impl Super {
    /// Without the flag "don't fragment" in IPv4 headers that are not `atomic`.
    fn new(packet: &Packet, size: u16, atomic: bool) -> Self {
        let mut frame = packet.unfinished(size.into());
        let linear = headers_of(packet, &frame);
        let descriptor = packet.descriptor(Some(size));
        if !atomic {
            let inner = descriptor.headers.inner.map(|inner| inner.network);
            let first = linear_network(packet, &descriptor);
            for at in std::iter::once(first).chain(inner.map(usize::from)) {
                if frame[at] >> 4 == 4 {
                    frame[at + 6] &= !0x40;
                }
            }
        }
        let plan = TxPlan::new(&descriptor, &frame[..linear], []).expect("it can be cut");
        Self {
            frame,
            linear,
            plan,
        }
    }

    fn frames(&self) -> impl Iterator<Item = (WireFrame, Vec<u8>)> + '_ {
        self.plan.wire_frames([]).map(|frame| {
            let mut wire = self.frame[..frame.header].to_vec();
            wire.extend(&self.frame[frame.payload.clone()]);
            self.plan.finish(&frame, &mut wire).expect("one of them");
            (frame, wire)
        })
    }

    /// What becomes of a segment if a program has its say, and how that is taken.
    fn consult(
        &self,
        frame: &WireFrame,
        wire: &[u8],
        program: &mut dyn FnMut(&mut [u8]) -> bool,
    ) -> (Heard, Vec<u8>) {
        let mut wire = wire.to_vec();
        let headers = &self.frame[..self.linear];
        let heard = self.plan.consult(frame, headers, &mut wire, program);
        (heard, wire)
    }
}

/// Where the first IP header is, behind labels.
fn linear_network(packet: &Packet, descriptor: &engine::descriptor::TxDescriptor) -> usize {
    match packet.link {
        Link::Mpls(_) => descriptor.headers.labelled.expect("labels").into(),
        _ => descriptor.headers.network.into(),
    }
}

fn tcp() -> Transport {
    Transport::Tcp {
        sequence: 0xffff_fc00,
        flags: 0x18,
        words: 3,
        accurate_ecn: false,
    }
}

fn plain(ip: Ip) -> Packet {
    Packet {
        link: Link::Ethernet,
        outer: None,
        ip,
        transport: tcp(),
        payload: random::payload(300, 1),
    }
}

/// Writes `id` to each IPv4 header, behind what `rules` write.
fn with_ids(shown: &mut [u8], id: u16) -> bool {
    rules(shown);
    let mut shown = Shown(shown);
    for (at, version) in [
        (shown.offset(0), shown.byte(0)),
        (shown.offset(1), shown.byte(1)),
    ] {
        if version == 4 {
            shown.put16(at + 4, id.into());
        }
    }
    true
}

#[test]
fn other_bytes_count_for_nothing() {
    let cut = Super::new(&plain(Ip::v4(1)), 100, true);
    for (frame, fixed) in cut.frames() {
        for at in 0..SHOWN_HEADERS {
            let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| {
                rules(shown);
                shown[FACTS + at] ^= 0xff;
                true
            });
            match at {
                // Identification, and checksums of IPv4 and TCP.
                18 | 19 => {
                    assert_eq!(heard, Heard::Yes);
                    let differing: Vec<_> = (0..wire.len())
                        .filter(|at| wire[*at] != fixed[*at])
                        .collect();
                    assert!(differing.contains(&at), "{at}: {differing:?}");
                    let ours = |at: &usize| [18, 19, 24, 25].contains(at);
                    assert!(differing.iter().all(ours), "{at}: {differing:?}");
                    continue;
                }
                24 | 25 | 50 | 51 => assert_eq!(heard, Heard::Yes, "{at}"),
                _ if at < frame.header => assert_eq!(heard, Heard::Overruled, "{at}"),
                _ => assert_eq!(heard, Heard::Yes, "{at}"),
            }
            assert_eq!(wire, fixed, "byte {at} counts");
        }
        // Facts are its own.
        let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| {
            rules(shown);
            shown[..FACTS].fill(0xff);
            true
        });
        assert_eq!((heard, wire), (Heard::Yes, fixed.clone()));
        // It says that it is not done.
        let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| {
            with_ids(shown, 7);
            false
        });
        assert_eq!((heard, wire), (Heard::Nothing, fixed));
    }
}

#[test]
fn an_identification_counts_only_where_it_says_nothing() {
    let packet = plain(Ip::v4(1));
    let cut = Super::new(&packet, 100, false);
    for (frame, fixed) in cut.frames() {
        let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| with_ids(shown, 7));
        assert_eq!((heard, wire), (Heard::Overruled, fixed));
    }
    let cut = Super::new(&packet, 100, true);
    let mut expected = packet;
    (expected.ip.id, expected.ip.fixed_id) = (7, true);
    let found = cut.frames().map(|(frame, fixed)| {
        let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| with_ids(shown, 7));
        assert_eq!(heard, Heard::Yes);
        wire
    });
    assert_eq!(found.collect::<Vec<_>>(), expected.segments(100));
}

#[test]
fn headers_without_room_are_shown_to_nobody() {
    let mut ip = Ip::v6(1);
    ip.extensions = vec![crate::packet::Extension::HopByHop(30)];
    let cut = Super::new(&plain(ip), 100, true);
    for (frame, fixed) in cut.frames() {
        assert!(frame.header > SHOWN_HEADERS);
        let said = cut.consult(&frame, &fixed, &mut |_| panic!("it is shown"));
        assert_eq!(said, (Heard::Nothing, fixed));
    }
}

/// Of a segment whose payload is somewhere else, and what software has cut.
#[test]
fn what_lies_elsewhere_counts_as_well() {
    let packet = plain(Ip::v4(1));
    let cut = Super::new(&packet, 100, true);
    let mut before = 0;
    for (index, (frame, fixed)) in cut.frames().enumerate() {
        let found = cut.plan.segment_at(index as u32, before, fixed.len());
        assert_eq!(found, Some(frame.clone()));
        before += frame.payload.len();
        let mut short = fixed[..frame.header].to_vec();
        let headers = &cut.frame[..cut.linear];
        let mut program = |shown: &mut [u8]| with_ids(shown, 7);
        let heard = cut.plan.consult(&frame, headers, &mut short, &mut program);
        assert_eq!(heard, Heard::Yes);
        assert_eq!(short[18..20], [0, 7]);
        let heard = cut
            .plan
            .consult(&frame, headers, &mut short[..40], &mut program);
        assert_eq!(heard, Heard::Nothing);
    }
    assert_eq!(cut.plan.segment_at(0, 0, 10), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// The rules of the kernel, as a program has them, are those of the device.
    #[test]
    fn the_rules_as_a_program_say_the_same(
        packet in random::packet(),
        (size, payload) in random::cut(),
        atomic in any::<bool>(),
    ) {
        let cut = Super::new(&Packet { payload, ..packet }, size, atomic);
        for (frame, fixed) in cut.frames() {
            let expected = if frame.header > SHOWN_HEADERS { Heard::Nothing } else { Heard::Yes };
            prop_assert_eq!(cut.consult(&frame, &fixed, &mut rules), (expected, fixed));
        }
    }

    /// Another identification in all atomic headers gives the packets that a stack would send that has it.
    #[test]
    fn identifications_of_ones_own_are_right_everywhere(
        packet in random::packet(),
        (size, payload) in random::cut(),
        id in any::<u16>(),
    ) {
        let mut expected = Packet { payload, ..packet };
        let cut = Super::new(&expected, size, true);
        prop_assume!(cut.linear <= SHOWN_HEADERS);
        for ip in expected.outer.iter_mut().map(|(ip, _)| ip).chain([&mut expected.ip]) {
            (ip.id, ip.fixed_id) = (id, true);
        }
        let found = cut.frames().map(|(frame, fixed)| {
            cut.consult(&frame, &fixed, &mut |shown| with_ids(shown, id)).1
        });
        prop_assert_eq!(found.collect::<Vec<_>>(), expected.segments(size.into()));
    }

    /// Whatever a program writes, no more than identifications of atomic packets, and their checksums, are
    /// others.
    #[test]
    fn nonsense_changes_no_byte(
        packet in random::packet(),
        (size, payload) in random::cut(),
        writes in proptest::collection::vec((0..FACTS + SHOWN_HEADERS, any::<u8>()), 1..40),
        by_rules in any::<bool>(),
        atomic in any::<bool>(),
    ) {
        let cut = Super::new(&Packet { payload, ..packet }, size, atomic);
        for (frame, fixed) in cut.frames().take(4) {
            let mut places = Vec::new();
            let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| {
                let facts = Shown(shown);
                for (at, version) in [
                    (facts.offset(0), facts.byte(0)),
                    (facts.offset(1), facts.byte(1)),
                ] {
                    if version == 4 && atomic {
                        places.extend([at + 4, at + 5, at + 10, at + 11]);
                    }
                }
                let said = !by_rules || rules(shown);
                for (at, byte) in &writes {
                    shown[*at] = *byte;
                }
                said
            });
            for (at, (now, before)) in wire.iter().zip(&fixed).enumerate() {
                prop_assert!(now == before || (heard == Heard::Yes && places.contains(&at)));
            }
        }
    }
}

/// Tunnels whose outer checksum is over what the program changes.
#[test]
fn sums_of_tunnels_stay_right() {
    for tunnel in [
        Tunnel::Udp {
            port: 4789,
            checksum: true,
            header: 8,
            ethernet: true,
            partial: false,
        },
        Tunnel::Gre {
            checksum: true,
            key: Some(5),
            sequence: None,
            ethernet: false,
        },
    ] {
        let mut packet = plain(Ip::v4(1));
        packet.outer = Some((Ip::v4(2), tunnel));
        let cut = Super::new(&packet, 100, true);
        let (outer, _) = packet.outer.as_mut().expect("it was set");
        for ip in [outer, &mut packet.ip] {
            (ip.id, ip.fixed_id) = (0x1234, true);
        }
        let found = cut.frames().map(|(frame, fixed)| {
            let (heard, wire) = cut.consult(&frame, &fixed, &mut |shown| with_ids(shown, 0x1234));
            assert_eq!(heard, Heard::Yes);
            wire
        });
        assert_eq!(found.collect::<Vec<_>>(), packet.segments(100));
    }
}
