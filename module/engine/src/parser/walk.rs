// SPDX-License-Identifier: GPL-2.0

//! How the device goes through a parse graph.

use parse_graph::{limits, stop, Field, Node, Target};

use super::found::{Found, Verdict};
use super::machine::{Machine, Place};
use super::tables::part;
use crate::frame::ETH_HLEN;
use crate::memory::Memory;

/// What came of a node.
enum Visited<'a> {
    /// The parser goes on.
    Through { header: &'a [u8], behind: usize },
    /// It does not, or somewhere else, at an offset.
    Stopped(Target, usize),
}

impl<M: Memory> Machine<M> {
    /// Finds out of `frame`, which begins with its Ethernet header, what the graph tells. `asked` are
    /// the [conditions](stop::OF_CALLER) of the caller. Any context.
    ///
    /// Where no node counts numbers ascend, so that a frame leads at most through all nodes once, and
    /// once more for each header that is counted: to fewer than 66,560 nodes by the
    /// [limits], and to some ten by a graph that is of use.
    pub fn parse(&self, frame: &[u8], asked: u16) -> Found {
        let mut found = Found::default();
        self.parse_into(frame, asked, &mut found);
        found
    }

    /// As [`Self::parse`], into `found`, whatever that has.
    pub fn parse_into(&self, frame: &[u8], asked: u16, found: &mut Found) {
        // CAST: 14.
        let first = ETH_HLEN as u16;
        if frame.len() < ETH_HLEN {
            found.clear();
            found.step(0, 0);
            found.verdict = Verdict::Fail;
            return;
        }
        let (verdict, at) = self.walk(frame, asked & stop::OF_CALLER, found);
        found.verdict = verdict;
        // As the kernel does behind a flow dissector: both in the frame, and behind its first header.
        let end = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        // CAST: A field of 16 bits.
        let network = (found.number(Field::Nhoff) as u16).swap_bytes();
        let network = network.max(first).min(end);
        // CAST: No header ends as far as 64 KiB.
        let transport = (at as u16).min(end).max(network);
        found.set_number(Field::Nhoff, network.swap_bytes().into());
        found.set_number(Field::Thoff, transport.swap_bytes().into());
    }

    /// How it stops, and at which offset.
    #[inline(always)]
    fn walk(&self, frame: &[u8], asked: u16, found: &mut Found) -> (Verdict, usize) {
        let Some(start) = self.stages.walk(&self.tables, frame, asked, found) else {
            return (Verdict::LeftOut, 0);
        };
        let (mut target, mut at, mut left) = (start.target, usize::from(start.at), start.left);
        loop {
            let Some(number) = target.as_node() else {
                return (Verdict::of(target), at);
            };
            let Some(place) = self.places.get(usize::from(number)) else {
                return (Verdict::LeftOut, at);
            };
            if at > usize::from(limits::OFFSET) {
                return (Verdict::Fail, at);
            }
            // CAST: Not beyond the limit.
            found.step(number, at as u16);
            target = match self.visit(number, place, frame, at, asked, found) {
                Visited::Through { header, behind } => {
                    at = behind;
                    let key = || place.key.of(header);
                    if place.has(Node::COUNTED) {
                        self.next_counted(number, place, &mut left, key)
                    } else {
                        self.tables.look_up(&place.next, key)
                    }
                }
                Visited::Stopped(target, behind) => {
                    at = behind;
                    target
                }
            };
        }
    }

    /// What comes behind a header that is counted.
    #[inline]
    fn next_counted(
        &self,
        number: u16,
        place: &Place,
        left: &mut u8,
        key: impl FnOnce() -> u32,
    ) -> Target {
        let mut next = &place.next;
        match (left.checked_sub(1), self.rests.get(usize::from(number))) {
            (None, Some(rest)) => next = &rest.at_limit,
            (less, _) => *left = less.unwrap_or(0),
        }
        self.tables.look_up(next, key)
    }

    /// Visits a node at offset `at`.
    #[inline(always)]
    fn visit<'a>(
        &self,
        number: u16,
        place: &Place,
        frame: &'a [u8],
        at: usize,
        asked: u16,
        found: &mut Found,
    ) -> Visited<'a> {
        if place.has(Place::STOPS_BEFORE) {
            let rest = self.rests.get(usize::from(number));
            if rest.is_some_and(|rest| found.meets(asked, rest.stop_before)) {
                return Visited::Stopped(Target::OKAY, at);
            }
        }
        let failed = Visited::Stopped(place.fail, at);
        let header = frame.get(at..).unwrap_or_default();
        let min_len = usize::from(place.min_len);
        if header.len() < min_len {
            return failed;
        }
        let len = place.length.of(header);
        if len < min_len || (place.has(Node::WHOLE) && header.len() < len) {
            return failed;
        }
        if place.has(Place::CHECKS) && !self.is_as_it_should_be(number, header) {
            return failed;
        }
        for each in part(&self.moves, place.moves) {
            each.apply(header, at, found);
        }
        let mut behind = at.wrapping_add(len);
        if place.has(Place::MORE) {
            let Some(end) = self.more(number, header, at, len, found) else {
                return failed;
            };
            behind = end;
        }
        if place.has(Node::OVERLAY) {
            behind = at;
        }
        if place.has(Place::STOPS_BEHIND) && self.stops_behind(number, asked, found) {
            return Visited::Stopped(Target::OKAY, behind);
        }
        Visited::Through { header, behind }
    }

    /// Whether all conditions of a node are true.
    #[inline(always)]
    fn is_as_it_should_be(&self, number: u16, header: &[u8]) -> bool {
        self.rests.get(usize::from(number)).is_some_and(|rest| {
            let mut checks = part(&self.checks, rest.conditions).iter();
            checks.all(|check| check.holds(header))
        })
    }

    /// Whether it stops behind the header of a node.
    #[inline]
    fn stops_behind(&self, number: u16, asked: u16, found: &Found) -> bool {
        self.rests.get(usize::from(number)).is_some_and(|rest| {
            found.meets(asked, rest.stop_if)
                || (rest.stop_unless != 0 && !found.has(asked, rest.stop_unless))
        })
    }
}
