// SPDX-License-Identifier: GPL-2.0

//! What each operation does.

use core::marker::PhantomData;
use core::ops::Deref;

use super::alu;
use super::flow::Flow;
use super::machine::{Handler, Machine, Number};
use super::services::Services;
use crate::address;
use crate::hash_step::HashStep;
use crate::map::Map;
use crate::memory::Memory;
use crate::op::{operation_table, Code, Op, Register};

/// The registers with the arguments of a helper.
const ARGUMENTS: [Register; 5] = [
    Register::R1,
    Register::R2,
    Register::R3,
    Register::R4,
    Register::R5,
];

macro_rules! handlers {
    (() $($name:ident $text:literal [$($operand:ident),*] $handler:expr;)*) => {
        [$($handler,)*]
    };
}

/// The functions of all operations, for one kind of surroundings.
pub(super) struct Table<M, R, S>(PhantomData<(M, R, S)>);

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Table<M, R, S> {
    /// Indexed by operation.
    pub(super) const HANDLERS: [Handler<R, S>; Code::ALL.len()] = operation_table!(handlers!());
}

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// The address that `op` accesses.
    #[inline(always)]
    pub(super) fn address(&self, op: &Op) -> u64 {
        self.get(op.a).wrapping_add(op.offset())
    }

    #[inline(always)]
    fn lsh_or(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let shifted = alu::lsh(self.get(op.a), op.imm);
        self.set(op.dst, shifted | self.get(op.b));
        self.next(rest)
    }

    #[inline(always)]
    fn lsh_or32(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let shifted = alu::lsh32(self.get(op.a), op.imm);
        self.set(op.dst, alu::or32(shifted, self.get(op.b)));
        self.next(rest)
    }

    #[inline(always)]
    fn lsh_and32(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let shifted = alu::lsh32(self.get(op.a), u64::from(op.second()));
        self.set(op.dst, alu::and32(shifted, op.constant()));
        self.next(rest)
    }

    #[inline(always)]
    fn rsh_lsh_or32(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let right = alu::rsh32(self.get(op.a), u64::from(op.second()));
        self.set(op.b, right);
        let left = alu::lsh32(self.get_by_bits(op.imm >> 16), op.imm & 31);
        self.set(op.dst, left | right);
        self.next(rest)
    }

    #[inline(always)]
    fn xor_sub32(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let xor = self.get(op.a) ^ self.get(op.b);
        self.set(op.dst, alu::sub32(xor, self.get_by_bits(op.imm >> 16)));
        self.next(rest)
    }

    #[inline(always)]
    fn xor_add32(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let xor = self.get(op.a) ^ self.get(op.b);
        self.set(op.dst, alu::add32(xor, op.imm));
        self.next(rest)
    }

    #[inline(always)]
    fn xor_rsh_sub32(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let number = self.get(op.b);
        let shifted = alu::rsh32(number, op.imm);
        let xor = self.get(op.a) ^ number;
        self.set(op.b, shifted);
        self.set(op.dst, alu::sub32(xor, shifted));
        self.next(rest)
    }

    #[inline(always)]
    fn hash_steps(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let mut number = self.get(op.a) as u32;
        let mut steps = op.imm;
        let rotated = loop {
            let rotated = number.rotate_left(HashStep::left(steps));
            let minuend = self.get_by_bits(HashStep::minuend_bits(steps)) as u32;
            number = (minuend ^ number).wrapping_sub(rotated);
            self.set_by_bits(HashStep::dst_bits(steps), number.into());
            steps >>= HashStep::BITS;
            if steps == 0 {
                break rotated;
            }
        };
        self.set(op.b, rotated.into());
        self.next(rest)
    }

    #[inline(always)]
    fn constant(&mut self, op: &Op, rest: &[Op]) -> Flow {
        self.set(op.dst, op.imm);
        self.next(rest)
    }

    #[inline(always)]
    fn map_address(&mut self, op: &Op, rest: &[Op]) -> Flow {
        self.set(op.dst, address::of_map(op.imm as u16));
        self.next(rest)
    }

    #[inline(always)]
    fn load_context(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let field = self.address(op).wrapping_sub(address::CONTEXT);
        match self.context.load_word(self.frame, field) {
            Some(value) => {
                self.set(op.dst, value);
                self.next(rest)
            }
            None => self.slow_load::<u32>(op, rest),
        }
    }

    #[inline(always)]
    fn helper(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let arguments = ARGUMENTS.map(|register| self.get(register));
        match self.call_helper(op.imm, arguments) {
            Ok(value) => {
                self.set(Register::R0, value);
                self.next(rest)
            }
            Err((cause, address)) => self.fail(cause, address, rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn slow_load<N: Number>(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let address = self.address(op);
        match self.load::<N>(address) {
            Ok(value) => {
                self.set(op.dst, value);
                self.next(rest)
            }
            Err(cause) => self.fail(cause, address, rest),
        }
    }

    /// A load that is not from the frame, and then what `finish` does.
    #[cold]
    #[inline(never)]
    fn slow_load_then<N: Number>(
        &mut self,
        op: &Op,
        rest: &[Op],
        address: u64,
        finish: impl FnOnce(&mut Self, &Op, &[Op], u64) -> Flow,
    ) -> Flow {
        match self.load::<N>(address) {
            Ok(value) => finish(self, op, rest, value),
            Err(cause) => self.fail(cause, address, rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn slow_store<N: Number>(&mut self, op: &Op, value: u64, rest: &[Op]) -> Flow {
        let address = self.address(op);
        match self.store::<N>(address, value) {
            Ok(()) => self.next(rest),
            Err(cause) => self.fail(cause, address, rest),
        }
    }
}
