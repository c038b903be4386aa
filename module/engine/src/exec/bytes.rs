// SPDX-License-Identifier: GPL-2.0

//! Helpers that copy bytes between the frame and the program's own memory.

use core::ops::Deref;

use super::context::Context;
use super::helpers::{readable, status, Arguments, BadArgument};
use super::machine::{tail_mut, Machine};
use super::services::Services;
use crate::address::{self, Region};
use crate::errno;
use crate::fault::FaultCause;
use crate::map::words::{self, WordSource, WORD};
use crate::map::Map;
use crate::memory::Memory;

/// Flags of `bpf_skb_store_bytes`: keep a checksum of the whole frame right, and forget its hash.
const BPF_F_RECOMPUTE_CSUM: u64 = 1;
const BPF_F_INVALIDATE_HASH: u64 = 2;
/// Greatest offset and length that the helpers of XDP programs take.
const XDP_MAX: u32 = 0xffff;

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// `bpf_skb_load_bytes`, which gives zeros where the frame has no such bytes.
    pub(super) fn load_bytes(
        &mut self,
        offset: Option<u32>,
        to: u64,
        len: u32,
    ) -> Result<u64, BadArgument> {
        let offset = offset.filter(|offset| *offset <= i32::MAX as u32);
        let offset = offset.filter(|offset| self.has_bytes(*offset, len));
        self.frame_to_memory(offset, to, len as usize)?;
        Ok(status(offset.map(|_| ()).ok_or(errno::EFAULT)))
    }

    /// `bpf_skb_store_bytes`.
    pub(super) fn store_bytes(
        &mut self,
        offset: u32,
        from: u64,
        len: u32,
        flags: u64,
    ) -> Result<u64, BadArgument> {
        if flags & !(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH) != 0 {
            return Ok(status(Err(errno::EINVAL)));
        }
        if offset > i32::MAX as u32 || !self.has_bytes(offset, len) {
            return Ok(status(Err(errno::EFAULT)));
        }
        self.memory_to_frame(from, offset, len as usize)?;
        if let Context::Tc(context) = &mut self.context {
            context.hash_invalid |= flags & BPF_F_INVALIDATE_HASH != 0;
        }
        Ok(0)
    }

    /// `bpf_xdp_load_bytes`.
    pub(super) fn xdp_load_bytes(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.xdp_bytes(false, arguments)
    }

    /// `bpf_xdp_store_bytes`.
    pub(super) fn xdp_store_bytes(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.xdp_bytes(true, arguments)
    }

    fn xdp_bytes(
        &mut self,
        is_store: bool,
        [context, offset, memory, len, _]: Arguments,
    ) -> Result<u64, BadArgument> {
        if context != address::CONTEXT {
            return Err((FaultCause::NotTheContext, context));
        }
        let (offset, len) = (offset as u32, len as u32);
        if offset > XDP_MAX || len > XDP_MAX {
            return Ok(status(Err(errno::EFAULT)));
        }
        if !self.has_bytes(offset, len) {
            return Ok(status(Err(errno::EINVAL)));
        }
        if !is_store {
            self.frame_to_memory(Some(offset), memory, len as usize)?;
        } else if self.frame.is_read_only() {
            return Err((FaultCause::FrameReadOnly, memory));
        } else {
            self.memory_to_frame(memory, offset, len as usize)?;
        }
        Ok(0)
    }

    fn has_bytes(&self, offset: u32, len: u32) -> bool {
        (offset as usize).saturating_add(len as usize) <= self.frame.len()
    }

    /// Copies `len` bytes of the frame, from byte `offset` on, to `to`; zeros if there is no offset.
    fn frame_to_memory(
        &mut self,
        offset: Option<u32>,
        to: u64,
        len: usize,
    ) -> Result<(), BadArgument> {
        let bytes = offset.and_then(|offset| self.frame.data().get(offset as usize..));
        let bytes = bytes.and_then(|bytes| bytes.get(..len)).unwrap_or(&[]);
        match address::region(to) {
            Region::Stack(offset) => {
                let place = tail_mut(self.stack, offset).and_then(|place| place.get_mut(..len));
                let place = place.ok_or((FaultCause::Stack, to))?;
                place.fill(0);
                for (to, from) in place.iter_mut().zip(bytes) {
                    *to = *from;
                }
            }
            Region::MapValue(map, offset) => {
                let bad = (FaultCause::MapValue, to);
                let (words, offset) = (self.values(map).ok_or(bad)?, offset as usize);
                let end = offset.checked_add(len).ok_or(bad)?;
                if end > words.len().saturating_mul(WORD) {
                    return Err(bad);
                }
                for index in 0..len.div_ceil(WORD) {
                    let at = index.wrapping_mul(WORD);
                    let count = len.saturating_sub(at).min(WORD);
                    let place = offset.wrapping_add(at);
                    words::store(words, place, count, bytes.word(index)).ok_or(bad)?;
                }
            }
            Region::Frame(_) | Region::Context(_) | Region::Map(_) | Region::None => {
                return Err((FaultCause::NoRegion, to));
            }
        }
        Ok(())
    }

    /// Copies `len` bytes at `from` to byte `offset` of the frame, which has room for them.
    fn memory_to_frame(&mut self, from: u64, offset: u32, len: usize) -> Result<(), BadArgument> {
        for index in 0..len.div_ceil(WORD) {
            let at = index.wrapping_mul(WORD);
            let count = len.saturating_sub(at).min(WORD);
            let address = from.wrapping_add(at as u64);
            let word = readable(self.frame, self.stack, self.maps, address, count)?.word(0);
            let bytes = word.to_le_bytes();
            let place = (offset as usize).wrapping_add(at);
            self.frame.put(place, bytes.get(..count).unwrap_or(&[]));
        }
        Ok(())
    }
}
