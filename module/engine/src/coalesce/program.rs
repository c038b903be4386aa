// SPDX-License-Identifier: GPL-2.0

//! Programs that say what becomes of a frame: what they are shown, and what their word counts.
//!
//! A GRO program is an eBPF program of type XDP that only reads. It is shown a [`Pair`], facts and the headers
//! of two frames, and returns a [`GroVerdict`]. Its word may narrow what the rules of
//! [`Held::verdict`] permit, and never widens it: a program can cost speed, and no byte.

use super::held::Held;
use super::segment::Segment;
use super::verdict::Verdict;
use super::{GroLimits, LONGEST};
use crate::fields::{get16, Numbers};
use crate::frame::ETH_HLEN;
use crate::protocol::ETH_P_IPV6;
pub use crate::verdict::GroVerdict;

/// Version of what a program is shown, which it can find at the beginning of that.
const VERSION: u32 = 1;
/// Bytes of the facts in front of the headers.
const FACTS: usize = 64;
/// Bytes that there are for the headers of either frame. One that has longer ones goes up alone.
const HEADERS: usize = 256;
/// Where the headers of the new frame begin.
const NEW: usize = FACTS + HEADERS;

/// The lengths in the headers of the new frame are true, and it has a checksum.
const TRUE_LENGTHS: u32 = 1;
/// The identification of the first IPv4 header is the same in all segments that are held.
const FIXED_OUTER: u32 = 2;
/// That of the second one is.
const FIXED_INNER: u32 = 4;

/// What a program is shown: facts, the headers of the frame that is held, and those of the new one, each as long
/// as any, with zeroes behind them.
///
/// `struct offload_gro` of `offload_gro.h` is the same in C. Facts are numbers as the processor has them,
/// headers are as on the wire.
pub struct Pair {
    bytes: [u8; Self::LEN],
    /// How many of the bytes for the headers of either frame are taken.
    filled: [usize; 2],
}

impl Default for Pair {
    fn default() -> Self {
        Self {
            bytes: [0; Self::LEN],
            filled: [0; 2],
        }
    }
}

impl Pair {
    /// Its length in bytes.
    pub const LEN: usize = NEW + HEADERS;

    /// What a program is shown.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, for a program that could write to it and does not: what it wrote might be there the next time.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Has it be `new`, of which the frame is `frame`, and what is `held` of a flow that may be the same, with the
    /// first bytes of that: the headers of both lie in the same places. Gives whether there is room.
    pub fn show(
        &mut self,
        held: Option<(&Held, &[u8])>,
        new: &Segment,
        frame: &[u8],
        limits: &GroLimits,
    ) -> bool {
        let state = held.map(|(held, _)| held);
        self.put_facts(state, new, frame, limits);
        let held = match held {
            Some((state, bytes)) => bytes.get(..state.header_len()),
            None => Some(&[][..]),
        };
        let new = frame.get(..new.header_len());
        match (held, new) {
            (Some(held), Some(new)) => self.put_header(0, held) && self.put_header(1, new),
            _ => false,
        }
    }

    fn put_facts(&mut self, held: Option<&Held>, new: &Segment, frame: &[u8], limits: &GroLimits) {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let fixed = held.map(|held| held.fixed).unwrap_or_default();
        let flags = flag(new.is_true, TRUE_LENGTHS)
            | flag(fixed.outer, FIXED_OUTER)
            | flag(fixed.inner, FIXED_INNER);
        let counted = held.map_or([0; 4], |held| {
            [held.count.into(), held.len, held.payload, held.size]
        });
        let mut facts = Numbers::at(&mut self.bytes, 0);
        facts.put(VERSION.to_ne_bytes());
        for number in counted {
            facts.put(number.to_ne_bytes());
        }
        for number in [limits.of(frame), new.len, flags] {
            facts.put(number.to_ne_bytes());
        }
        let headers = &new.headers;
        let inner = headers.inner.map_or(0, |inner| inner.at);
        let held_header = held.map_or(0, Held::header_len);
        for offset in [
            headers.outer.at,
            inner,
            headers.transport,
            new.header_len(),
            held_header,
        ] {
            // CAST: What does not fit is not shown.
            facts.put((offset as u16).to_ne_bytes());
        }
        let version = |v6: bool| if v6 { 6 } else { 4 };
        let inner = headers.inner.map_or(0, |inner| version(inner.v6));
        let tunnel = headers.gre.map_or(0, |gre| gre.at);
        facts.put([version(headers.outer.v6), inner, headers.protocol(), 0]);
        // CAST: What does not fit is not shown.
        facts.put((tunnel as u16).to_ne_bytes());
    }

    /// Puts `header` in the place of number `which`.
    fn put_header(&mut self, which: usize, header: &[u8]) -> bool {
        let at = if which == 0 { FACTS } else { NEW };
        let place = self.bytes.get_mut(at..at.wrapping_add(HEADERS));
        let taken = place.and_then(|place| place.split_at_mut_checked(header.len()));
        let (Some((taken, rest)), Some(filled)) = (taken, self.filled.get_mut(which)) else {
            return false;
        };
        for (to, from) in taken.iter_mut().zip(header) {
            *to = *from;
        }
        // Behind that there are zeroes already, but for what the last one had there.
        let stale = filled.saturating_sub(header.len());
        for byte in rest.iter_mut().take(stale) {
            *byte = 0;
        }
        *filled = header.len();
        true
    }
}

impl GroLimits {
    /// Packets like the one of `frame` stay shorter than so many bytes from behind the Ethernet header on.
    pub(super) fn of(&self, frame: &[u8]) -> u32 {
        let limit = match get16(frame, ETH_HLEN.wrapping_sub(2)) {
            Some(ETH_P_IPV6) => self.ipv6,
            _ => self.ipv4,
        };
        limit.min(LONGEST.wrapping_add(1))
    }
}

impl Verdict {
    /// What becomes of the two frames where the rules permit this, and a program has `said` something; and
    /// whether that would have been more than they permit. `may_begin` tells whether GRO would hold the new
    /// one.
    #[must_use]
    pub fn narrowed(self, said: GroVerdict, may_begin: bool) -> (Self, bool) {
        let apart = if may_begin {
            Self::EndAndHold
        } else {
            Self::EndAndPass
        };
        match (self, said) {
            (Self::OtherFlow, said) => (self, said != GroVerdict::OtherFlow),
            // Two frames of a flow that are held by themselves could go up in another order.
            (_, GroVerdict::OtherFlow) => (apart, true),
            (_, GroVerdict::Pass) => (Self::EndAndPass, false),
            (Self::EndAndPass, _) => (self, true),
            (_, GroVerdict::Hold) => (apart, !may_begin),
            (Self::EndAndHold, _) => (self, true),
            (Self::MergeAndEnd(_), GroVerdict::MergeAndEnd) => (self, false),
            (Self::MergeAndEnd(_), GroVerdict::Merge) => (self, true),
            (Self::Merge(fixed), GroVerdict::MergeAndEnd) => (Self::MergeAndEnd(fixed), false),
            (Self::Merge(_), GroVerdict::Merge) => (self, false),
        }
    }
}
