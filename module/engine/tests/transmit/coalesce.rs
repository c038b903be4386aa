// SPDX-License-Identifier: GPL-2.0

//! Super-frames that stay whole, against a model of what GRO makes of the frames on the wire.

use engine::coalesce::{is_made_by_gro, GroLimits};
use engine::descriptor::{GsoKind, TxDescriptor};
use etherparse::checksum::Sum16BitWords;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use crate::packet::{Extension, Ip, Link, Packet, Transport};
use crate::random;

const LIMITS: GroLimits = GroLimits {
    ipv4: 65_536,
    ipv6: 65_536,
    datagrams: false,
};
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const URG: u8 = 0x20;
const CWR: u8 = 0x80;

/// A TCP segment on the wire, or several as one.
#[derive(Clone, Debug)]
struct Held {
    headers: Vec<u8>,
    /// Where the TCP header begins.
    tcp: usize,
    payload: Vec<u8>,
    count: u16,
    fixed_id: bool,
    /// GRO adds nothing to it any more.
    complete: bool,
}

impl Held {
    /// A segment as GRO takes it; `None` if it does not.
    fn new(frame: &[u8]) -> Option<Self> {
        let sliced = SlicedPacket::from_ethernet(frame).ok()?;
        let tcp = match (&sliced.net, &sliced.transport) {
            (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(_))) => {
                let header = ip.header();
                let is_whole = !ip.is_payload_fragmented();
                (header.ihl() == 5 && is_whole).then_some(34)?
            }
            (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Tcp(_))) => {
                ip.extensions().slice().is_empty().then_some(54)?
            }
            _ => return None,
        };
        let tagged = frame[12..14] != [0x08, 0x00] && frame[12..14] != [0x86, 0xdd];
        if tagged {
            return None;
        }
        let payload = tcp + usize::from(frame[tcp + 12] >> 4) * 4;
        Some(Self {
            headers: frame[..payload].to_vec(),
            tcp,
            payload: frame[payload..].to_vec(),
            count: 1,
            fixed_id: false,
            complete: frame[tcp + 13] & (URG | PSH | RST | SYN | FIN) != 0,
        })
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.headers[at], self.headers[at + 1]])
    }

    fn sequence(&self) -> u32 {
        let at = self.tcp + 4;
        u32::from_be_bytes(self.headers[at..at + 4].try_into().expect("four bytes"))
    }

    /// What of the headers must be the same in both.
    fn flow(&self) -> Vec<u8> {
        let mut headers = self.headers.clone();
        let ip = 14;
        if self.tcp == 34 {
            for at in [2, 3, 4, 5, 10, 11] {
                headers[ip + at] = 0;
            }
        } else {
            headers[ip + 4..ip + 6].fill(0);
        }
        headers[self.tcp + 4..self.tcp + 8].fill(0);
        headers[self.tcp + 13] &= !(FIN | PSH);
        headers[self.tcp + 16..self.tcp + 18].fill(0);
        headers
    }

    /// Takes the next segment in; whether it could.
    fn add(&mut self, next: &Self, size: usize, limit: usize) -> bool {
        let ids_follow = self.tcp != 34 || {
            let distance = next.word(18).wrapping_sub(self.word(18));
            let do_not_fragment = next.headers[20] & 0x40 != 0;
            self.fixed_id |= self.count == 1 && do_not_fragment && distance == 0;
            distance == if self.fixed_id { 0 } else { self.count }
        };
        let total = self.headers.len() - 14 + self.payload.len() + next.payload.len();
        let follows = self.sequence().wrapping_add(self.payload.len() as u32) == next.sequence();
        if self.complete
            || self.flow() != next.flow()
            || !ids_follow
            || !follows
            || next.payload.is_empty()
            || next.payload.len() > size
            || total >= limit
        {
            return false;
        }
        let flags = next.headers[next.tcp + 13];
        self.headers[self.tcp + 13] |= flags & (FIN | PSH);
        self.payload.extend(&next.payload);
        self.count += 1;
        self.complete = next.payload.len() < size || next.complete;
        true
    }

    /// The frame that the stack gets: lengths as of all of it, the checksum left open.
    fn finish(mut self) -> Vec<u8> {
        let packet = self.headers.len() - 14 + self.payload.len();
        let segment = packet - (self.tcp - 14);
        let addresses = if self.tcp == 34 {
            self.headers[16..18].copy_from_slice(&(packet as u16).to_be_bytes());
            self.headers[24..26].fill(0);
            let sum = Sum16BitWords::new().add_slice(&self.headers[14..34]);
            self.headers[24..26].copy_from_slice(&sum.ones_complement().to_ne_bytes());
            26..34
        } else {
            self.headers[18..20].copy_from_slice(&((packet - 40) as u16).to_be_bytes());
            22..54
        };
        let pseudo = Sum16BitWords::new()
            .add_slice(&self.headers[addresses])
            .add_slice(&(segment as u32).to_be_bytes())
            .add_2bytes([0, 6]);
        let seed = (!pseudo.ones_complement()).to_ne_bytes();
        self.headers[self.tcp + 16..self.tcp + 18].copy_from_slice(&seed);
        [self.headers, self.payload].concat()
    }
}

/// The one frame that GRO makes of `segments`, if it is one.
fn gro(segments: &[Vec<u8>], size: usize, limits: &GroLimits) -> Option<Vec<u8>> {
    let mut segments = segments.iter();
    let mut held = Held::new(segments.next()?)?;
    let limit = if held.tcp == 34 {
        limits.ipv4
    } else {
        limits.ipv6
    };
    for segment in segments {
        if !held.add(&Held::new(segment)?, size, limit as usize) {
            return None;
        }
    }
    Some(held.finish())
}

/// What the device gets with a super-frame whose segments the stack has counted.
fn descriptor(packet: &Packet, size: u16) -> TxDescriptor {
    let mut descriptor = packet.descriptor(Some(size));
    let count = packet.payload.len().div_ceil(size.into());
    if let Some(gso) = &mut descriptor.gso {
        gso.segs = count as u16;
    }
    descriptor
}

/// Whether `packet` stays whole, which must be as the model has it, but where identifications are
/// fixed: then GRO's packet is of another kind.
#[track_caller]
fn check(packet: &Packet, size: u16, limits: &GroLimits) -> bool {
    let frame = packet.unfinished(size.into());
    let linear = frame.len() - packet.payload.len();
    let descriptor = descriptor(packet, size);
    let is_whole = is_made_by_gro(&descriptor, &frame[..linear], limits);
    let merged = gro(&packet.segments(size.into()), size.into(), limits);
    let has_fixed_id = packet.ip.fixed_id && !packet.ip.v6;
    // Accurate ECN is another kind as well.
    let other_kind = packet.ip.fixed_id
        || descriptor
            .gso
            .is_some_and(|gso| gso.kind.has(GsoKind::TCP_ACCECN));
    if is_whole {
        assert_eq!(merged.as_ref(), Some(&frame), "{packet:?}");
        assert!(!has_fixed_id);
    } else {
        let same = merged.as_ref() == Some(&frame);
        assert!(!same || other_kind, "GRO makes it: {packet:?}");
    }
    is_whole
}

fn plain(ip: Ip, flags: u8, len: usize) -> Packet {
    Packet {
        link: Link::Ethernet,
        outer: None,
        ip,
        transport: Transport::Tcp {
            sequence: 0xffff_fc00,
            flags,
            words: 3,
            accurate_ecn: false,
        },
        payload: random::payload(len, 1),
    }
}

#[test]
fn what_tcp_sends_stays_whole() {
    for ip in [Ip::v4(1), Ip::v6(1)] {
        for flags in [0x10, 0x10 | PSH, 0x10 | FIN, 0x50] {
            for len in [101, 200, 1000, 1001] {
                let packet = plain(ip.clone(), flags, len);
                assert!(check(&packet, 100, &LIMITS), "{packet:?}");
            }
        }
    }
}

#[test]
fn what_gro_keeps_apart_is_cut() {
    for flag in [SYN, RST, URG, CWR] {
        let packet = plain(Ip::v4(1), 0x10 | flag, 1000);
        assert!(!check(&packet, 100, &LIMITS), "{packet:?}");
    }
    let mut options = Ip::v4(1);
    options.options = 1;
    let mut tagged = plain(Ip::v4(1), 0x10, 1000);
    tagged.link = Link::Vlan;
    let mut udp = plain(Ip::v4(1), 0x10, 1000);
    udp.transport = Transport::Udp;
    let mut extended = Ip::v6(1);
    extended.extensions = vec![Extension::Destination(0)];
    for packet in [
        plain(options, 0x10, 1000),
        plain(extended, 0x10, 1000),
        tagged,
        udp,
    ] {
        let frame = packet.unfinished(100);
        let linear = frame.len() - packet.payload.len();
        let is_whole = is_made_by_gro(&descriptor(&packet, 100), &frame[..linear], &LIMITS);
        assert!(!is_whole, "{packet:?}");
    }
}

#[test]
fn no_longer_than_the_receiver_wants() {
    for (ip, header) in [(Ip::v4(1), 20), (Ip::v6(1), 40)] {
        let packet = plain(ip, 0x10, 1000);
        let len = header + 32 + 1000;
        let limits = |limit| GroLimits {
            ipv4: limit,
            ipv6: limit,
            datagrams: false,
        };
        assert!(check(&packet, 100, &limits(len + 1)));
        assert!(!check(&packet, 100, &limits(len)));
    }
}

#[test]
fn headers_that_are_not_true_are_cut() {
    let packet = plain(Ip::v4(1), 0x10, 1000);
    let descriptor = descriptor(&packet, 100);
    let frame = packet.unfinished(100);
    assert!(is_made_by_gro(&descriptor, &frame[..66], &LIMITS));
    for (what, at) in [
        ("length", 17),
        ("identification, and so the header's checksum", 19),
        ("fragment", 21),
        ("protocol", 23),
        ("checksum of the header", 25),
        ("address, and not the pseudo header", 29),
        ("seed of the checksum", 51),
    ] {
        let mut frame = frame.clone();
        frame[at] ^= 1;
        let is_whole = is_made_by_gro(&descriptor, &frame[..66], &LIMITS);
        assert!(!is_whole, "{what}");
    }
    for len in 0..66 {
        assert!(!is_made_by_gro(&descriptor, &frame[..len], &LIMITS));
    }
    let with = |change: fn(&mut TxDescriptor)| {
        let mut descriptor = descriptor;
        change(&mut descriptor);
        is_made_by_gro(&descriptor, &frame[..66], &LIMITS)
    };
    let kind = |descriptor: &mut TxDescriptor, kind| {
        if let Some(gso) = &mut descriptor.gso {
            gso.kind = gso.kind.and(kind);
        }
    };
    assert!(!with(|it| it.gso = None));
    assert!(!with(|it| it.len += 1));
    assert!(!with(|it| it.headers.network = 18));
    assert!(!with(|it| it.headers.transport = 38));
    assert!(!with(|it| it.checksum = Default::default()));
    assert!(!with(|it| if let Some(gso) = &mut it.gso {
        gso.segs = 0;
    }));
    for bit in [GsoKind::DODGY, GsoKind::TCP_ECN, GsoKind::TCP_FIXEDID] {
        let mut descriptor = descriptor;
        kind(&mut descriptor, bit);
        assert!(!is_made_by_gro(&descriptor, &frame[..66], &LIMITS));
    }
}

proptest! {
    #[test]
    fn any_packet(packet in random::packet(), (size, payload) in random::cut()) {
        check(&Packet { payload, ..packet }, size, &LIMITS);
    }

    /// Those of which most stay whole.
    #[test]
    fn tcp_packets(
        v6 in any::<bool>(),
        sequence in any::<u32>(),
        flags in any::<u8>(),
        words in 0_u8..11,
        (size, payload) in random::cut(),
        limit in 1_000_u32..70_000,
    ) {
        let packet = Packet {
            link: Link::Ethernet,
            outer: None,
            ip: if v6 { Ip::v6(7) } else { Ip::v4(7) },
            transport: Transport::Tcp { sequence, flags, words, accurate_ecn: false },
            payload,
        };
        check(&packet, size, &GroLimits { ipv4: limit, ipv6: limit, datagrams: false });
    }
}
