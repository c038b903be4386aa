// SPDX-License-Identifier: GPL-2.0

//! Operations that do at once what those behind them do one by one.
//!
//! Each is for the common case: the frame is long enough, the key lies on the stack, the map is
//! there. In any other case it changes nothing, and the operations behind it find out what is
//! wrong, with which of them.

use core::ops::Deref;
use core::sync::atomic::Ordering;

use super::interpreter::Flow;
use super::machine::{tail, Machine, Number};
use super::Services;
use crate::address::{self, Region};
use crate::gather::{part, Gather};
use crate::map::words::{self, words_for, WordSource, WORD};
use crate::map::Map;
use crate::memory::Memory;
use crate::numbered::numbered;
use crate::op::{Op, Register};

/// Bytes of an Ethernet address.
const ADDRESS_LEN: u64 = 6;

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// Goes on behind the operations that `op` stands for.
    #[inline(always)]
    fn pass_over(&mut self, op: &Op, rest: &[Op]) -> Flow {
        self.next_but(op.skip(), rest)
    }

    /// The parts of a word of the frame go to four registers, to `dst` last: where there are fewer
    /// parts, `dst` stands for the others as well.
    #[inline(always)]
    pub(super) fn gather<N: Number>(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let Some(word) = self.load_frame::<N>(self.address(op)) else {
            return self.next(rest);
        };
        self.set(Gather::fourth(op), part(word, op.imm >> 12));
        self.set(op.third(), part(word, op.imm >> 8));
        self.set(op.b, part(word, op.imm >> 4));
        self.set(op.dst, part(word, op.imm));
        self.pass_over(op, rest)
    }

    /// As `gather` of two bytes for two registers; then jumps if whether `dst` is the constant is
    /// `on_equal`.
    #[inline(always)]
    pub(super) fn gather_then_jump(&mut self, op: &Op, rest: &[Op], on_equal: bool) -> Flow {
        let offset = (op.imm as i64 >> 48) as u64;
        let Some(word) = self.load_frame::<u16>(self.get(op.a).wrapping_add(offset)) else {
            return self.next(rest);
        };
        let value = part(word, op.imm);
        self.set(op.b, part(word, op.imm >> 4));
        self.set(op.dst, value);
        if (value == op.second().into()) == on_equal {
            Flow::go(op.extra as usize)
        } else {
            self.pass_over(op, rest)
        }
    }

    /// The bounds of the frame, from the context.
    #[inline(always)]
    pub(super) fn load_bounds(&mut self, op: &Op, rest: &[Op]) -> Flow {
        if self.get(op.a) != address::CONTEXT {
            return self.next(rest);
        }
        self.set(op.dst, address::of_frame(self.frame.end_offset()));
        self.set(op.b, address::of_frame(self.frame.data_offset()));
        self.pass_over(op, rest)
    }

    /// Copies six bytes that `source` finds.
    #[inline(always)]
    pub(super) fn copy(
        &mut self,
        op: &Op,
        rest: &[Op],
        source: impl FnOnce(&Self, u64, u64) -> Option<u64>,
    ) -> Flow {
        let from = self.address(op);
        let to = self.get(op.b).wrapping_add(op.second_signed());
        let copied = source(self, from, to).filter(|six| self.put_six(to, *six).is_some());
        let Some(six) = copied else {
            return self.next(rest);
        };
        let byte = |number: u64| six >> (8 * (number & 7)) & 0xff;
        self.set(op.third(), byte(op.imm >> 4));
        self.set(op.dst, byte(op.imm));
        self.pass_over(op, rest)
    }

    /// Six bytes of the frame, if they are not among those at `to`.
    #[inline(always)]
    pub(super) fn six_of_frame(&self, from: u64, to: u64) -> Option<u64> {
        let apart = from.wrapping_sub(to);
        if apart < ADDRESS_LEN || apart.wrapping_neg() < ADDRESS_LEN {
            return None;
        }
        let low = self.load_frame::<u32>(from)?;
        let high = self.load_frame::<u16>(from.wrapping_add(4))?;
        Some(low | high << 32)
    }

    /// Six bytes of the value of a map.
    #[inline(always)]
    pub(super) fn six_of_map(&self, from: u64, _to: u64) -> Option<u64> {
        let Region::MapValue(map, offset) = address::region(from) else {
            return None;
        };
        words::load(self.values(map)?, offset as usize, ADDRESS_LEN as usize)
    }

    /// Writes six bytes to the frame: all, or none.
    #[inline(always)]
    fn put_six(&mut self, to: u64, six: u64) -> Option<()> {
        let offset = to.wrapping_sub(address::FRAME);
        let bytes: &mut [u8; 6] = self.frame.tail_mut(offset).ok()??.first_chunk_mut()?;
        let [a, b, c, d, e, f, _, _] = six.to_le_bytes();
        *bytes = [a, b, c, d, e, f];
        Some(())
    }

    /// Adds to a number in the value of a map. Not in one step: the operations behind do not, too.
    pub(super) fn increment(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let Region::MapValue(map, offset) = address::region(self.address(op)) else {
            return self.next(rest);
        };
        let offset = offset as usize;
        let words = self.values(map).unwrap_or(&[]);
        let Some(word) = words.get(offset / WORD).filter(|_| offset % WORD == 0) else {
            return self.next(rest);
        };
        let sum = word
            .load(Ordering::Relaxed)
            .wrapping_add(op.second_signed());
        word.store(sum, Ordering::Relaxed);
        self.set(op.dst, sum);
        self.pass_over(op, rest)
    }

    /// `bpf_map_lookup_elem` of a key on the stack.
    pub(super) fn look_up(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let named = rest.first().map_or(u16::MAX, |map| map.imm as u16);
        let Some(found) = self.try_look_up(named) else {
            return self.next(rest);
        };
        self.set(Register::R1, address::of_map(named));
        self.set(Register::R0, found);
        self.pass_over(op, rest)
    }

    #[inline(always)]
    fn try_look_up(&mut self, index: u16) -> Option<u64> {
        let map = self.maps.get(usize::from(index))?;
        let len = map.key_size();
        let offset = self.get(Register::R2).wrapping_sub(address::STACK);
        let bytes = tail(self.stack, offset)?.get(..len)?;
        let key = self.key.get_mut(..words_for(len))?;
        if let (4, [word]) = (len, &mut *key) {
            *word = u32::from_le_bytes(*bytes.first_chunk()?).into();
        } else if len % WORD == 0 {
            let mut left = bytes;
            for word in &mut *key {
                let (first, behind) = left.split_first_chunk()?;
                *word = u64::from_le_bytes(*first);
                left = behind;
            }
        } else {
            for (index, word) in numbered(&mut *key) {
                *word = bytes.word(index);
            }
        }
        let found = map.find(key);
        Some(found.map_or(0, |offset| address::of_map_value(index, offset)))
    }
}
