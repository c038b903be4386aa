// SPDX-License-Identifier: GPL-2.0

//! Frames of every shape, the same ones for the same seed: valid, strange and
//! broken, from 14 bytes to a jumbo frame.

use etherparse::{
    EtherType, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6FlowLabel, Ipv6Header,
    TcpHeader, UdpHeader, VlanId,
};
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The shortest frame that a socket hands to an interface: an Ethernet header.
pub const SHORTEST: usize = 14;

/// The MTU of the equality tests, the highest that lets veth run native XDP.
pub const JUMBO_MTU: usize = 3500;

/// The EtherTypes that end a batch (see `tests/bpf/frame.h`).
pub const MARK_PASS: u16 = 0x88b5;
/// See [`MARK_PASS`]; this one comes back.
pub const MARK_TX: u16 = 0x88b6;
/// See [`MARK_PASS`]; this one leaves by another interface.
pub const MARK_AWAY: u16 = 0x88b7;

const VLAN: u16 = 0x8100;
const QINQ: u16 = 0x88a8;

/// A source of frames.
#[derive(Debug)]
pub struct Frames {
    rng: ChaCha8Rng,
    longest: usize,
}

/// The mark that ends batch number `batch`.
pub fn mark(ethertype: u16, batch: u32) -> Vec<u8> {
    let mut frame = vec![0x02; 12];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(batch.to_be_bytes());
    frame.resize(60, 0);
    frame
}

/// A frame of `len` bytes for `address`, of that EtherType behind `tags`: the protocol and the TCI of each, the
/// outermost first.
pub fn tagged(address: [u8; 6], tags: &[[u16; 2]], ethertype: u16, len: usize) -> Vec<u8> {
    let mut frame = [&address[..], &[0x02, 0, 0, 0, 0, 2]].concat();
    for tag in tags {
        frame.extend(tag.iter().flat_map(|number| number.to_be_bytes()));
    }
    frame.extend(ethertype.to_be_bytes());
    frame.resize(len, 0x5a);
    frame
}

/// A long frame of a mark's EtherType that means nothing. `tcpdump` hands frames over
/// when it has 4,096 bytes of them; a few of these after a mark push it out.
pub fn filler(ethertype: u16) -> Vec<u8> {
    let mut frame = vec![0x06; 12];
    frame.extend(ethertype.to_be_bytes());
    frame.resize(1500, 0);
    frame
}

/// Whether `frame` is a [`filler`] of any mark.
pub fn is_filler(frame: &[u8]) -> bool {
    [MARK_PASS, MARK_TX, MARK_AWAY].iter().any(|ethertype| {
        frame.len() == 1500
            && frame.starts_with(&[0x06; 12])
            && frame[12..14] == ethertype.to_be_bytes()
    })
}

/// The number in a mark of that EtherType, or `None` for another frame.
pub fn mark_number(ethertype: u16, frame: &[u8]) -> Option<u32> {
    let number = frame.strip_prefix(&[0x02; 12][..])?;
    let number = number.strip_prefix(&ethertype.to_be_bytes()[..])?;
    number.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

impl Frames {
    /// Frames of at most `mtu` bytes after the Ethernet header.
    pub fn new(seed: u64, mtu: usize) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            longest: mtu + 14,
        }
    }

    /// The next frame. Never one of the marks.
    pub fn next_frame(&mut self) -> Vec<u8> {
        let mut frame = match self.rng.random_range(0..20) {
            0 => self.random_bytes(),
            1 => self.runt(),
            2 => self.other_ethertype(),
            _ => self.ip_frame(),
        };
        match self.rng.random_range(0..20) {
            0 => {
                let keep = self.rng.random_range(SHORTEST..=frame.len());
                frame.truncate(keep);
            }
            // One broken byte in the headers.
            1 => {
                let at = self.rng.random_range(12..frame.len().min(90));
                frame[at] = self.rng.random();
            }
            _ => {}
        }
        frame.truncate(self.longest);
        // A group address would make the receiving stack count it apart.
        frame[0] &= 0xfe;
        frame[6] &= 0xfe;
        let ethertype = u16::from_be_bytes([frame[12], frame[13]]);
        if [MARK_PASS, MARK_TX, MARK_AWAY].contains(&ethertype) {
            frame[13] = 0xb8;
        }
        frame
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn random_bytes(&mut self) -> Vec<u8> {
        let len = self.rng.random_range(SHORTEST..=self.longest);
        self.bytes(len)
    }

    fn runt(&mut self) -> Vec<u8> {
        let mut frame = self.ip_frame();
        frame.truncate(self.rng.random_range(SHORTEST..60));
        frame
    }

    /// Two addresses, few of them, with the varied last bytes that programs look at.
    fn ethernet(&mut self) -> Vec<u8> {
        let mut macs = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
        for at in [3, 4, 5, 9, 10, 11] {
            macs[at] = self.rng.random();
        }
        macs
    }

    fn other_ethertype(&mut self) -> Vec<u8> {
        let mut frame = self.ethernet();
        let ethertypes = [
            0x0806_u16, 0x88cc, 0x8847, 0x8863, 0x0026, 0x9000, VLAN, QINQ,
        ];
        let ethertype = *ethertypes.choose(&mut self.rng).unwrap_or(&0x0806);
        frame.extend(ethertype.to_be_bytes());
        let len = self.rng.random_range(0..300);
        frame.extend(self.bytes(len));
        frame
    }

    fn tags(&mut self, frame: &mut Vec<u8>) {
        let tags: &[u16] = match self.rng.random_range(0..10) {
            0 | 1 => &[VLAN],
            2 => &[QINQ, VLAN],
            3 if self.rng.random_bool(0.3) => &[QINQ, VLAN, VLAN],
            _ => &[],
        };
        for tag in tags {
            frame.extend(tag.to_be_bytes());
            let vid = self.rng.random_range(0..=VlanId::MAX_U16.min(600));
            let tci = vid | self.rng.random_range(0_u16..8) << 13;
            frame.extend(tci.to_be_bytes());
        }
    }

    fn payload_len(&mut self) -> usize {
        match self.rng.random_range(0..10) {
            0 => 0,
            1..=5 => self.rng.random_range(0..200),
            6..=8 => self.rng.random_range(0..1460),
            _ => self.rng.random_range(0..self.longest),
        }
    }

    fn ip_frame(&mut self) -> Vec<u8> {
        let mut frame = self.ethernet();
        self.tags(&mut frame);
        let len = self.payload_len();
        if self.rng.random_bool(0.5) {
            frame.extend(EtherType::IPV4.0.to_be_bytes());
            self.ipv4(&mut frame, len);
        } else {
            frame.extend(EtherType::IPV6.0.to_be_bytes());
            self.ipv6(&mut frame, len);
        }
        frame
    }

    fn protocol(&mut self) -> IpNumber {
        let known = [
            IpNumber::TCP,
            IpNumber::TCP,
            IpNumber::UDP,
            IpNumber::UDP,
            IpNumber::ICMP,
            IpNumber::IPV6_ICMP,
            IpNumber::GRE,
            IpNumber::SCTP,
            IpNumber::IPV4,
        ];
        *known.choose(&mut self.rng).unwrap_or(&IpNumber::TCP)
    }

    /// A transport header and its payload, `len` bytes of it.
    fn transport(&mut self, protocol: IpNumber, len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let sport = self.rng.random_range(1000..1016);
        let dport = *[53, 80, 443, 5201, 8080]
            .choose(&mut self.rng)
            .unwrap_or(&80);
        match protocol {
            IpNumber::TCP => {
                let mut tcp = TcpHeader::new(sport, dport, self.rng.random(), 4096);
                tcp.syn = self.rng.random_bool(0.2);
                tcp.ack = !tcp.syn;
                tcp.fin = self.rng.random_bool(0.1);
                tcp.rst = self.rng.random_bool(0.02);
                tcp.checksum = self.rng.random();
                if self.rng.random_bool(0.5) {
                    let words = self.rng.random_range(1..=10);
                    let options = vec![1; words * 4];
                    // Forty bytes of no-operation is what fits at most.
                    let _ = tcp.set_options_raw(&options);
                }
                out.extend(&tcp.to_bytes()[..]);
            }
            IpNumber::UDP => {
                let length = u16::try_from(len + 8).unwrap_or(u16::MAX);
                let checksum = if self.rng.random_bool(0.3) {
                    0
                } else {
                    self.rng.random()
                };
                let udp = UdpHeader {
                    source_port: sport,
                    destination_port: dport,
                    length,
                    checksum,
                };
                out.extend(udp.to_bytes());
            }
            _ => out.extend(self.bytes(8)),
        }
        out.extend(self.bytes(len));
        out
    }

    fn ipv4(&mut self, frame: &mut Vec<u8>, len: usize) {
        let protocol = self.protocol();
        let payload = self.transport(protocol, len);
        let mut ip = Ipv4Header {
            identification: self.rng.random(),
            time_to_live: self.rng.random_range(0..66),
            protocol,
            source: [10, 0, 0, self.rng.random_range(1..9)],
            destination: [10, 0, 1, self.rng.random_range(1..5)],
            dont_fragment: self.rng.random(),
            ..Ipv4Header::default()
        };
        ip.total_len = u16::try_from(20 + payload.len()).unwrap_or(u16::MAX);
        if self.rng.random_bool(0.15) {
            let options = vec![1; 4 * self.rng.random_range(1..=10)];
            ip.options = Ipv4Options::try_from(&options[..]).unwrap_or_default();
        }
        if self.rng.random_bool(0.15) {
            ip.dont_fragment = false;
            ip.more_fragments = self.rng.random();
            let offset = self.rng.random_range(0..400);
            ip.fragment_offset = IpFragOffset::try_new(offset).unwrap_or_default();
        }
        ip.header_checksum = ip.calc_header_checksum();
        let start = frame.len();
        frame.extend(&ip.to_bytes()[..]);
        // Now and then a header length that contradicts the rest.
        if self.rng.random_bool(0.03) {
            frame[start] = self.rng.random();
        }
        frame.extend(payload);
    }

    fn ipv6(&mut self, frame: &mut Vec<u8>, len: usize) {
        let protocol = self.protocol();
        let (first, extensions) = self.extension_headers(protocol);
        let payload = self.transport(protocol, len);
        let mut source = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let mut destination = source;
        source[15] = self.rng.random_range(1..9);
        destination[7] = 1;
        destination[15] = self.rng.random_range(1..5);
        let ip = Ipv6Header {
            traffic_class: self.rng.random(),
            flow_label: Ipv6FlowLabel::try_new(self.rng.random_range(0..16)).unwrap_or_default(),
            payload_length: u16::try_from(extensions.len() + payload.len()).unwrap_or(u16::MAX),
            next_header: first,
            hop_limit: self.rng.random_range(0..66),
            source,
            destination,
        };
        frame.extend(ip.to_bytes());
        frame.extend(extensions);
        frame.extend(payload);
    }

    /// A chain of extension headers (often none, sometimes more than programs
    /// follow) that ends in `last`, and the number of its first.
    fn extension_headers(&mut self, last: IpNumber) -> (IpNumber, Vec<u8>) {
        let kinds = [
            IpNumber::IPV6_HEADER_HOP_BY_HOP,
            IpNumber::IPV6_ROUTE_HEADER,
            IpNumber::IPV6_FRAGMENTATION_HEADER,
            IpNumber::IPV6_DESTINATION_OPTIONS,
        ];
        let count = match self.rng.random_range(0..4) {
            0 | 1 => 0,
            2 => 1,
            _ => self.rng.random_range(2..14),
        };
        let mut chain: Vec<IpNumber> = Vec::with_capacity(count + 1);
        for _ in 0..count {
            chain.push(*kinds.choose(&mut self.rng).unwrap_or(&last));
        }
        chain.push(last);
        let mut out = Vec::new();
        for pair in chain.windows(2) {
            let fragment = pair[0] == IpNumber::IPV6_FRAGMENTATION_HEADER;
            let units: u8 = if fragment || self.rng.random_bool(0.7) {
                0
            } else {
                self.rng.random_range(1..6)
            };
            let mut header = self.bytes(8 * (usize::from(units) + 1));
            header[0] = pair[1].0;
            header[1] = if fragment { 0 } else { units };
            if fragment && self.rng.random() {
                header[2] = 0;
                header[3] &= 1;
            }
            out.extend(header);
        }
        (chain[0], out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many() -> Vec<Vec<u8>> {
        let mut source = Frames::new(1, JUMBO_MTU);
        (0..10_000).map(|_| source.next_frame()).collect()
    }

    #[test]
    fn same_seed_same_frames() {
        assert_eq!(many(), many());
        let mut other = Frames::new(2, JUMBO_MTU);
        assert_ne!(many()[0], other.next_frame());
    }

    /// Whether a frame has a certain shape.
    type Shape<'a> = &'a dyn Fn(&[u8]) -> bool;

    #[test]
    fn every_shape_occurs_often() {
        let frames = many();
        let at = |frame: &[u8], offset: usize, bytes: &[u8]| {
            frame
                .get(offset..)
                .is_some_and(|rest| rest.starts_with(bytes))
        };
        let count =
            |shape: &dyn Fn(&[u8]) -> bool| frames.iter().filter(|frame| shape(frame)).count();
        let ipv4 = |frame: &[u8]| at(frame, 12, &[0x08, 0x00]);
        let ipv6 = |frame: &[u8]| at(frame, 12, &[0x86, 0xdd]);
        let byte = |frame: &[u8], offset: usize| frame.get(offset).copied().unwrap_or(0);
        let shapes: [(&str, Shape<'_>); 8] = [
            ("VLAN", &|frame| at(frame, 12, &[0x81, 0x00])),
            ("QinQ", &|frame| {
                at(frame, 12, &[0x88, 0xa8]) && at(frame, 16, &[0x81, 0x00])
            }),
            ("runt", &|frame| frame.len() < 60),
            ("jumbo", &|frame| frame.len() > 1514),
            ("IPv4 options", &|frame| {
                ipv4(frame) && byte(frame, 14) & 15 > 5
            }),
            ("IPv4 fragment", &|frame| {
                ipv4(frame) && byte(frame, 20) & 0x3f != 0
            }),
            ("extension header", &|frame| {
                ipv6(frame) && [0, 43, 44, 60].contains(&byte(frame, 20))
            }),
            ("IPv6 fragment", &|frame| {
                ipv6(frame) && byte(frame, 20) == 44
            }),
        ];
        for (name, shape) in shapes {
            let found = count(shape);
            assert!(found >= 100, "only {found} of shape {name}");
        }
    }

    #[test]
    fn no_frame_is_a_mark_or_too_long() {
        for frame in many() {
            assert!((SHORTEST..=JUMBO_MTU + 14).contains(&frame.len()));
            for ethertype in [MARK_PASS, MARK_TX] {
                assert_eq!(mark_number(ethertype, &frame), None);
                assert_ne!(frame[12..14], ethertype.to_be_bytes());
            }
        }
        assert_eq!(mark_number(MARK_TX, &mark(MARK_TX, 7)), Some(7));
        assert!(is_filler(&filler(MARK_PASS)) && !is_filler(&mark(MARK_PASS, 7)));
    }
}
