// SPDX-License-Identifier: GPL-2.0

//! Packet loads of classifiers: LD_ABS and LD_IND.

use core::ops::Deref;

use super::context::Context;
use super::flow::Flow;
use super::machine::{Machine, Number};
use super::services::Services;
use crate::address;
use crate::fault::FaultCause;
use crate::map::Map;
use crate::memory::Memory;
use crate::op::{Op, Register};

/// Offsets from here on and below 0 count from the network header.
const SKF_NET_OFF: i32 = -0x10_0000;
/// Offsets from here on and below [`SKF_NET_OFF`] count from the link-layer header, where the frame
/// begins.
const SKF_LL_OFF: i32 = -0x20_0000;

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// A number of the frame in network byte order, at `base` plus the operation's immediate. The
    /// kernel's helpers take that sum as an `int`. Where the frame has no such bytes, the function
    /// returns 0.
    pub(super) fn load_packet<N: Number>(&mut self, op: &Op, base: u64, rest: &[Op]) -> Flow {
        let context = self.get(Register::R6);
        if context != address::CONTEXT {
            return self.fail(FaultCause::NotTheContext, context, rest);
        }
        let Context::Tc(context) = &self.context else {
            return self.fail(FaultCause::InvalidOperation, 0, rest);
        };
        let offset = base.wrapping_add(op.imm) as i32;
        let place = match offset {
            0.. => Some(offset as usize),
            SKF_NET_OFF.. => (offset.wrapping_sub(SKF_NET_OFF) as usize)
                .checked_add(context.network_offset as usize),
            SKF_LL_OFF.. => Some(offset.wrapping_sub(SKF_LL_OFF) as usize),
            _ => None,
        };
        let bytes = place.and_then(|place| self.frame.data().get(place..));
        let Some(little) = bytes.and_then(N::first_of) else {
            self.set(op.dst, 0);
            return self.exit(rest);
        };
        let unused = 64_u32.wrapping_sub((N::BYTES as u32).wrapping_mul(8));
        self.set(op.dst, little.swap_bytes().wrapping_shr(unused));
        self.next(rest)
    }
}
