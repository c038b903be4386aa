// SPDX-License-Identifier: GPL-2.0

//! The helper functions.

use core::ops::Deref;

use super::checksum;
use super::context::Context;
use super::machine::{tail, Machine};
use super::readable::Readable;
use super::sample::Sample;
use super::services::Services;
use crate::address::{self, Region};
use crate::errno;
use crate::fault::FaultCause;
use crate::frame::Frame;
use crate::helper::{helper_table, Helper, BPF_F_INGRESS};
use crate::map::words::{words_for, MapBytes, WordSource, WORD};
use crate::map::Map;
use crate::memory::Memory;
use crate::numbered::numbered;
use crate::verdict::XdpVerdict;

/// Arguments of a helper: r1 to r5.
pub(super) type Arguments = [u64; 5];

/// A helper that could not even start, and the argument at fault.
pub(super) type BadArgument = (FaultCause, u64);

/// Flags of `bpf_perf_event_output` that choose a place in the array, or the processor's own.
const EVENT_INDEX: u64 = 0xffff_ffff;
/// Flags of `bpf_perf_event_output` that say how much of the frame to append.
const EVENT_FRAME_LEN: u64 = 0xf_ffff << EVENT_FRAME_SHIFT;
const EVENT_FRAME_SHIFT: u32 = 32;

/// What `bpf_redirect` returns to a classifier.
const TC_ACT_SHOT: u64 = 2;
const TC_ACT_REDIRECT: u64 = 7;

impl<'r, M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'r, '_, R, S> {
    /// Calls helper `id`; gives r0.
    pub(super) fn call_helper(
        &mut self,
        id: u64,
        arguments: Arguments,
    ) -> Result<u64, BadArgument> {
        let helper = i32::try_from(id).ok().and_then(Helper::from_id);
        let Some(helper) = helper else {
            return Err((FaultCause::InvalidOperation, id));
        };
        macro_rules! dispatch {
            (($machine:expr) $(
                $(#[$doc:meta])*
                $id:literal, $name:ident, $text:literal, $callers:ident, $effect:ident, $method:ident;
            )*) => {
                match helper {
                    $(Helper::$name => $machine.$method(arguments),)*
                }
            };
        }
        helper_table!(dispatch!(self))
    }

    fn ktime_get_ns(&mut self, _: Arguments) -> Result<u64, BadArgument> {
        Ok(self.services.ktime_get_ns())
    }

    fn prandom_u32(&mut self, _: Arguments) -> Result<u64, BadArgument> {
        Ok(self.services.prandom_u32().into())
    }

    fn processor_id(&mut self, _: Arguments) -> Result<u64, BadArgument> {
        Ok(self.services.processor_id().into())
    }

    fn xdp_get_buff_len(&mut self, [context, ..]: Arguments) -> Result<u64, BadArgument> {
        if context != address::CONTEXT {
            return Err((FaultCause::NotTheContext, context));
        }
        Ok(self.frame.len() as u64)
    }

    fn xdp_adjust_head(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.adjust(Helper::XdpAdjustHead, arguments, |frame, delta| {
            frame.adjust_head(delta)
        })
    }

    fn xdp_adjust_meta(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.adjust(Helper::XdpAdjustMeta, arguments, |frame, delta| {
            frame.adjust_meta(delta)
        })
    }

    fn xdp_adjust_tail(&mut self, arguments: Arguments) -> Result<u64, BadArgument> {
        self.adjust(Helper::XdpAdjustTail, arguments, |frame, delta| {
            frame.adjust_tail(delta)
        })
    }

    fn adjust(
        &mut self,
        helper: Helper,
        [context, delta, ..]: Arguments,
        adjust: impl FnOnce(&mut Frame<'_>, i32) -> Result<(), i32>,
    ) -> Result<u64, BadArgument> {
        if context != address::CONTEXT {
            return Err((FaultCause::NotTheContext, context));
        }
        if !matches!(self.context, Context::Xdp(_)) {
            return Err((FaultCause::InvalidOperation, helper as u64));
        }
        // The kernel's helpers take an int.
        Ok(status(adjust(self.frame, delta as i32)))
    }

    /// Notes where the frame is to go if the program's verdict is [`XdpVerdict::Redirect`] or
    /// [`TcVerdict::Redirect`](crate::verdict::TcVerdict::Redirect). Whether it can go there is for whoever
    /// acts on the verdict to find out, as in the kernel.
    fn redirect(&mut self, [ifindex, flags, ..]: Arguments) -> Result<u64, BadArgument> {
        Ok(match &mut self.context {
            Context::Xdp(_) if flags != 0 => XdpVerdict::Aborted as u64,
            Context::Xdp(context) => {
                context.redirect = Some(ifindex as u32);
                XdpVerdict::Redirect as u64
            }
            // A verifier that knew of it would have refused the program.
            Context::Tc(_) if flags == BPF_F_INGRESS => {
                return Err((FaultCause::InvalidOperation, flags));
            }
            Context::Tc(_) if flags != 0 => TC_ACT_SHOT,
            Context::Tc(context) => {
                context.redirect = Some(ifindex as u32);
                TC_ACT_REDIRECT
            }
        })
    }

    /// Sends `size` bytes at `data` to user space, and behind them as much of the frame as `flags`
    /// demand.
    fn event_output(
        &self,
        [context, map, flags, data, size]: Arguments,
    ) -> Result<u64, BadArgument> {
        if context != address::CONTEXT {
            return Err((FaultCause::NotTheContext, context));
        }
        let (index, array) = self.map(map)?;
        if !array.is_event_array() {
            return Err((FaultCause::NotAMap, map));
        }
        if flags & !(EVENT_INDEX | EVENT_FRAME_LEN) != 0 {
            return Ok(status(Err(errno::EINVAL)));
        }
        let frame_len = (flags & EVENT_FRAME_LEN) >> EVENT_FRAME_SHIFT;
        let Some(frame) = self.frame.data().get(..frame_len as usize) else {
            return Ok(status(Err(errno::EFAULT)));
        };
        let data_len = size as usize;
        let data = readable(self.frame, self.stack, self.maps, data, data_len)?;
        let sample = Sample {
            data,
            data_len,
            frame,
        };
        Ok(self.services.event_output(index, flags, &sample) as u64)
    }

    /// How a checksum changes when the bytes at `from` become those at `to`, or when bytes come or
    /// go if one size is 0. A pointer is of no account where there are no bytes.
    fn csum_diff(
        &self,
        [from, from_size, to, to_size, seed]: Arguments,
    ) -> Result<u64, BadArgument> {
        // The kernel's helper takes all but the pointers as 32 bits.
        let (from_size, to_size, seed) = (from_size as u32, to_size as u32, seed as u32);
        let sum = |address: u64, size: u32, seed: u32| {
            let len = size as usize;
            let bytes = readable(self.frame, self.stack, self.maps, address, len)?;
            Ok::<u32, BadArgument>(checksum::sum(&bytes, len, seed))
        };
        let result = match (from_size, to_size) {
            (0, 0) => seed,
            (0, _) => sum(to, to_size, seed)?,
            (_, 0) => !sum(from, from_size, !seed)?,
            _ => checksum::sub(sum(to, to_size, seed)?, sum(from, from_size, 0)?),
        };
        Ok(checksum::fold(result).into())
    }

    fn map_lookup(&mut self, [map, key, ..]: Arguments) -> Result<u64, BadArgument> {
        let (index, map) = self.map(map)?;
        let key = self.read_key(map, key)?;
        Ok(map
            .find(key)
            .map_or(0, |offset| address::of_map_value(index, offset)))
    }

    fn map_update(&mut self, [map, key, value, flags, _]: Arguments) -> Result<u64, BadArgument> {
        let (_, map) = self.map(map)?;
        let words = self.read_key(map, key)?.len();
        let value = readable(self.frame, self.stack, self.maps, value, map.value_size())?;
        let key = self.key.get(..words).unwrap_or(&[]);
        Ok(status(
            map.update_words(key, &value, flags)
                .map_err(|error| error.errno()),
        ))
    }

    fn map_delete(&mut self, [map, key, ..]: Arguments) -> Result<u64, BadArgument> {
        let (_, map) = self.map(map)?;
        let key = self.read_key(map, key)?;
        Ok(status(map.delete_words(key).map_err(|error| error.errno())))
    }

    /// The map that argument `address` names.
    fn map(&self, address: u64) -> Result<(u16, &'r Map<M>), BadArgument> {
        let bad = (FaultCause::NotAMap, address);
        let Region::Map(index) = address::region(address) else {
            return Err(bad);
        };
        let maps: &'r [R] = self.maps;
        maps.get(usize::from(index))
            .map(|map| (index, &**map))
            .ok_or(bad)
    }

    /// Copies the key at `address` to where lookups want it.
    fn read_key(&mut self, map: &Map<M>, address: u64) -> Result<&[u64], BadArgument> {
        let source = readable(self.frame, self.stack, self.maps, address, map.key_size())?;
        let key = self
            .key
            .get_mut(..words_for(map.key_size()))
            .unwrap_or_default();
        for (index, word) in numbered(&mut *key) {
            *word = source.word(index);
        }
        Ok(key)
    }
}

/// The `len` bytes at `address`, wherever they are.
pub(super) fn readable<'a, M: Memory, R: Deref<Target = Map<M>>>(
    frame: &'a Frame<'_>,
    stack: &'a [u8],
    maps: &'a [R],
    address: u64,
    len: usize,
) -> Result<Readable<'a>, BadArgument> {
    let (bytes, cause) = match address::region(address) {
        Region::Stack(offset) => (tail(stack, offset), FaultCause::Stack),
        Region::Frame(offset) => (frame.tail(offset), FaultCause::Frame),
        Region::MapValue(map, offset) => {
            let bad = (FaultCause::MapValue, address);
            let words = maps.get(usize::from(map)).ok_or(bad)?.values();
            let offset = offset as usize;
            let end = offset.checked_add(len).ok_or(bad)?;
            if end > words.len().saturating_mul(WORD) {
                return Err(bad);
            }
            return Ok(Readable::Map(MapBytes { words, offset, len }));
        }
        Region::Context(_) | Region::Map(_) | Region::None => (None, FaultCause::NoRegion),
    };
    let bytes = bytes.and_then(|bytes| bytes.get(..len));
    bytes.map(Readable::Bytes).ok_or((cause, address))
}

/// A result as programs see it: 0, or a negative error number in 64 bits.
pub(super) fn status(result: Result<(), i32>) -> u64 {
    match result {
        Ok(()) => 0,
        Err(errno) => i64::from(errno).wrapping_neg() as u64,
    }
}
