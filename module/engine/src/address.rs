// SPDX-License-Identifier: GPL-2.0

//! Device addresses: what a program's pointers are.
//!
//! A device address is 64 bits: a region tag in bits 56 to 63, for maps the index in the program's
//! map table in bits 40 to 55, and below an offset that counts from [`BIAS`]. Arithmetic on it is
//! ordinary 64-bit arithmetic, so that `data + 14 > data_end` means what the program's author
//! thinks. Whatever arithmetic makes of an address, every access is checked against the bounds of
//! the region that the tag then names: there is no path from a device address to host memory. No
//! region has tag 0, so no address is NULL, and no tag has its top bit set, so signed comparisons
//! of addresses agree with unsigned ones.

/// Bit position of the region tag.
const TAG_SHIFT: u32 = 56;
/// Bit position of the map index.
const MAP_SHIFT: u32 = 40;
/// The offset part of an address in a map's values.
const MAP_OFFSET_MASK: u64 = (1 << MAP_SHIFT) - 1;
/// The offset part of an address outside of maps.
const OFFSET_MASK: u64 = (1 << TAG_SHIFT) - 1;

/// Where each region begins in the offset part: far enough from 0 that a pointer which runs off the
/// front of its region still carries the region's tag, and the fault names the region that the
/// author meant.
pub(crate) const BIAS: u64 = 1 << 36;

/// First byte of the frame buffer, headroom included.
pub(crate) const FRAME: u64 = 1 << TAG_SHIFT | BIAS;
/// First byte of the stack of the outermost function.
pub(crate) const STACK: u64 = 2 << TAG_SHIFT | BIAS;
/// First byte of the program's context, `struct xdp_md`.
pub(crate) const CONTEXT: u64 = 3 << TAG_SHIFT | BIAS;
/// First byte of the values of map 0.
const MAP_VALUE: u64 = 4 << TAG_SHIFT | BIAS;
/// Map 0 itself: what an `ld_imm64` of a map gives; not readable.
const MAP: u64 = 5 << TAG_SHIFT | BIAS;

/// The region that an address names, with the offset in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Region {
    Frame(u64),
    Stack(u64),
    Context(u64),
    MapValue(u16, u64),
    Map(u16),
    None,
}

/// Splits `address`; offsets are not checked, and wrap where the address lies before its region.
#[inline]
pub(crate) const fn region(address: u64) -> Region {
    let offset = (address & OFFSET_MASK).wrapping_sub(BIAS);
    let map = (address >> MAP_SHIFT) as u16;
    let map_offset = (address & MAP_OFFSET_MASK).wrapping_sub(BIAS);
    match address >> TAG_SHIFT {
        1 => Region::Frame(offset),
        2 => Region::Stack(offset),
        3 => Region::Context(offset),
        4 => Region::MapValue(map, map_offset),
        5 if map_offset == 0 => Region::Map(map),
        _ => Region::None,
    }
}

/// The address of byte `offset` of the buffer that the frame lies in.
#[inline]
pub(crate) const fn of_frame(offset: usize) -> u64 {
    FRAME.wrapping_add(offset as u64)
}

/// The address of map `index` itself.
pub(crate) const fn of_map(index: u16) -> u64 {
    MAP | (index as u64) << MAP_SHIFT
}

/// The address of byte `offset` of the values of map `index`; maps are smaller than [`BIAS`] bytes.
#[inline]
pub(crate) const fn of_map_value(index: u16, offset: u64) -> u64 {
    (MAP_VALUE | (index as u64) << MAP_SHIFT).wrapping_add(offset)
}
