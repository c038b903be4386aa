// SPDX-License-Identifier: GPL-2.0

//! The state of one run, and its memory accesses.

use core::sync::atomic::{fence, AtomicU64, Ordering};

use super::context::Context;
use super::flow::Flow;
use crate::address::{self, Region};
use crate::fault::FaultCause;
use crate::frame::Frame;
use crate::limits::MAX_CALL_DEPTH;
use crate::map::words::{self, KEY_WORDS, WORD};
use crate::op::{Code, Op, Register};

/// A program that can't go on.
#[derive(Clone, Copy)]
pub(super) struct Stop {
    pub(super) op: usize,
    pub(super) cause: FaultCause,
    pub(super) address: u64,
}

/// A program that returned.
#[derive(Clone, Copy)]
pub(super) struct Returned {
    pub(super) op: usize,
    pub(super) value: u64,
}

/// What a function needs back when the function that it called returns.
#[derive(Clone, Copy, Default)]
pub(super) struct CallFrame {
    /// Operation after the call.
    pub(super) return_to: u32,
    /// First operation of the called function.
    pub(super) entered: u32,
    /// r6 to r9.
    pub(super) saved: [u64; 4],
}

/// What an operation's function does: everything until the chain returns.
///
/// It is given its operation and those of the chain behind it.
pub(super) type Handler<R, S> = fn(&mut Machine<'_, '_, R, S>, &Op, &[Op]) -> Flow;

/// Everything that a running program can touch.
pub(super) struct Machine<'r, 'f, R, S> {
    /// By [`Register`].
    pub(super) registers: [u64; 16],
    pub(super) frame: &'r mut Frame<'f>,
    pub(super) context: Context<'r>,
    pub(super) stack: &'r mut [u8],
    pub(super) key: &'r mut [u64; KEY_WORDS],
    pub(super) calls: &'r mut [CallFrame; MAX_CALL_DEPTH],
    pub(super) maps: &'r [R],
    pub(super) services: &'r S,
    /// The functions of all operations. In here rather than named where they are called:
    /// the kernel's objtool takes a jump through a table that the same function names for a
    /// `switch`, and then misses its targets.
    pub(super) handlers: &'r [Handler<R, S>; Code::ALL.len()],
    /// For each operation its first instruction's slot.
    pub(super) origins: &'r [u32],
    /// Slots of the program.
    pub(super) slots: u32,
    /// Instructions that the program may still do again.
    pub(super) budget: u32,
    /// Calls that have not returned.
    pub(super) depth: usize,
    /// The index of the operation behind the last one of the chain that runs.
    pub(super) chain_end: usize,
    /// Why the program can't go on, once it can't; of a program that returned, only where.
    pub(super) stop: Stop,
}

/// A number in memory, least significant byte first.
pub(super) trait Number: Copy {
    const BYTES: usize;
    const MASK: u64;
    fn first_of(bytes: &[u8]) -> Option<u64>;
    fn put_first(value: u64, bytes: &mut [u8]) -> Option<()>;
    fn of_frame(frame: &Frame<'_>, offset: u64) -> Option<u64>;
    fn put_in_frame(value: u64, frame: &mut Frame<'_>, offset: u64) -> Option<()>;
}

macro_rules! impl_number {
    ($($type:ty)*) => {
        $(
            impl Number for $type {
                const BYTES: usize = size_of::<$type>();
                const MASK: u64 = <$type>::MAX as u64;

                #[inline(always)]
                fn first_of(bytes: &[u8]) -> Option<u64> {
                    bytes.first_chunk().map(|bytes| u64::from(<$type>::from_le_bytes(*bytes)))
                }

                #[inline(always)]
                fn put_first(value: u64, bytes: &mut [u8]) -> Option<()> {
                    *bytes.first_chunk_mut()? = (value as $type).to_le_bytes();
                    Some(())
                }

                #[inline(always)]
                fn of_frame(frame: &Frame<'_>, offset: u64) -> Option<u64> {
                    frame.chunk(offset).map(|bytes| u64::from(<$type>::from_le_bytes(*bytes)))
                }

                #[inline(always)]
                fn put_in_frame(value: u64, frame: &mut Frame<'_>, offset: u64) -> Option<()> {
                    *frame.chunk_mut(offset)? = (value as $type).to_le_bytes();
                    Some(())
                }
            }
        )*
    };
}

impl_number! { u8 u16 u32 u64 }

impl<M, R, S> Machine<'_, '_, R, S>
where
    M: crate::memory::Memory,
    R: core::ops::Deref<Target = crate::map::Map<M>>,
{
    /// The value of a register.
    #[inline(always)]
    pub(super) fn get(&self, register: Register) -> u64 {
        self.registers[register as usize]
    }

    /// Sets a register.
    #[inline(always)]
    pub(super) fn set(&mut self, register: Register, value: u64) {
        self.registers[register as usize] = value;
    }

    /// The value of the register that the low four bits of `bits` name.
    #[inline(always)]
    pub(super) fn get_by_bits(&self, bits: u64) -> u64 {
        self.registers[bits as usize & 15]
    }

    /// Sets the register that the low four bits of `bits` name.
    #[inline(always)]
    pub(super) fn set_by_bits(&mut self, bits: u64, value: u64) {
        self.registers[bits as usize & 15] = value;
    }

    /// Reads a number from anywhere.
    pub(super) fn load<N: Number>(&self, address: u64) -> Result<u64, FaultCause> {
        match address::region(address) {
            Region::Frame(offset) => self
                .frame
                .tail(offset)
                .and_then(N::first_of)
                .ok_or(FaultCause::Frame),
            Region::Stack(offset) => tail(self.stack, offset)
                .and_then(N::first_of)
                .ok_or(FaultCause::Stack),
            Region::MapValue(map, offset) => self
                .values(map)
                .and_then(|words| words::load(words, offset as usize, N::BYTES))
                .ok_or(FaultCause::MapValue),
            Region::Context(offset) => self
                .context
                .load(self.frame, offset, N::BYTES)
                .ok_or(FaultCause::Context),
            Region::Map(_) | Region::None => Err(FaultCause::NoRegion),
        }
    }

    /// Reads a number from the frame, and from nowhere else.
    #[inline(always)]
    pub(super) fn load_frame<N: Number>(&self, address: u64) -> Option<u64> {
        N::of_frame(self.frame, address.wrapping_sub(address::FRAME))
    }

    /// Reads a number from the stack, and from nowhere else.
    #[inline(always)]
    pub(super) fn load_stack<N: Number>(&self, address: u64) -> Option<u64> {
        tail(self.stack, address.wrapping_sub(address::STACK)).and_then(N::first_of)
    }

    /// Reads a number from the values of a map, and from nowhere else.
    #[inline(always)]
    pub(super) fn load_map<N: Number>(&self, address: u64) -> Option<u64> {
        let Region::MapValue(map, offset) = address::region(address) else {
            return None;
        };
        words::load(self.values(map)?, offset as usize, N::BYTES)
    }

    /// Writes a number to anywhere.
    pub(super) fn store<N: Number>(&mut self, address: u64, value: u64) -> Result<(), FaultCause> {
        match address::region(address) {
            Region::Frame(offset) => match self.frame.tail_mut(offset) {
                Ok(bytes) => bytes
                    .and_then(|bytes| N::put_first(value, bytes))
                    .ok_or(FaultCause::Frame),
                Err(_) => Err(FaultCause::FrameReadOnly),
            },
            Region::Stack(offset) => tail_mut(self.stack, offset)
                .and_then(|bytes| N::put_first(value, bytes))
                .ok_or(FaultCause::Stack),
            Region::MapValue(map, offset) => self
                .values(map)
                .and_then(|words| words::store(words, offset as usize, N::BYTES, value))
                .ok_or(FaultCause::MapValue),
            Region::Context(offset) => self
                .context
                .store(offset, N::BYTES, value)
                .ok_or(FaultCause::Context),
            Region::Map(_) | Region::None => Err(FaultCause::NoRegion),
        }
    }

    /// Writes a number to the stack, and to nowhere else.
    #[inline(always)]
    pub(super) fn store_stack<N: Number>(&mut self, address: u64, value: u64) -> Option<()> {
        N::put_first(
            value,
            tail_mut(self.stack, address.wrapping_sub(address::STACK))?,
        )
    }

    /// Writes a number to the frame, and to nowhere else.
    #[inline(always)]
    pub(super) fn store_frame<N: Number>(&mut self, address: u64, value: u64) -> Option<()> {
        N::put_in_frame(value, self.frame, address.wrapping_sub(address::FRAME))
    }

    /// Writes a number to the values of a map, and to nowhere else.
    #[inline(always)]
    pub(super) fn store_map<N: Number>(&mut self, address: u64, value: u64) -> Option<()> {
        let Region::MapValue(map, offset) = address::region(address) else {
            return None;
        };
        words::store(self.values(map)?, offset as usize, N::BYTES, value)
    }

    /// Replaces a number by `f` of it in one step that other users of a map see as a whole; gives
    /// the old one.
    pub(super) fn atomic<N: Number>(
        &mut self,
        address: u64,
        f: impl Fn(u64) -> u64,
    ) -> Result<u64, FaultCause> {
        let Region::MapValue(map, offset) = address::region(address) else {
            // Nobody else sees the stack or the frame.
            let old = self.load::<N>(address)?;
            self.store::<N>(address, f(old))?;
            return Ok(old);
        };
        let offset = offset as usize;
        let word = self
            .values(map)
            .and_then(|words| words.get(offset / WORD))
            .ok_or(FaultCause::MapValue)?;
        let start = offset % WORD;
        if start.wrapping_add(N::BYTES) > WORD {
            return Err(FaultCause::MisalignedAtomic);
        }
        let shift = (8 * start) as u32;
        let mask = N::MASK;
        let change = |old: u64| old & !(mask << shift) | (f(old >> shift & mask) & mask) << shift;
        let old = words::update(word, Ordering::SeqCst, change);
        Ok(old >> shift & mask)
    }

    /// Reads a number before everything that the program does after it.
    pub(super) fn load_acquire<N: Number>(&self, address: u64) -> Result<u64, FaultCause> {
        let value = self.load::<N>(address)?;
        fence(Ordering::Acquire);
        Ok(value)
    }

    /// Writes a number after everything that the program did before it.
    pub(super) fn store_release<N: Number>(
        &mut self,
        address: u64,
        value: u64,
    ) -> Result<(), FaultCause> {
        fence(Ordering::Release);
        self.store::<N>(address, value)
    }

    /// The memory of map `map`.
    #[inline]
    pub(super) fn values(&self, map: u16) -> Option<&[AtomicU64]> {
        self.maps.get(usize::from(map)).map(|map| map.values())
    }
}

#[inline(always)]
pub(super) fn tail(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    bytes.get(offset as usize..)
}

#[inline(always)]
pub(super) fn tail_mut(bytes: &mut [u8], offset: u64) -> Option<&mut [u8]> {
    bytes.get_mut(offset as usize..)
}
