// SPDX-License-Identifier: GPL-2.0

//! Programs that write the headers of segments: what they are shown, and what their word counts.
//!
//! A GSO program is an eBPF program of type XDP. It is shown a [`Shown`], facts of a segment and the headers of
//! its super-frame as the stack has made them, and makes of these the headers of the segment. The device makes
//! them, too, and its own are those that go on the wire. The program is heard where the rules leave something
//! open: an identification of IPv4 in a packet that is not to be fragmented, and is no fragment, may be any
//! number (RFC 6864). So a program can cost speed, and no byte.

use super::headers::{Headers, Network, Transport, Tunnel};
use super::segments::Segments;
use super::{TxPlan, WireFrame, Work};
use crate::checksum::sum;
use crate::fields::{get, get16, put, put_all, Numbers};
use crate::numbered::numbered;
use crate::protocol::{
    IpHeader, IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPV4_DONT_FRAGMENT,
    IPV4_FRAGMENT,
};

/// Version of what a program is shown, which it can find at the beginning of that.
const VERSION: u32 = 1;
/// Bytes of the facts in front of the headers.
const FACTS: usize = 64;
/// Bytes that there are for the headers.
pub const SHOWN_HEADERS: usize = 256;

/// The segment is the first one.
const FIRST: u32 = 1;
/// It is the last one.
const LAST: u32 = 2;
/// The identification of the first IPv4 header is the same in all segments.
const FIXED_OUTER: u32 = 4;
/// That of the second one is.
const FIXED_INNER: u32 = 8;
/// Every segment keeps CWR.
const KEEP_CWR: u32 = 16;

/// What a program is shown of a segment: facts, and the headers of the super-frame, with zeroes behind them.
///
/// `struct offload_gso` of `offload_gso.h` is the same in C. Facts are numbers as the processor has them,
/// headers are as on the wire.
struct Shown {
    bytes: [u8; Self::LEN],
}

/// What became of what a program has said of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// The headers are as it has them.
    Yes,
    /// It has written something else than may be: the segment is as it was.
    Overruled,
    /// It has said nothing: there is no room for the headers, it was stopped, or it does not say that it is
    /// done. The segment is as it was.
    Nothing,
}

/// How often programs were heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GsoCounts {
    /// Segments of which the headers are as a program has them.
    pub heard: u32,
    /// Those for which one has written something else than may be.
    pub overruled: u32,
    /// Those for which one has said nothing.
    pub unsaid: u32,
}

impl GsoCounts {
    /// Counts a segment.
    pub fn add(&mut self, heard: Heard) {
        let count = match heard {
            Heard::Yes => &mut self.heard,
            Heard::Overruled => &mut self.overruled,
            Heard::Nothing => &mut self.unsaid,
        };
        *count = count.wrapping_add(1);
    }
}

impl Shown {
    /// Its length in bytes.
    const LEN: usize = FACTS + SHOWN_HEADERS;

    /// Segment `frame` of `segments`, whose super-frame begins with `headers`. `None` if these are too long.
    fn new(segments: &Segments, frame: &WireFrame, headers: &[u8]) -> Option<Self> {
        let mut shown = Self {
            bytes: [0; Self::LEN],
        };
        let headers = headers.get(..segments.header_len())?;
        put_all(&mut shown.bytes, FACTS, headers)?;
        shown.put_facts(segments, frame);
        Some(shown)
    }

    fn put_facts(&mut self, segments: &Segments, frame: &WireFrame) {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let headers = &segments.headers;
        let (first, inner) = headers.networks();
        let (protocol, keep_cwr) = match headers.transport {
            Transport::Tcp { keep_cwr } => (IPPROTO_TCP, keep_cwr),
            Transport::Udp => (IPPROTO_UDP, false),
            Transport::Sctp => (IPPROTO_SCTP, false),
        };
        let (tunnel, tunnel_protocol) = match headers.outer {
            Some((network, Tunnel::Udp { .. })) => (network.ip.end, IPPROTO_UDP),
            Some((network, Tunnel::Gre { .. })) => (network.ip.end, IPPROTO_GRE),
            Some((_, Tunnel::Ip)) | None => (0, 0),
        };
        let flags = flag(frame.index == 0, FIRST)
            | flag(frame.index.wrapping_add(1) == segments.count(), LAST)
            | flag(first.fixed_id, FIXED_OUTER)
            | flag(inner.is_some_and(|inner| inner.fixed_id), FIXED_INNER)
            | flag(keep_cwr, KEEP_CWR);
        let header_len = segments.header_len();
        let whole = segments.len.wrapping_sub(header_len as u32);
        let mut facts = Numbers::at(&mut self.bytes, 0);
        for number in [
            VERSION,
            frame.index,
            segments.count(),
            // CAST: The length of a frame has 32 bits.
            frame.payload.start.wrapping_sub(header_len) as u32,
            frame.payload.len() as u32,
            whole,
            segments.size(),
            flags,
        ] {
            facts.put(number.to_ne_bytes());
        }
        for offset in [
            first.ip.at,
            inner.map_or(0, |inner| inner.ip.at),
            headers.network.ip.end,
            header_len,
            tunnel,
        ] {
            // CAST: There is no room for headers that are longer.
            facts.put((offset as u16).to_ne_bytes());
        }
        let version = |network: Network| if network.ip.v6 { 6 } else { 4 };
        let inner = inner.map_or(0, version);
        facts.put([version(first), inner, protocol, tunnel_protocol]);
    }
}

impl Headers {
    /// The first IP header, and the second one, if there are two.
    fn networks(&self) -> (Network, Option<Network>) {
        match self.outer {
            Some((outer, _)) => (outer, Some(self.network)),
            None => (self.network, None),
        }
    }

    /// The IPv4 headers.
    fn ipv4(&self) -> impl Iterator<Item = IpHeader> {
        let (first, second) = self.networks();
        let both = core::iter::once(first).chain(second);
        both.map(|network| network.ip).filter(|ip| !ip.v6)
    }

    /// Whether the byte at offset `at` is one of a checksum, which is no program's business.
    fn is_checksum(&self, at: usize) -> bool {
        let is_in = |start: usize, field: usize, len: usize| {
            let field = start.wrapping_add(field);
            at.wrapping_sub(field) < len
        };
        let (field, len) = match self.transport {
            Transport::Tcp { .. } => (16, 2),
            Transport::Udp => (6, 2),
            Transport::Sctp => (8, 4),
        };
        let in_tunnel = self.outer.is_some_and(|(network, tunnel)| match tunnel {
            Tunnel::Udp { .. } => is_in(network.ip.end, 6, 2),
            // With what is reserved behind it.
            Tunnel::Gre { checksum } => checksum && is_in(network.ip.end, 4, 4),
            Tunnel::Ip => false,
        });
        in_tunnel
            || is_in(self.network.ip.end, field, len)
            || self.ipv4().any(|ip| is_in(ip.at, 10, 2))
    }

    /// Whether the byte at offset `at` of a segment that begins with `wire` is one of an identification that
    /// says nothing.
    fn is_open(&self, at: usize, wire: &[u8]) -> bool {
        let is_id = |ip: &IpHeader| at.wrapping_sub(ip.at.wrapping_add(4)) < 2;
        self.ipv4()
            .find(is_id)
            .is_some_and(|ip| is_atomic(&ip, wire))
    }

    /// Has the segment that begins with `wire` have the headers that a program has `said`, if they are such as
    /// may be.
    fn settle(&self, said: &[u8], wire: &mut [u8]) -> Option<Heard> {
        let fixed = wire.get(..self.len)?;
        let said = said.get(..self.len)?;
        let mut is_changed = false;
        for (at, (one, other)) in numbered(said.iter().zip(fixed)) {
            if one == other || self.is_checksum(at) {
                continue;
            }
            if !self.is_open(at, fixed) {
                return Some(Heard::Overruled);
            }
            is_changed = true;
        }
        if is_changed {
            for ip in self.ipv4() {
                put::<2>(
                    wire,
                    ip.at.wrapping_add(4),
                    get(said, ip.at.wrapping_add(4))?,
                )?;
                let header = wire.get_mut(ip.at..ip.end)?;
                // Sums of what has the header in it stay as they are: its own is that of all ones before and
                // behind.
                put(header, 10, [0; 2])?;
                let checksum = sum(header).complement();
                put(header, 10, checksum)?;
            }
        }
        Some(Heard::Yes)
    }
}

/// Whether the packet with the header `ip` in `wire` neither is nor may become a fragment.
fn is_atomic(ip: &IpHeader, wire: &[u8]) -> bool {
    get16(wire, ip.at.wrapping_add(6))
        .is_some_and(|word| word & (IPV4_DONT_FRAGMENT | IPV4_FRAGMENT) == IPV4_DONT_FRAGMENT)
}

impl TxPlan {
    /// The segment number `index` with `len` bytes, of whose payload `before` went before: as it is where
    /// something else has cut the frame.
    pub fn segment_at(&self, index: u32, before: usize, len: usize) -> Option<WireFrame> {
        let header = self.header_len()?;
        let start = header.checked_add(before)?;
        let end = start.checked_add(len.checked_sub(header)?)?;
        Some(WireFrame {
            index,
            header,
            payload: start..end,
        })
    }

    /// Has a program say what the headers of segment `frame` are, of a super-frame that begins with `headers`.
    /// `wire` are the bytes of the segment, or the first of them, as they are without: checksums may be open
    /// there, but not those of IPv4. `run` runs the program on what it is shown, and gives whether it has said
    /// that it is done.
    #[inline(never)]
    pub fn consult(
        &self,
        frame: &WireFrame,
        headers: &[u8],
        wire: &mut [u8],
        run: &mut dyn FnMut(&mut [u8]) -> bool,
    ) -> Heard {
        let Work::Cut(segments) = &self.work else {
            return Heard::Nothing;
        };
        let Some(mut shown) = Shown::new(segments, frame, headers) else {
            return Heard::Nothing;
        };
        if !run(&mut shown.bytes) {
            return Heard::Nothing;
        }
        let said = shown.bytes.get(FACTS..).unwrap_or_default();
        let settled = segments.headers.settle(said, wire);
        settled.unwrap_or(Heard::Nothing)
    }
}
