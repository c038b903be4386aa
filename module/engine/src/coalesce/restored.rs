// SPDX-License-Identifier: GPL-2.0

//! What comes back of frames that were put together, and what does not: GRO does not look at all of them.

use super::headers::Headers;
use super::segment::URG;
use crate::fields::get;
use crate::protocol::{IPV4_HEADER, TCP_DATA_OFFSET};

/// Where the checksum lies in a TCP header; behind it is the urgent pointer.
const TCP_CHECK: usize = 16;
const URGENT: usize = 18;
/// Where the identification and the checksum lie in an IPv4 header.
const ID: usize = 4;
const IPV4_CHECK: usize = 10;

/// Whether `cut`, which a super-frame was cut into, differs from `wire`, which was put into it, in nothing but
/// what GRO does not look at: an urgent pointer that no flag speaks of, with the checksum that sums it; a
/// checksum of all ones, which is zero; and the identification of an IPv4 header with IPv6 inside, with its
/// checksum. Both are from the Ethernet header on. Frames that do not differ are not what is asked about.
pub fn is_same_to_gro(wire: &[u8], cut: &[u8]) -> bool {
    let is_same = || {
        let headers = Headers::find(wire)?;
        let mut rest = (wire, cut);
        let mut at = 0_usize;
        let mut each = |end: usize, is_lost: bool| {
            let len = end.checked_sub(at)?;
            let (one, behind) = rest.0.split_at_checked(len)?;
            let (other, behind_other) = rest.1.split_at_checked(len)?;
            rest = (behind, behind_other);
            at = end;
            (is_lost || one == other).then_some(())
        };
        let pair = |frame, at| get::<2>(frame, at);
        // 0 and -0.
        let is_zero = |at| {
            let zeros = [[0, 0], [0xff, 0xff]];
            Some(zeros.contains(&pair(wire, at)?) && zeros.contains(&pair(cut, at)?))
        };
        for ip in headers.networks().filter(|ip| !ip.v6) {
            let is_outer = headers.inner.is_some_and(|inner| inner.v6);
            let [id, check] = [ID, IPV4_CHECK].map(|field| ip.at.wrapping_add(field));
            each(id, false)?;
            each(id.wrapping_add(2), is_outer)?;
            each(check, false)?;
            let is_summed = is_outer && pair(wire, id)? != pair(cut, id)?;
            each(check.wrapping_add(2), is_summed || is_zero(check)?)?;
            each(ip.at.wrapping_add(IPV4_HEADER), false)?;
        }
        let [check, urgent] = [TCP_CHECK, URGENT].map(|field| headers.tcp.wrapping_add(field));
        let [_, flags] = get(wire, headers.tcp.wrapping_add(TCP_DATA_OFFSET))?;
        let is_meaningless = flags & URG == 0;
        let is_summed = is_meaningless && pair(wire, urgent)? != pair(cut, urgent)?;
        each(check, false)?;
        each(urgent, is_summed || is_zero(check)?)?;
        each(urgent.wrapping_add(2), is_meaningless)?;
        Some(rest.0 == rest.1)
    };
    is_same().unwrap_or(false)
}

/// Whether the IP headers of a super-frame of `len` bytes that begins with `headers` are true: segmentation
/// makes anew what they say of lengths, and their checksums, so that what comes out of it does not show
/// them.
pub fn is_complete(headers: &[u8], len: usize) -> bool {
    // Those with wrong checksums are not found.
    let found = Headers::find(headers);
    found.is_some_and(|found| found.networks().all(|ip| ip.is_true(headers, len)))
}
