// SPDX-License-Identifier: GPL-2.0

//! Operations that do at once what those behind them do one by one.
//!
//! Each is for the common case: the frame is long enough, the key lies on the stack, the map is
//! there. In any other case it changes nothing, and the operations behind it find out what is
//! wrong, with which of them.

use core::ops::Deref;
use core::sync::atomic::Ordering;

use super::flow::Flow;
use super::machine::{tail, Machine, Number};
use super::services::Services;
use crate::address::{self, Region};
use crate::gather::part;
use crate::map::words::{self, words_for, WordSource, WORD};
use crate::map::Map;
use crate::memory::Memory;
use crate::numbered::numbered;
use crate::op::{Op, Register};

/// Bytes of an Ethernet address.
const ADDRESS_LEN: usize = 6;

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
        self.set_by_bits(op.imm >> 20, part(word, op.imm >> 12));
        self.set_by_bits(op.imm >> 16, part(word, op.imm >> 8));
        self.set(op.b, part(word, op.imm >> 4));
        self.set(op.dst, part(word, op.imm));
        self.pass_over(op, rest)
    }

    /// As `gather` of two bytes for two registers; then jumps if whether `dst` is the constant is
    /// `on_equal`.
    #[inline(always)]
    pub(super) fn gather_then_jump(&mut self, op: &Op, rest: &[Op], on_equal: bool) -> Flow {
        let address = self.get(op.a).wrapping_add(op.high_offset());
        let Some(word) = self.load_frame::<u16>(address) else {
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

    /// The same, and then the check whether the frame is long enough.
    #[inline(always)]
    pub(super) fn load_bounds_then_jump(&mut self, op: &Op, rest: &[Op]) -> Flow {
        if self.get(op.a) != address::CONTEXT {
            return self.next(rest);
        }
        let end = address::of_frame(self.frame.end_offset());
        let start = address::of_frame(self.frame.data_offset());
        let needed = start.wrapping_add(op.second().into());
        self.set(op.dst, end);
        self.set(op.b, start);
        self.set_by_bits(op.imm >> 16, needed);
        if needed > end {
            self.jump(op, rest)
        } else {
            self.pass_over(op, rest)
        }
    }

    /// Goes where two comparisons of `value`, one after the other, lead.
    #[inline(always)]
    pub(super) fn choose(&mut self, op: &Op, rest: &[Op], value: u64) -> Flow {
        if value == op.second().into() {
            self.pass_over(op, rest)
        } else if value == u64::from(op.imm as u16) {
            self.next_but((op.imm >> 48) as usize, rest)
        } else {
            self.jump(op, rest)
        }
    }

    /// Two numbers of two bytes.
    #[inline(always)]
    pub(super) fn load_halves(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let Some(word) = self.load_frame::<u32>(self.address(op)) else {
            return self.next(rest);
        };
        let word = word as u32;
        self.set(op.b, (word >> 16).into());
        self.set(op.dst, word.rotate_left(16).into());
        self.pass_over(op, rest)
    }

    /// Copies one of two neighbouring Ethernet addresses to the place of the other.
    #[inline(always)]
    pub(super) fn copy_neighbour(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let offset = self.address(op).wrapping_sub(address::FRAME);
        let bytes = self.frame.chunk_mut::<{ 2 * ADDRESS_LEN }>(offset);
        let six = bytes.and_then(|bytes| {
            let (first, behind) = bytes.split_first_chunk_mut::<ADDRESS_LEN>()?;
            let second = behind.first_chunk_mut::<ADDRESS_LEN>()?;
            let [a, b, c, d, e, f] = if op.second() == 0 {
                *first = *second;
                *first
            } else {
                *second = *first;
                *second
            };
            Some(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
        });
        match six {
            Some(six) => self.copied(op, rest, six),
            None => self.next(rest),
        }
    }

    /// Copies an Ethernet address from the value of a map to the frame.
    #[inline(always)]
    pub(super) fn copy_from_map(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let to = self.get(op.b).wrapping_add(op.second_signed());
        let offset = to.wrapping_sub(address::FRAME);
        let six = self.six_of_map(self.address(op));
        let copied = six.and_then(|six| {
            let bytes = self.frame.chunk_mut::<ADDRESS_LEN>(offset)?;
            let (low, high) = bytes.split_first_chunk_mut()?;
            *low = (six as u32).to_le_bytes();
            *high.first_chunk_mut()? = ((six >> 32) as u16).to_le_bytes();
            Some(six)
        });
        match copied {
            Some(six) => self.copied(op, rest, six),
            None => self.next(rest),
        }
    }

    /// Leaves in the registers what six copied bytes leave there.
    #[inline(always)]
    fn copied(&mut self, op: &Op, rest: &[Op], six: u64) -> Flow {
        let bytes = six.to_le_bytes();
        let byte = |number: u64| u64::from(bytes[number as usize & 7]);
        self.set_by_bits(op.imm >> 16, byte(op.imm >> 4));
        self.set(op.dst, byte(op.imm));
        self.pass_over(op, rest)
    }

    /// Six bytes of the value of a map.
    #[inline(always)]
    fn six_of_map(&self, from: u64) -> Option<u64> {
        let Region::MapValue(map, offset) = address::region(from) else {
            return None;
        };
        words::load(self.values(map)?, offset as usize, ADDRESS_LEN)
    }

    /// Copies two numbers, together a `N`, from the frame to the stack.
    #[inline(always)]
    pub(super) fn copy_to_stack<N: Number>(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let to = self.get(op.b).wrapping_add(op.second_signed());
        let both = self.load_frame::<N>(self.address(op));
        let copied = both.filter(|both| self.store_stack::<N>(to, *both).is_some());
        let Some(both) = copied else {
            return self.next(rest);
        };
        let half = 4 * N::BYTES as u32;
        self.set_by_bits(op.imm >> 16, both & N::MASK >> half);
        self.set(op.dst, both.wrapping_shr(half));
        self.pass_over(op, rest)
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
    #[inline(always)]
    pub(super) fn look_up(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let index = op.imm as u16;
        let key = self.address(op);
        let Some(map) = self.maps.get(usize::from(index)) else {
            return self.next(rest);
        };
        if !map.is_array() {
            return self.look_up_hashed(op, rest);
        }
        match self.load_stack::<u32>(key) {
            Some(element) if map.key_size() == 4 => {
                let found = map.find_element(element as u32);
                self.looked_up(op, rest, found)
            }
            _ => self.next(rest),
        }
    }

    /// The same behind storing a key of four bytes.
    #[inline(always)]
    pub(super) fn store_then_look_up(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let index = op.imm as u16;
        let key = self.get(op.b);
        let map = self.maps.get(usize::from(index));
        let Some(map) = map.filter(|map| map.is_array() && map.key_size() == 4) else {
            return self.next(rest);
        };
        let found = map.find_element(key as u32);
        match self.store_stack::<u32>(self.address(op), key) {
            Some(()) => self.looked_up(op, rest, found),
            None => self.next(rest),
        }
    }

    #[inline(never)]
    fn look_up_hashed(&mut self, op: &Op, rest: &[Op]) -> Flow {
        match self.try_look_up(op) {
            Some(found) => self.looked_up(op, rest, found),
            None => self.next(rest),
        }
    }

    /// Goes on with what a lookup has found: the offset of a value, or nothing.
    #[inline(always)]
    fn looked_up(&mut self, op: &Op, rest: &[Op], found: Option<u64>) -> Flow {
        let index = op.imm as u16;
        let value = found.map_or(0, |offset| address::of_map_value(index, offset));
        let key = self.address(op);
        self.set(Register::R0, value);
        self.set(Register::R1, address::of_map(index));
        self.set(Register::R2, key);
        self.pass_over(op, rest)
    }

    #[inline(always)]
    fn try_look_up(&mut self, op: &Op) -> Option<Option<u64>> {
        let offset = self.address(op).wrapping_sub(address::STACK);
        let map = self.maps.get(usize::from(op.imm as u16))?;
        let len = map.key_size();
        let bytes = tail(self.stack, offset)?.get(..len)?;
        let key = self.key.get_mut(..words_for(len))?;
        read_key(bytes, key)?;
        Some(map.find(key))
    }
}

/// Copies a key to where lookups want it.
#[inline(always)]
fn read_key(bytes: &[u8], key: &mut [u64]) -> Option<()> {
    if bytes.len() % WORD != 0 {
        for (index, word) in numbered(key) {
            *word = bytes.word(index);
        }
        return Some(());
    }
    // In a loop, not an array of a length that the compiler knows: it would read all words at once,
    // and a processor waits where it reads at once what was just written in parts.
    let mut left = bytes;
    for word in key {
        let (first, behind) = left.split_first_chunk()?;
        *word = u64::from_le_bytes(*first);
        left = behind;
    }
    Some(())
}
