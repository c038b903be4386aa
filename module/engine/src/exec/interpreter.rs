// SPDX-License-Identifier: GPL-2.0

//! The interpreter: a chain of functions, one for each kind of operation, each of which calls the
//! next.
//!
//! A `match` in a loop would do, but the kernel compiles without jump tables, so it becomes a tree
//! of comparisons for every operation. The chain takes the next function from a table of our own.
//! It is bounded without the help of the optimiser: it returns to [`Machine::run`] at each taken
//! jump and after [`CHAIN`] operations at the latest, so that even a build without tail calls uses
//! little stack.

use core::ops::Deref;

use super::flow::Flow;
use super::machine::{Machine, Returned, Stop};
use super::services::Services;
use crate::address;
use crate::fault::FaultCause;
use crate::limits::STACK_FRAME;
use crate::map::Map;
use crate::memory::Memory;
use crate::op::{Op, Register};

/// Operations between two returns to the loop, at most.
const CHAIN: usize = 32;

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// Runs `ops`, with arguments in the registers, from the first one until the program returns or
    /// can't go on.
    pub(super) fn run(&mut self, ops: &[Op]) -> Result<Returned, Stop> {
        self.set(
            Register::R10,
            address::STACK.wrapping_add(STACK_FRAME as u64),
        );
        let mut flow = Flow::go(0);
        // The two that are no operation end the loop too.
        while let Some(left) = ops.get(flow.0..) {
            let chain = left.get(..CHAIN).unwrap_or(left);
            let Some((op, rest)) = chain.split_first() else {
                break;
            };
            self.chain_end = flow.0.wrapping_add(chain.len());
            flow = (self.handlers[op.code as usize])(self, op, rest);
        }
        match flow {
            Flow::RETURN => Ok(Returned {
                op: self.stop.op,
                value: self.get(Register::R0),
            }),
            Flow::STOP => Err(self.stop),
            Flow(op) => Err(Stop {
                op,
                cause: FaultCause::InvalidOperation,
                address: 0,
            }),
        }
    }

    /// Goes on with the first operation of `rest`.
    #[inline(always)]
    pub(super) fn next(&mut self, rest: &[Op]) -> Flow {
        match rest.split_first() {
            Some((op, after)) => (self.handlers[op.code as usize])(self, op, after),
            None => Flow::go(self.chain_end),
        }
    }

    /// Goes on behind the first `skip` operations of `rest`.
    #[inline(always)]
    pub(super) fn next_but(&mut self, skip: usize, rest: &[Op]) -> Flow {
        match rest.get(skip..).and_then(<[Op]>::split_first) {
            Some((op, after)) => (self.handlers[op.code as usize])(self, op, after),
            None => Flow::go(self.index_of(rest).wrapping_add(skip)),
        }
    }

    /// Goes on with the operation that `op`, in front of `rest`, jumps to.
    #[inline(always)]
    pub(super) fn jump(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let target = op.extra as usize;
        let next = self.index_of(rest);
        if target < next && self.spend(target, next).is_none() {
            return self.spent(target);
        }
        Flow::go(target)
    }

    /// Takes the operations from `start` up to `end` from the budget: a jump back from `end` to
    /// `start` does them again. `None` if the budget does not have that much.
    ///
    /// What counts are the instructions that they were made from, so that a program may do the same
    /// however it was translated; but two operations count at least as one, whatever an image says.
    /// Never are there more of them than that: see [`Code::Gather16`](crate::op::Code::Gather16)
    /// and the shortcuts behind it.
    #[inline]
    pub(super) fn spend(&mut self, start: usize, end: usize) -> Option<()> {
        let slot = |op| self.origins.get(op).copied().unwrap_or(self.slots);
        let insns = slot(end).saturating_sub(slot(start));
        let ops = end.saturating_sub(start).div_ceil(2) as u32;
        self.budget = self.budget.checked_sub(insns.max(ops))?;
        Some(())
    }

    /// Stops the program because its budget does not allow to do again what begins at operation
    /// `start`.
    #[cold]
    pub(super) fn spent(&mut self, start: usize) -> Flow {
        self.stop = Stop {
            op: start,
            cause: FaultCause::BudgetSpent,
            address: 0,
        };
        Flow::STOP
    }

    /// Stops the program at the operation in front of `rest`.
    #[cold]
    pub(super) fn fail(&mut self, cause: FaultCause, address: u64, rest: &[Op]) -> Flow {
        self.stop = Stop {
            op: self.place(rest),
            cause,
            address,
        };
        Flow::STOP
    }

    /// The index of the first operation of `rest`.
    #[inline(always)]
    pub(super) fn index_of(&self, rest: &[Op]) -> usize {
        self.chain_end.wrapping_sub(rest.len())
    }

    /// The index of the operation in front of `rest`.
    pub(super) fn place(&self, rest: &[Op]) -> usize {
        self.index_of(rest).wrapping_sub(1)
    }
}
