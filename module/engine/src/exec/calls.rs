// SPDX-License-Identifier: GPL-2.0

//! Calls between functions of a program, and atomic operations: what takes more than a line.

use core::ops::Deref;

use super::flow::Flow;
use super::machine::{CallFrame, Machine, Number};
use super::services::Services;
use crate::fault::FaultCause;
use crate::insn::atomic;
use crate::limits::STACK_FRAME;
use crate::map::Map;
use crate::memory::Memory;
use crate::op::{Op, Register};

/// The registers that a function finds again as they were before it called another.
const SAVED: [Register; 4] = [Register::R6, Register::R7, Register::R8, Register::R9];

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// Enters the function that `op` calls.
    pub(super) fn call_local(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let return_to = self.index_of(rest) as u32;
        let saved = SAVED.map(|register| self.get(register));
        // The outermost function has no frame here, so one fewer than functions may be active.
        let depth = self.depth.wrapping_add(1);
        let Some(frame) = self.calls.get_mut(depth) else {
            return self.fail(FaultCause::CallDepth, 0, rest);
        };
        *frame = CallFrame {
            return_to,
            entered: op.extra,
            saved,
        };
        self.depth = depth;
        self.set(
            Register::R10,
            self.get(Register::R10).wrapping_add(STACK_FRAME as u64),
        );
        Flow::go(op.extra as usize)
    }

    /// Leaves a function, or the program.
    pub(super) fn exit(&mut self, rest: &[Op]) -> Flow {
        if self.depth == 0 {
            self.stop.op = self.place(rest);
            return Flow::RETURN;
        }
        let Some(frame) = self.calls.get(self.depth).copied() else {
            return self.fail(FaultCause::CallDepth, 0, rest);
        };
        // What lies between a function's first operation and this one was done once for this call;
        // what was done more often, the jumps back have paid for.
        let entered = frame.entered as usize;
        if self.spend(entered, self.index_of(rest)).is_none() {
            return self.spent(entered);
        }
        for (register, value) in SAVED.into_iter().zip(frame.saved) {
            self.set(register, value);
        }
        self.depth = self.depth.wrapping_sub(1);
        self.set(
            Register::R10,
            self.get(Register::R10).wrapping_sub(STACK_FRAME as u64),
        );
        Flow::go(frame.return_to as usize)
    }

    /// An atomic operation; the old value goes to where the operation says.
    pub(super) fn read_modify_write<N: Number>(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let address = self.get(op.a).wrapping_add(op.offset());
        match self.try_read_modify_write::<N>(op, address) {
            Ok(()) => self.next(rest),
            Err(cause) => self.fail(cause, address, rest),
        }
    }

    fn try_read_modify_write<N: Number>(
        &mut self,
        op: &Op,
        address: u64,
    ) -> Result<(), FaultCause> {
        let operation = op.imm as i32;
        let operand = self.get(op.b);
        if operation == atomic::CMPXCHG {
            let expected = self.get(Register::R0) & N::MASK;
            let old =
                self.atomic::<N>(address, |old| if old == expected { operand } else { old })?;
            self.set(Register::R0, old);
            return Ok(());
        }
        let old = match operation & !atomic::FETCH {
            atomic::ADD => self.atomic::<N>(address, |old| old.wrapping_add(operand))?,
            atomic::OR => self.atomic::<N>(address, |old| old | operand)?,
            atomic::AND => self.atomic::<N>(address, |old| old & operand)?,
            atomic::XOR => self.atomic::<N>(address, |old| old ^ operand)?,
            _ if operation == atomic::XCHG => self.atomic::<N>(address, |_| operand)?,
            _ => return Err(FaultCause::InvalidOperation),
        };
        if operation & atomic::FETCH != 0 {
            self.set(op.b, old);
        }
        Ok(())
    }
}
