// SPDX-License-Identifier: GPL-2.0

//! The context of a running program: what its first argument points to.

use crate::address;
use crate::frame::{Frame, TcContext, XdpContext};
use crate::skb::{self, CB, CB_BYTES};

/// `struct xdp_md` or `struct __sk_buff`.
pub(super) enum Context<'a> {
    Xdp(&'a mut XdpContext),
    Tc(&'a mut TcContext),
}

impl Context<'_> {
    /// The four bytes at `offset`; `None` if they can't be read. The frame's bounds come out as
    /// device addresses in all 64 bits of the register.
    #[inline(always)]
    pub(super) fn load_word(&self, frame: &Frame<'_>, offset: u64) -> Option<u64> {
        match self {
            Self::Xdp(context) => Some(match offset {
                0 => address::of_frame(frame.data_offset()),
                4 => address::of_frame(frame.end_offset()),
                8 => address::of_frame(frame.meta_offset()),
                12 => context.ingress_ifindex.into(),
                16 => context
                    .chosen_queue
                    .unwrap_or(context.rx_queue_index)
                    .into(),
                20 => context.egress_ifindex.into(),
                _ => return None,
            }),
            Self::Tc(context) => load_skb(context, frame, offset, 4),
        }
    }

    /// The `count` bytes at `offset`, as a number.
    pub(super) fn load(&self, frame: &Frame<'_>, offset: u64, count: usize) -> Option<u64> {
        match self {
            Self::Xdp(_) if count != 4 => None,
            Self::Xdp(_) => self.load_word(frame, offset),
            Self::Tc(context) => load_skb(context, frame, offset, count),
        }
    }

    /// Writes a number of `count` bytes.
    pub(super) fn store(&mut self, offset: u64, count: usize, value: u64) -> Option<()> {
        match self {
            // An offloaded program chooses the receive queue by writing `rx_queue_index`; the rest
            // is read-only.
            Self::Xdp(context) if offset == 16 && count == 4 => {
                context.chosen_queue = Some(value as u32);
                Some(())
            }
            Self::Xdp(_) => None,
            Self::Tc(context) => store_skb(context, offset, count, value),
        }
    }
}

/// `count` bytes of `struct __sk_buff`.
///
/// Fields are 32 bits wide there, whatever holds them; the kernel rewrites an access to one of what
/// does. It shifts and masks only what is narrower than that, and so do we: the upper half of
/// `protocol`, read as 16 bits, is the protocol once more.
fn load_skb(context: &TcContext, frame: &Frame<'_>, offset: u64, count: usize) -> Option<u64> {
    if !is_aligned(offset, count) {
        return None;
    }
    if (CB..CB.wrapping_add(CB_BYTES)).contains(&offset) {
        return load_cb(context, offset.wrapping_sub(CB), count);
    }
    if count == 4 {
        match offset {
            skb::DATA => return Some(address::of_frame(frame.data_offset())),
            skb::DATA_END => return Some(address::of_frame(frame.end_offset())),
            skb::DATA_META => return Some(address::of_frame(frame.meta_offset())),
            _ => {}
        }
    }
    if count > 4 {
        return None;
    }
    let (value, bytes) = skb::field(context, frame, offset & !3)?;
    if count >= bytes {
        return Some(value.into());
    }
    let shift = (offset as u32 & 3).wrapping_mul(8);
    let mask = 1_u32.wrapping_shl((count as u32).wrapping_mul(8));
    Some((value.wrapping_shr(shift) & mask.wrapping_sub(1)).into())
}

fn store_skb(context: &mut TcContext, offset: u64, count: usize, value: u64) -> Option<()> {
    if !is_aligned(offset, count) {
        return None;
    }
    if (CB..CB.wrapping_add(CB_BYTES)).contains(&offset) {
        return store_cb(context, offset.wrapping_sub(CB), count, value);
    }
    if count == 4 {
        skb::set_field(context, offset, value)
    } else {
        None
    }
}

/// Whether `offset` is a multiple of `count`, a power of two.
fn is_aligned(offset: u64, count: usize) -> bool {
    offset & (count as u64).wrapping_sub(1) == 0
}

/// The words of the scratch space that `count` aligned bytes from byte `at` on lie in, as one
/// number.
fn cb_words(context: &TcContext, at: u64, count: usize) -> Option<u64> {
    let mut words = context.cb.get((at / 4) as usize..)?.iter();
    let low = *words.next()?;
    let high = if count == 8 { *words.next()? } else { 0 };
    Some(u64::from(low) | u64::from(high) << 32)
}

fn load_cb(context: &TcContext, at: u64, count: usize) -> Option<u64> {
    let words = cb_words(context, at, count)?;
    Some(words >> bit(at) & mask(count))
}

fn store_cb(context: &mut TcContext, at: u64, count: usize, value: u64) -> Option<()> {
    let words = cb_words(context, at, count)?;
    let (mask, shift) = (mask(count), bit(at));
    let words = words & !(mask << shift) | (value & mask) << shift;
    let mut places = context.cb.get_mut((at / 4) as usize..)?.iter_mut();
    *places.next()? = words as u32;
    if let Some(high) = places.next().filter(|_| count == 8) {
        *high = (words >> 32) as u32;
    }
    Some(())
}

/// Where byte `at` begins in its word.
fn bit(at: u64) -> u32 {
    (at as u32 & 3).wrapping_mul(8)
}

/// A number of `count` bytes, 1 to 8, all ones.
fn mask(count: usize) -> u64 {
    u64::MAX.wrapping_shr(64_u32.wrapping_sub((count as u32).wrapping_mul(8)))
}
