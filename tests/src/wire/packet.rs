// SPDX-License-Identifier: GPL-2.0

//! The bytes of one combination of the matrix.

use etherparse::checksum::Sum16BitWords;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::matrix::{Combination, Fields, Layer2, Network, Storage, Transport, Work};
use super::vnet::{Gso, Unfinished};

const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ICMPV6: u8 = 58;
const DESTINATION: u8 = 60;
/// A protocol number for experiments, RFC 3692.
const EXPERIMENT: u8 = 253;

const SOURCE4: [u8; 4] = [192, 0, 2, 1];
const TARGET4: [u8; 4] = [198, 51, 100, 2];
const SOURCE6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const TARGET6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2];
const SEGMENT6: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 7, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3];

/// An option that is six bytes of padding, and the header around it up to the next header's number.
const PADDING: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];
const TIMESTAMP: [u8; 12] = [1, 1, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7];

const FIN: u8 = 1;
const PSH: u8 = 8;
const ACK: u8 = 0x10;
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

/// A frame (or packet, where the tunnel takes those) and what is left to be done to it.
#[derive(Debug)]
pub struct Packet {
    /// What is to be sent.
    pub bytes: Vec<u8>,
    /// What is to be done.
    pub unfinished: Unfinished,
}

fn narrow(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// A header of the transport layer with a checksum of 0, and where that is.
fn transport_header(
    c: &Combination,
    rng: &mut ChaCha8Rng,
    payload: usize,
) -> (u8, Vec<u8>, usize, bool) {
    let v6 = c.network.is_v6();
    let mut congestion = false;
    let (protocol, header, checksum) = match c.transport {
        Transport::Tcp | Transport::TcpTimestamp => {
            let options: &[u8] = match c.transport {
                Transport::TcpTimestamp => &TIMESTAMP,
                _ => &[],
            };
            let flags = [ACK, ACK | PSH, ACK | PSH | FIN, ACK | CWR, ACK | ECE | PSH];
            let flags = flags[rng.random_range(0..flags.len())];
            congestion = flags & CWR != 0;
            let mut header = vec![0x10, 1, 0x20, 2];
            // Near its end, so that it wraps within a super-frame.
            header.extend((u32::MAX - rng.random_range(0..20_000)).to_be_bytes());
            header.extend(rng.random::<[u8; 4]>());
            header.extend([((20 + options.len()) as u8 / 4) << 4, flags]);
            header.extend([0x12, 0x34, 0, 0, 0, 0]);
            header.extend(options);
            (TCP, header, 16)
        }
        Transport::Udp => {
            let mut header = vec![0x10, 3, 0x20, 4];
            header.extend(narrow(8 + payload).to_be_bytes());
            header.extend([0, 0]);
            (UDP, header, 6)
        }
        Transport::Echo => {
            let (protocol, kind) = if v6 { (ICMPV6, 128) } else { (ICMP, 8) };
            (protocol, vec![kind, 0, 0, 0, 0, 7, 0, 8], 2)
        }
        Transport::Experiment => (
            EXPERIMENT,
            vec![0x5a; 10].into_iter().chain([0, 0]).collect(),
            10,
        ),
    };
    (protocol, header, checksum, congestion)
}

/// The sum of the pseudo header, with the address where the packet ends up at last.
fn pseudo_header(network: Network, protocol: u8, len: usize) -> Sum16BitWords {
    let mut sum = Sum16BitWords::new();
    let sum = if network.is_v6() {
        sum.add_16bytes(SOURCE6).add_16bytes(TARGET6)
    } else {
        sum.add_4bytes(SOURCE4).add_4bytes(TARGET4)
    };
    // Of lengths that matter, none needs more than 16 bits.
    sum.add_2bytes([0, protocol])
        .add_2bytes(narrow(len).to_be_bytes())
}

fn link_layer(layer2: Layer2, v6: bool) -> Vec<u8> {
    let mut header = vec![2, 0, 0, 0, 0, 0x77, 2, 0, 0, 0, 0, 0x11];
    match layer2 {
        Layer2::Plain | Layer2::Mpls => {}
        Layer2::Vlan => header.extend([0x81, 0, 0x20, 9]),
        Layer2::QinQ => header.extend([0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]),
    }
    header.extend(match (layer2, v6) {
        (Layer2::Mpls, _) => [0x88, 0x47],
        (_, true) => [0x86, 0xdd],
        (_, false) => [0x08, 0x00],
    });
    if layer2 == Layer2::Mpls {
        // Two labels, the second one at the bottom of the stack.
        header.extend([0, 0x01, 0x00, 64, 0, 0x02, 0x01, 64]);
    }
    header
}

fn ipv4_header(network: Network, rng: &mut ChaCha8Rng, protocol: u8, len: usize) -> Vec<u8> {
    let options: &[u8] = match network {
        Network::V4Options => &[1, 1, 1, 1, 0x94, 4, 0, 0],
        _ => &[],
    };
    let fragment: u16 = match network {
        Network::V4Fragment => 0x2000,
        _ if rng.random() => 0x4000,
        _ => 0,
    };
    let mut header = vec![
        0x40 | ((20 + options.len()) / 4) as u8,
        rng.random::<u8>() & 0xfe,
    ];
    header.extend(narrow(20 + options.len() + len).to_be_bytes());
    header.extend((u16::MAX - rng.random_range(0..40)).to_be_bytes());
    header.extend(fragment.to_be_bytes());
    header.extend([63, protocol, 0, 0]);
    header.extend(SOURCE4);
    header.extend(TARGET4);
    header.extend(options);
    let sum = Sum16BitWords::new().add_slice(&header).ones_complement();
    header[10..12].copy_from_slice(&sum.to_ne_bytes());
    header
}

fn ipv6_header(network: Network, protocol: u8, len: usize) -> Vec<u8> {
    let option = |next: u8| [&[next][..], &PADDING].concat();
    let segments = |left: u8| {
        let fixed = [protocol, 4, 4, left, 1, 0, 0, 0];
        [&fixed[..], &TARGET6, &SEGMENT6].concat()
    };
    let fragment = |more: u8| vec![protocol, 0, 0, more, 1, 2, 3, 4];
    let (first, extensions, target) = match network {
        Network::V6HopByHop => (HOP_BY_HOP, option(protocol), TARGET6),
        Network::V6Destination => (DESTINATION, option(protocol), TARGET6),
        Network::V6Three => {
            let all = [option(DESTINATION), option(ROUTING), segments(0)].concat();
            (HOP_BY_HOP, all, TARGET6)
        }
        Network::V6SegmentsLeft => (ROUTING, segments(1), SEGMENT6),
        Network::V6SegmentsDone => (ROUTING, segments(0), TARGET6),
        Network::V6Fragment => (FRAGMENT, fragment(1), TARGET6),
        Network::V6Atomic => (FRAGMENT, fragment(0), TARGET6),
        _ => (protocol, Vec::new(), TARGET6),
    };
    let mut header = vec![0x60, 0x10, 0x12, 0x34];
    header.extend(narrow(extensions.len() + len).to_be_bytes());
    header.extend([first, 62]);
    header.extend(SOURCE6);
    header.extend(target);
    header.extend(extensions);
    header
}

impl Packet {
    /// The bytes of `c`, the same ones each time for the same `seed`.
    pub fn new(c: &Combination, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut payload = vec![0; c.payload];
        rng.fill_bytes(&mut payload);
        let (protocol, mut transport, checksum, congestion) =
            transport_header(c, &mut rng, payload.len());
        let len = transport.len() + payload.len();
        let told = len.saturating_add_signed(c.fields.length_error());
        let network = if c.network.is_v6() {
            ipv6_header(c.network, protocol, told)
        } else {
            ipv4_header(c.network, &mut rng, protocol, told)
        };
        let mut bytes = if c.has_link_layer() {
            link_layer(c.layer2, c.network.is_v6())
        } else {
            Vec::new()
        };
        bytes.extend(network);

        let has_pseudo_header = protocol != ICMP && protocol != EXPERIMENT;
        let pseudo = if has_pseudo_header {
            pseudo_header(c.network, protocol, len)
        } else {
            Sum16BitWords::new()
        };
        let total = pseudo.clone().add_slice(&transport).add_slice(&payload);
        let start = bytes.len();
        if c.zero && payload.len() >= 2 {
            // What is added to the last two bytes makes the sum all ones: the checksum is 0.
            let odd = payload.len() % 2;
            let at = payload.len() - 2 - odd;
            let now = u16::from_ne_bytes([payload[at], payload[at + 1]]);
            let wanted = Sum16BitWords::new()
                .add_2bytes(total.ones_complement().to_ne_bytes())
                .add_2bytes(now.to_ne_bytes());
            let wanted = !wanted.ones_complement();
            payload[at..at + 2].copy_from_slice(&wanted.to_ne_bytes());
        }
        let field = if c.work == Work::Nothing {
            let sum = pseudo.clone().add_slice(&transport).add_slice(&payload);
            match sum.ones_complement() {
                0 if protocol == UDP => u16::MAX,
                checksum => checksum,
            }
        } else {
            match c.fields {
                Fields::NoSeed => 0,
                Fields::OtherSeed => 0x1234,
                _ => !pseudo.ones_complement(),
            }
        };
        transport[checksum..checksum + 2].copy_from_slice(&field.to_ne_bytes());
        let headers = start + transport.len();
        bytes.extend(transport);
        bytes.extend(payload);

        let open = c.work != Work::Nothing;
        let segments = match (c.work, c.transport, c.network.is_v6()) {
            (Work::Segments(size), Transport::Udp, _) => Some((Gso::UdpL4, size)),
            (Work::Segments(size), _, false) => Some((Gso::TcpV4, size)),
            (Work::Segments(size), _, true) => Some((Gso::TcpV6, size)),
            _ => None,
        };
        let linear = match c.storage {
            Storage::Linear => 0,
            Storage::HeadersLinear => narrow(headers),
            Storage::LittleLinear => 16,
            Storage::OddLinear => narrow(headers + 7),
        };
        let unfinished = Unfinished {
            checksum: open.then_some((narrow(start), narrow(checksum))),
            segments,
            congestion: congestion && segments.is_some(),
            linear,
        };
        Self { bytes, unfinished }
    }
}
