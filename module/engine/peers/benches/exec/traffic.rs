// SPDX-License-Identifier: GPL-2.0

//! The packets that the programs run on.

/// Frames, and the order in which they come.
#[derive(Clone)]
pub(crate) struct Traffic {
    pub(crate) frames: Vec<Vec<u8>>,
    /// Of the generator that chooses the next one. What repeated itself after some thousand
    /// packets, branch predictors would learn by heart.
    state: u32,
}

/// The frames of one machine.
pub(crate) struct Frames {
    now: Vec<Vec<u8>>,
    /// Their headers as they came, if the program uses its frames up.
    fresh: Option<Vec<[u8; HEADERS]>>,
}

/// Bytes that a program may change which uses its frames up.
const HEADERS: usize = 64;
const KINDS: usize = 64;

impl Frames {
    /// What `traffic` brings to the program `name`.
    pub(crate) fn new(name: &str, traffic: &Traffic) -> Self {
        let headers = |frame: &Vec<u8>| std::array::from_fn(|at| frame[at]);
        // A packet that the router has again and again would come to its last hop.
        let fresh = (name == "router").then(|| traffic.frames.iter().map(headers).collect());
        Self {
            now: traffic.frames.clone(),
            fresh,
        }
    }

    /// Frame `number`, as it came or as the program left it.
    #[inline]
    pub(crate) fn get(&mut self, number: usize) -> &mut Vec<u8> {
        let frame = &mut self.now[number];
        if let Some(fresh) = &self.fresh {
            frame[..HEADERS].copy_from_slice(&fresh[number]);
        }
        frame
    }

    /// Frame `number`, as the program left it.
    pub(crate) fn left(&self, number: usize) -> &[u8] {
        &self.now[number]
    }
}

/// The same packet again and again: TCP over IPv4, `len` bytes long.
pub(crate) fn one(len: usize) -> Traffic {
    Traffic::of(vec![ipv4(0, 6, len)])
}

/// 64 packets that take different ways through a parser, in random order.
pub(crate) fn mixed(len: usize) -> Traffic {
    Traffic::of((0..KINDS).map(|kind| of_kind(kind, len)).collect())
}

/// The first segment of a connection, with the options that it has.
pub(crate) fn one_with_options() -> Traffic {
    Traffic::of(vec![with_options(1)])
}

/// TCP with all kinds of options, and with none, in random order.
pub(crate) fn mixed_with_options() -> Traffic {
    Traffic::of((0..KINDS).map(with_options).collect())
}

/// IPv6 with three extension headers.
pub(crate) fn one_with_extensions() -> Traffic {
    Traffic::of(vec![with_extensions(&[HOP_BY_HOP, ROUTING, DESTINATION])])
}

/// IPv6 with up to four extension headers of all types, in random order.
pub(crate) fn mixed_with_extensions() -> Traffic {
    let all = [HOP_BY_HOP, ROUTING, DESTINATION, AUTHENTICATION, FRAGMENT];
    let headers = |kind: usize| -> Vec<u8> {
        let count = kind % 5;
        let at = |position| all[(kind / 5 + kind * position) % all.len()];
        (0..count).map(at).collect()
    };
    Traffic::of(
        (0..KINDS)
            .map(|kind| with_extensions(&headers(kind)))
            .collect(),
    )
}

impl Traffic {
    /// `frames` is a power of two of them.
    fn of(frames: Vec<Vec<u8>>) -> Self {
        Self {
            frames,
            state: 0x9e37_79b9,
        }
    }

    /// The number of the next frame. By xorshift: the order is the same in every run of the bench.
    #[inline]
    pub(crate) fn next(&mut self) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize & (self.frames.len() - 1)
    }
}

/// A key of the flow table as the lookup program makes it from packet `flow` of [`ipv4`].
pub(crate) fn flow_key(flow: u8, proto: u8) -> [u8; 16] {
    [
        10, 0, 0, flow, 10, 1, 0, 2, 0x30, flow, 0, 80, proto, 0, 0, 0,
    ]
}

fn of_kind(kind: usize, len: usize) -> Vec<u8> {
    let flow = kind as u8;
    let tcp_or_udp = if kind.is_multiple_of(3) { 17 } else { 6 };
    match kind % 8 {
        0..=2 => ipv4(flow, tcp_or_udp, len),
        3 => tagged(ipv4(flow, tcp_or_udp, len)),
        4 => ipv6(flow, tcp_or_udp, len),
        5 => tagged(ipv6(flow, tcp_or_udp, len)),
        // ICMP.
        6 => ipv4(flow, 1, len),
        // ARP, a later fragment, options in the header.
        _ => {
            let mut frame = ipv4(flow, 6, len);
            match kind / 8 % 3 {
                0 => frame[13] = 6,
                1 => frame[21] = 100,
                _ => {
                    frame[14] = 0x46;
                    frame[38..42].copy_from_slice(&[0x30, flow, 0, 80]);
                }
            }
            frame
        }
    }
}

/// Numbers in all bytes that the headers leave free.
fn blank(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7) as u8).collect()
}

fn ipv4(flow: u8, proto: u8, len: usize) -> Vec<u8> {
    let mut frame = blank(len);
    frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
    frame[20..24].copy_from_slice(&[0, 0, 64, proto]);
    frame[26..38].copy_from_slice(&flow_key(flow, proto)[..12]);
    frame
}

fn ipv6(flow: u8, proto: u8, len: usize) -> Vec<u8> {
    let mut frame = blank(len);
    frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    frame[20] = proto;
    if let Some(ports) = frame.get_mut(54..58) {
        ports.copy_from_slice(&[0x30, flow, 0, 80]);
    }
    frame
}

/// The frame with a VLAN tag, as long as before.
fn tagged(frame: Vec<u8>) -> Vec<u8> {
    let tag = [0x81, 0, 0, 5];
    let len = frame.len();
    let mut tagged = [&frame[..12], &tag, &frame[12..]].concat();
    tagged.truncate(len);
    tagged
}

/// TCP with option set `kind`.
fn with_options(kind: usize) -> Vec<u8> {
    const NOP: u8 = 1;
    let segment_size = |size: u16| [&[2, 4], &size.to_be_bytes()[..]].concat();
    let blocks = |count: usize| [vec![5, 2 + 8 * count as u8], blank(8 * count)].concat();
    let times = [&[8, 10], &blank(8)[..]].concat();
    let scale = [3, 3, 7];
    let first = |size| [&segment_size(size)[..], &[4, 2], &times, &[NOP], &scale].concat();
    let mut options = match kind % 8 {
        0 => Vec::new(),
        1 => first(1460),
        // Too small.
        2 => first(200),
        3 | 4 => [&[NOP, NOP], &times[..]].concat(),
        5 => [
            &[NOP, NOP],
            &times[..],
            &[NOP, NOP],
            &blocks(2 + kind / 8 % 2),
        ]
        .concat(),
        6 => [&segment_size(536)[..], &[NOP; 4]].concat(),
        // One that leads nowhere.
        _ => [&[NOP, NOP], &blocks(1)[..], &[254, (kind / 8 % 2) as u8]].concat(),
    };
    options.resize(options.len().next_multiple_of(4).min(40), 0);
    let mut frame = ipv4(kind as u8, 6, TCP_OPTIONS + 40);
    frame[TCP_OFFSET] = (((20 + options.len()) / 4) << 4) as u8;
    frame[TCP_OPTIONS..TCP_OPTIONS + options.len()].copy_from_slice(&options);
    frame
}

/// Where the length of the header of TCP over IPv4 is, and where its options begin.
const TCP_OFFSET: usize = 14 + 20 + 12;
const TCP_OPTIONS: usize = 14 + 20 + 20;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// UDP over IPv6 behind extension headers of the types `headers`.
fn with_extensions(headers: &[u8]) -> Vec<u8> {
    let mut frame = ipv6(1, 17, 14 + 40);
    let mut next = 20;
    for &header in headers {
        frame[next] = header;
        next = frame.len();
        // Its length: in units of 8 bytes without the first, or, there, of 4 without the first two.
        let (field, len) = match header {
            ROUTING => (2, 24),
            AUTHENTICATION => (4, 24),
            _ => (0, 8),
        };
        frame.extend([17, field]);
        frame.extend(blank(len - 2));
    }
    frame.extend(blank(20));
    frame
}
