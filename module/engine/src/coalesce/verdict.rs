// SPDX-License-Identifier: GPL-2.0

//! What becomes of a frame that is held, and of the one that comes behind it.

use super::headers::{Ip, Transport};
use super::held::{FixedIds, Held};
use super::segment::{Segment, FIN, PSH};
use super::GroLimits;
use crate::fields::{get, get16};
use crate::protocol::{IPV4_DONT_FRAGMENT, TCP_DATA_OFFSET};

/// The traffic class of IPv6 in the first word of its header.
const TRAFFIC_CLASS: u32 = 0x0ff0_0000;
/// Datagrams that GRO puts together at most (`UDP_GRO_CNT_MAX`).
const MOST_DATAGRAMS: u16 = 64;
/// TCP's header without options.
const TCP_OPTIONS: usize = 20;

/// What becomes of a frame that is held and of the one that has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// They are of different flows: nothing becomes of the one that is held.
    OtherFlow,
    /// One: what the new one carries goes behind the other. Identifications are fixed from now on as it is
    /// said here.
    Merge(FixedIds),
    /// As [`Merge`](Self::Merge), and that goes up.
    MergeAndEnd(FixedIds),
    /// The one that is held goes up, and the new one is held.
    EndAndHold,
    /// The one that is held goes up, and the new one behind it.
    EndAndPass,
}

impl Held {
    /// What becomes of the frame that this is of, which begins with `held`, and of `new`, of which the frame
    /// is `frame`. Both are from the Ethernet header on.
    ///
    /// Total and bounded: by the length of the headers.
    pub fn verdict(&self, held: &[u8], new: &Segment, frame: &[u8], limits: &GroLimits) -> Verdict {
        let is_same = self.headers == new.headers && self.headers.is_same_flow(held, frame);
        if !is_same {
            return Verdict::OtherFlow;
        }
        let merged = self.merged(held, new, frame, limits);
        match merged.filter(|_| new.is_true) {
            Some(fixed) if new.is_last() || new.len < self.size || self.is_full() => {
                Verdict::MergeAndEnd(fixed)
            }
            Some(fixed) => Verdict::Merge(fixed),
            None if new.may_begin() => Verdict::EndAndHold,
            None => Verdict::EndAndPass,
        }
    }

    /// Which identifications are fixed if GRO merges the two; `None` if it does not.
    fn merged(
        &self,
        held: &[u8],
        new: &Segment,
        frame: &[u8],
        limits: &GroLimits,
    ) -> Option<FixedIds> {
        let is_next = (1..=self.size).contains(&new.len)
            && self.has_room(new.len, frame, limits)?
            && self.is_continued(held, frame)?;
        if !is_next {
            return None;
        }
        let outer = self.fixed_of(self.headers.outer, self.fixed.outer, held, frame)?;
        let inner = match self.headers.inner {
            Some(inner) => self.fixed_of(inner, self.fixed.inner, held, frame)?,
            None => false,
        };
        let is_told = outer == inner || !self.headers.has_one_fixed_bit();
        is_told.then_some(FixedIds { outer, inner })
    }

    /// Whether one more is the last one.
    fn is_full(&self) -> bool {
        self.headers.kind == Transport::Udp && self.count.wrapping_add(1) >= MOST_DATAGRAMS
    }

    /// Whether there is room for one more that is as long as the first one; `header` is its headers.
    #[inline]
    pub fn has_room_for_expected(&self, header: &[u8], limits: &GroLimits) -> bool {
        self.has_room(self.size, header, limits).unwrap_or(false)
    }

    /// Whether `more` bytes more are not too many for the user.
    fn has_room(&self, more: u32, frame: &[u8], limits: &GroLimits) -> Option<bool> {
        Some(self.len.checked_add(more)? < limits.of(frame))
    }

    /// Whether the TCP header of `frame` is that of the next segment. Datagrams do not say where they belong.
    fn is_continued(&self, held: &[u8], frame: &[u8]) -> Option<bool> {
        if self.headers.kind == Transport::Udp {
            return Some(true);
        }
        let (old, new) = (
            held.get(self.headers.transport..)?,
            frame.get(self.headers.transport..)?,
        );
        let options = |tcp: &[u8]| {
            let [offset] = get(tcp, TCP_DATA_OFFSET)?;
            Some(TCP_OPTIONS..usize::from(offset >> 4).wrapping_mul(4))
        };
        // Length, flags and window. Flags may come with the last segment.
        let [word, next] = [
            u32::from_be_bytes(get(old, TCP_DATA_OFFSET)?),
            u32::from_be_bytes(get(new, TCP_DATA_OFFSET)?),
        ];
        let ending = u32::from(FIN | PSH) << 16;
        let sequence = u32::from_be_bytes(get(old, 4)?).wrapping_add(self.payload);
        Some(
            (word ^ next) & !ending == 0
                && sequence == u32::from_be_bytes(get(new, 4)?)
                // The acknowledgement.
                && get::<4>(old, 8)? == get::<4>(new, 8)?
                && old.get(options(old)?)? == new.get(options(new)?)?,
        )
    }

    /// Whether the identification of `ip` is fixed, as it was if `fixed`, when the packet of `frame` goes
    /// behind the one that is held; `None` if that can't be, by what else this header says.
    fn fixed_of(&self, ip: Ip, fixed: bool, held: &[u8], frame: &[u8]) -> Option<bool> {
        let (old, new) = (held.get(ip.at..)?, frame.get(ip.at..)?);
        if ip.v6 {
            let words = [get(old, 0)?, get(new, 0)?].map(u32::from_be_bytes);
            let [old_word, new_word] = words;
            let is_alike = (old_word ^ new_word) & TRAFFIC_CLASS == 0
                // The hop limit.
                && get::<1>(old, 7)? == get::<1>(new, 7)?;
            return is_alike.then_some(false);
        }
        let is_alike = get::<1>(old, 1)? == get::<1>(new, 1)? // Type of service.
            && get::<1>(old, 8)? == get::<1>(new, 8)? // Time to live.
            && (get16(old, 6)? ^ get16(new, 6)?) & IPV4_DONT_FRAGMENT == 0;
        let distance = get16(new, 4)?.wrapping_sub(get16(old, 4)?);
        // The second segment decides whether all have one identification.
        let fixed = fixed || (self.count == 1 && distance == 0);
        let expected = if fixed { 0 } else { self.count };
        (is_alike && distance == expected).then_some(fixed)
    }
}
