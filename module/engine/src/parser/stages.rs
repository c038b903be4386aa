// SPDX-License-Identifier: GPL-2.0

//! The beginning of a parser's way, as far as it is known beforehand where headers lie.
//!
//! Nearly all frames have headers without options, one behind the other, at offsets that the graph
//! tells. For the ways that begin so, all that a frame needs is a few comparisons; what its fields are
//! then comes in one go, from offsets in the frame. Where a frame is different, the parser goes on node
//! by node from where it is. Which ways there are is found out by [`Stages::new`].

use parse_graph::{Range, Target};

use super::decisive::Decisive;
use super::found::{Found, Step};
use super::moves::Move;
use super::number::{Check, Number};
use super::tables::{part, Next, Tables};
use crate::memory::Memory;
use crate::numbered::numbered;

/// A node at an offset in the frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stage {
    /// How long a frame must be.
    pub(super) needs: u16,
    /// The caller's conditions with which this is not the way.
    pub(super) asks: u16,
    /// What must be true of a frame; from its beginning, as all that follows.
    pub(super) checks: Range,
    pub(super) key: Number,
    pub(super) next: Next,
    /// The stages behind this one.
    pub(super) behind: Range,
    /// Where its header ends.
    pub(super) end: u16,
    /// The node, and where its header begins.
    pub(super) step: Step,
    /// How many headers may be counted, in front of this node and behind it.
    pub(super) left: [u8; 2],
    /// All that the frame has told in front of this node, and behind it.
    pub(super) moves: [Range; 2],
    /// The way to this node, which is the last one.
    pub(super) steps: Range,
}

/// Where a parser goes on: at a node, or not at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) target: Target,
    /// Offset in the frame, in bytes.
    pub(super) at: u16,
    /// How many headers may be counted.
    pub(super) left: u8,
    /// The stage behind which it does so, if it went through that.
    pub(super) behind: Option<u16>,
}

/// All stages of a parser. The first one is that of node 0; there is always one.
pub(super) struct Stages<M: Memory> {
    pub(super) all: M::Buffer<Stage>,
    pub(super) checks: M::Buffer<Check>,
    pub(super) moves: M::Buffer<Move>,
    pub(super) steps: M::Buffer<Step>,
    /// What of a frame has decided, if it ends behind a stage.
    pub(super) decisive: M::Buffer<Decisive>,
}

impl<M: Memory> Stages<M> {
    /// Goes through `frame` as far as there are stages for it, and puts into `found` what it told, in
    /// place of all that was there.
    #[inline(always)]
    pub(super) fn walk(
        &self,
        tables: &Tables<M>,
        frame: &[u8],
        asked: u16,
        found: &mut Found,
    ) -> Option<Start> {
        let (mut stage, mut index) = (self.all.first()?, 0);
        loop {
            let is_way = frame.len() >= usize::from(stage.needs)
                && asked & stage.asks == 0
                && part(&self.checks, stage.checks)
                    .iter()
                    .all(|check| check.holds(frame));
            if !is_way {
                let way = Range {
                    count: stage.steps.count.saturating_sub(1),
                    ..stage.steps
                };
                let ([moves, _], [left, _]) = (stage.moves, stage.left);
                self.tell(frame, moves, way, found);
                return Some(Start {
                    target: Target::node(stage.step.node),
                    at: stage.step.offset,
                    left,
                    behind: None,
                });
            }
            let target = tables.look_up(&stage.next, || stage.key.of(frame));
            let mut behind = numbered(part(&self.all, stage.behind));
            match behind.find(|(_, next)| Target::node(next.step.node) == target) {
                // CAST: There are no more stages than such a number says.
                Some((number, next)) => {
                    (stage, index) = (next, stage.behind.start.wrapping_add(number as u16));
                }
                None => {
                    let ([_, moves], [_, left]) = (stage.moves, stage.left);
                    self.tell(frame, moves, stage.steps, found);
                    return Some(Start {
                        target,
                        at: stage.end,
                        left,
                        behind: Some(index),
                    });
                }
            }
        }
    }

    /// How many headers are counted at most.
    pub(super) fn counted(&self) -> u8 {
        self.all.first().map_or(0, |first| first.left[0])
    }

    /// Begins at node 0, as nothing was gone through.
    pub(super) fn begin(&self, frame: &[u8], found: &mut Found) -> Option<Start> {
        let Stage {
            step, moves, left, ..
        } = self.all.first()?;
        let ([moves, _], [left, _]) = (*moves, *left);
        self.tell(frame, moves, Range::NONE, found);
        Some(Start {
            target: Target::node(step.node),
            at: step.offset,
            left,
            behind: None,
        })
    }

    /// Puts into `found` what `moves` take from `frame`, and the way.
    #[inline(always)]
    fn tell(&self, frame: &[u8], moves: Range, way: Range, found: &mut Found) {
        found.clear();
        for each in part(&self.moves, moves) {
            each.apply(frame, 0, found);
        }
        found.go(part(&self.steps, way));
    }

    /// What has decided of a frame that ended behind stage `index`.
    #[inline]
    pub(super) fn decisive(&self, index: u16) -> Option<&Decisive> {
        self.decisive.get(usize::from(index))
    }

    /// How many bytes they take.
    pub(super) fn memory(&self) -> usize {
        let sizes = [
            size_of_val(&*self.all),
            size_of_val(&*self.checks),
            size_of_val(&*self.moves),
            size_of_val(&*self.steps),
            size_of_val(&*self.decisive),
        ];
        sizes.into_iter().fold(0, usize::saturating_add)
    }
}
