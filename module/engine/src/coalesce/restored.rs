// SPDX-License-Identifier: GPL-2.0

//! What comes back of frames that were put together, and what does not: GRO does not look at all of them.

use super::headers::{Headers, Ip, Transport};
use super::segment::URG;
use crate::fields::{get, same_bytes};
use crate::protocol::{IPV4_HEADER, TCP_DATA_OFFSET};

/// Where the checksum lies in a TCP header; behind it is the urgent pointer.
const TCP_CHECK: usize = 16;
const URGENT: usize = 18;
/// Where the checksum lies in a GRE header.
const GRE_CHECK: usize = 4;
/// Where the identification and the checksum lie in an IPv4 header.
const ID: usize = 4;
const IPV4_CHECK: usize = 10;

/// Whether `cut`, which a super-frame was cut into, differs from `wire`, which was put into it, in nothing but
/// what GRO does not look at: an urgent pointer that no flag speaks of, with the checksum that sums it; a
/// checksum of all ones, which is zero; and the identification of an IPv4 header with IPv6 inside, with its
/// checksum, unless GRE is between. Both are from the Ethernet header on. Frames that do not differ are not what is asked about.
pub fn is_same_to_gro(wire: &[u8], cut: &[u8]) -> bool {
    let is_same = || {
        let headers = Headers::find(wire)?;
        let mut pair = Pair::new(wire, cut);
        let loses_id = headers.loses_id();
        pair.see_ip(headers.outer, loses_id)?;
        if let Some(gre) = headers.gre.filter(|gre| gre.has_checksum) {
            pair.see_checksum(gre.at.wrapping_add(GRE_CHECK), false)?;
        }
        if let Some(inner) = headers.inner {
            pair.see_ip(inner, false)?;
        }
        if headers.kind == Transport::Tcp {
            pair.see_tcp(headers.transport)?;
        }
        Some(pair.is_same_behind())
    };
    is_same().unwrap_or(false)
}

/// Two frames, and how far they were seen to be the same.
struct Pair<'a> {
    wire: &'a [u8],
    cut: &'a [u8],
    at: usize,
}

impl<'a> Pair<'a> {
    fn new(wire: &'a [u8], cut: &'a [u8]) -> Self {
        Self { wire, cut, at: 0 }
    }

    /// The next bytes are the same up to `end`, or they may be lost.
    fn see(&mut self, end: usize, is_lost: bool) -> Option<()> {
        let range = self.at..end;
        self.at = end;
        let is_same = same_bytes(range, self.wire, self.cut)?;
        (is_lost || is_same).then_some(())
    }

    /// The next two bytes at `at`, in both.
    fn two(&self, at: usize) -> Option<[[u8; 2]; 2]> {
        Some([get(self.wire, at)?, get(self.cut, at)?])
    }

    /// As [`see`](Self::see), up to a checksum at `at`, and that. It may be 0 or -0, and is another one if
    /// anything that it sums is.
    fn see_checksum(&mut self, at: usize, is_summed: bool) -> Option<()> {
        self.see(at, false)?;
        let zeros = [[0, 0], [0xff, 0xff]];
        let is_zero = self.two(at)?.iter().all(|field| zeros.contains(field));
        self.see(at.wrapping_add(2), is_summed || is_zero)
    }

    fn see_ip(&mut self, ip: Ip, loses_id: bool) -> Option<()> {
        if ip.v6 {
            return Some(());
        }
        let id = ip.at.wrapping_add(ID);
        self.see(id, false)?;
        self.see(id.wrapping_add(2), loses_id)?;
        let [wire, cut] = self.two(id)?;
        self.see_checksum(ip.at.wrapping_add(IPV4_CHECK), wire != cut)?;
        self.see(ip.at.wrapping_add(IPV4_HEADER), false)
    }

    fn see_tcp(&mut self, tcp: usize) -> Option<()> {
        let [check, urgent] = [TCP_CHECK, URGENT].map(|field| tcp.wrapping_add(field));
        let [_, flags] = get(self.wire, tcp.wrapping_add(TCP_DATA_OFFSET))?;
        let is_meaningless = flags & URG == 0;
        let [wire, cut] = self.two(urgent)?;
        self.see_checksum(check, is_meaningless && wire != cut)?;
        self.see(urgent.wrapping_add(2), is_meaningless)
    }

    fn is_same_behind(&self) -> bool {
        let [wire, cut] = [self.wire, self.cut].map(|frame| frame.get(self.at..));
        wire == cut
    }
}

/// Whether the headers of IP and UDP of a super-frame of `len` bytes that begins with `headers` are true: segmentation
/// makes anew what they say of lengths, and checksums of IP, so that what comes out of it does not show
/// them.
pub fn is_complete(headers: &[u8], len: usize) -> bool {
    // Those with wrong checksums are not found.
    let found = Headers::find(headers);
    found.is_some_and(|found| {
        let are_true = found.networks().all(|ip| ip.is_true(headers, len));
        are_true && found.is_true_datagram(headers, len)
    })
}
