// SPDX-License-Identifier: GPL-2.0

//! How the device goes through a parse graph.

use parse_graph::{limits, stop, Field, Node, Target};

use super::decisive::Decisive;
use super::found::{Found, Step, Verdict};
use super::machine::{Machine, Place};
use super::stages::Start;
use super::tables::part;
use super::trace::{Passed, Trace, Untraced};
use crate::frame::ETH_HLEN;
use crate::memory::Memory;

/// What came of a node.
enum Visited<'a> {
    /// The parser goes on.
    Through { header: &'a [u8], behind: usize },
    /// It does not, at an offset: all is well.
    Stopped(usize),
    /// It has stopped in front of the header.
    Before,
    /// The header is not as it should be.
    Broken,
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

    /// As [`Self::parse`], into `found`, whatever that has. Gives what of the frame has decided all that
    /// is of its flow, if that is known.
    pub fn parse_into(&self, frame: &[u8], asked: u16, found: &mut Found) -> Option<&Decisive> {
        let begin = |asked, found: &mut _| self.stages.walk(&self.tables, frame, asked, found);
        let stage = self.parse_from(begin, frame, asked, found, &mut Untraced)?;
        self.stages.decisive(stage)
    }

    /// As [`Self::parse`], and tells `trace` of each node that it comes to, those beyond the steps that are
    /// remembered as well: for that it goes node by node, which takes longer.
    // What is compiled for a trace is not to lie in the midst of what goes by it.
    #[inline(never)]
    pub fn trace(&self, frame: &[u8], asked: u16, trace: &mut impl Trace) -> Found {
        let mut found = Found::default();
        let begin = |_, found: &mut _| self.stages.begin(frame, found);
        self.parse_from(begin, frame, asked, &mut found, trace);
        found
    }

    /// Parses a frame from where `begin` leads, which notes in what was found what it has gone by. Gives the
    /// number of the stage behind which it ended there.
    #[inline(always)]
    fn parse_from(
        &self,
        begin: impl FnOnce(u16, &mut Found) -> Option<Start>,
        frame: &[u8],
        asked: u16,
        found: &mut Found,
        trace: &mut impl Trace,
    ) -> Option<u16> {
        // CAST: 14.
        let first = ETH_HLEN as u16;
        if frame.len() < ETH_HLEN {
            found.clear();
            found.step(0, 0);
            found.verdict = Verdict::Fail;
            trace.passed(&Passed {
                step: Step::default(),
                to: Target::FAIL,
                is_broken: true,
                is_before: false,
            });
            return None;
        }
        let asked = asked & stop::OF_CALLER;
        let start = begin(asked, found);
        let (verdict, at) = match start {
            Some(start) => self.walk(start, frame, asked, found, trace),
            None => (Verdict::LeftOut, 0),
        };
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
        start
            .filter(|start| start.target.as_node().is_none())?
            .behind
    }

    /// How it stops, and at which offset.
    #[inline(always)]
    fn walk(
        &self,
        start: Start,
        frame: &[u8],
        asked: u16,
        found: &mut Found,
        trace: &mut impl Trace,
    ) -> (Verdict, usize) {
        let (mut target, mut at, mut left) = (start.target, usize::from(start.at), start.left);
        loop {
            let Some(number) = target.as_node() else {
                return (Verdict::of(target), at);
            };
            let Some(place) = self.places.get(usize::from(number)) else {
                return (Verdict::LeftOut, at);
            };
            // CAST: Not beyond the limit, at which a walk does not begin either.
            let offset = at as u16;
            found.step(number, offset);
            let visited = self.visit(number, place, frame, at, asked, found);
            let is_broken = matches!(visited, Visited::Broken);
            let is_before = matches!(visited, Visited::Before);
            target = match visited {
                Visited::Through { header, behind } => {
                    at = behind;
                    let key = || place.key.of(header);
                    if place.has(Node::COUNTED) {
                        self.next_counted(number, place, &mut left, key)
                    } else {
                        self.tables.look_up(&place.next, key)
                    }
                }
                Visited::Stopped(behind) => {
                    at = behind;
                    Target::OKAY
                }
                Visited::Before => Target::OKAY,
                Visited::Broken => place.fail,
            };
            if at > usize::from(limits::OFFSET) && target.as_node().is_some() {
                target = Target::FAIL;
            }
            trace.passed(&Passed {
                step: Step {
                    node: number,
                    offset,
                },
                to: target,
                is_broken,
                is_before,
            });
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
                return Visited::Before;
            }
        }
        let header = frame.get(at..).unwrap_or_default();
        let min_len = usize::from(place.min_len);
        if header.len() < min_len {
            return Visited::Broken;
        }
        let len = place.length.of(header);
        if len < min_len || (place.has(Node::WHOLE) && header.len() < len) {
            return Visited::Broken;
        }
        if place.has(Place::CHECKS) && !self.is_as_it_should_be(number, header) {
            return Visited::Broken;
        }
        for each in part(&self.moves, place.moves) {
            each.apply(header, at, found);
        }
        let mut behind = at.wrapping_add(len);
        if place.has(Place::MORE) {
            let Some(end) = self.more(number, header, at, len, found) else {
                return Visited::Broken;
            };
            behind = end;
        }
        if place.has(Node::OVERLAY) {
            behind = at;
        }
        if place.has(Place::STOPS_BEHIND) && self.stops_behind(number, asked, found) {
            return Visited::Stopped(behind);
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
