// SPDX-License-Identifier: GPL-2.0

//! What is known of a nexthop, or of a group, in the words of a block.
//!
//! Word 0 tells what it is of (bits 0 to 7), the port (bits 16 to 31), and how many members there are (the
//! upper half). Of a nexthop follow the address from which it is reached, and that of the gateway; of a
//! group a word for each member, its entry in the lower half and the last hash that it has in the upper one.

use core::sync::atomic::{AtomicU64, Ordering};

use super::log::Family;
use super::prefix::{halves, IpAddress};
use crate::filter::Address;

/// The most members of a group.
pub const MAX_MEMBERS: usize = 256;

/// Bits of the hash by which a member of a group is chosen.
const HASH_BITS: u32 = 31;

/// A neighbour behind a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via {
    /// The port.
    pub port: u16,
    /// The address of Ethernet from which frames come there: that of the port.
    pub source: Address,
    /// The neighbour. `None` if each destination is a neighbour itself.
    pub gateway: Option<IpAddress>,
}

/// A member of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The number of a nexthop that is no group.
    pub id: u32,
    /// How much of all it gets, in relation to others.
    pub weight: u16,
}

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nexthop<'a> {
    /// To a neighbour.
    Via(Via),
    /// To one of several.
    Group(&'a [Member]),
}

/// What a record is of, in bits 0 to 7 of its word 0. Zero is nothing.
mod kind {
    pub(super) const DIRECT: u8 = 1;
    pub(super) const GATEWAY4: u8 = 2;
    pub(super) const GATEWAY6: u8 = 3;
    pub(super) const GROUP: u8 = 4;
}

/// A record.
pub(super) struct Record<'a>(pub(super) &'a [AtomicU64]);

impl Record<'_> {
    #[inline]
    fn word(&self, index: usize) -> u64 {
        let word = self.0.get(index);
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// What it is of.
    #[inline]
    fn kind(&self) -> u8 {
        // CAST: Bits 0 to 7.
        self.word(0) as u8
    }

    /// If it is of a nexthop that is no group.
    #[inline]
    pub(super) fn via(&self) -> Option<Via> {
        let halves = (self.word(2).to_be_bytes(), self.word(3).to_be_bytes());
        let ([a, b, c, d, ..], _) = halves;
        let gateway = match self.kind() {
            kind::DIRECT => None,
            kind::GATEWAY4 => Some(IpAddress::V4([a, b, c, d])),
            kind::GATEWAY6 => Some(IpAddress::V6(joined(halves))),
            _ => return None,
        };
        let [_, _, source @ ..] = self.word(1).to_be_bytes();
        Some(Via {
            // CAST: Bits 16 to 31.
            port: (self.word(0) >> 16) as u16,
            source,
            gateway,
        })
    }

    /// The members, if it is of a group: each by the last hash that it has, and its entry.
    #[inline]
    pub(super) fn members(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let count = match self.kind() {
            kind::GROUP => self.word(0) >> 32,
            _ => 0,
        };
        // CAST: At most `MAX_MEMBERS`; both halves.
        let words = self.0.iter().skip(1).take(count as usize);
        words.map(|word| {
            let word = word.load(Ordering::Relaxed);
            ((word >> 32) as u32, word as u32)
        })
    }
}

/// The address whose halves these are.
const fn joined((upper, lower): ([u8; 8], [u8; 8])) -> [u8; 16] {
    let (upper, lower) = (u64::from_be_bytes(upper), u64::from_be_bytes(lower));
    ((upper as u128) << 64 | lower as u128).to_be_bytes()
}

/// The words of the record of a nexthop that is no group.
pub(super) fn words_of(via: &Via) -> [u64; 4] {
    let kind = match via.gateway.as_ref().map(IpAddress::family) {
        None => kind::DIRECT,
        Some(Family::V4) => kind::GATEWAY4,
        Some(Family::V6) => kind::GATEWAY6,
    };
    let [a, b, c, d, e, f] = via.source;
    let source = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let [upper, lower] = via.gateway.as_ref().map_or([0; 2], halves);
    let head = u64::from(kind) | u64::from(via.port) << 16;
    [head, source, upper, lower]
}

/// The words of the record of a group, whose members have these `entries` and weigh `total` together.
pub(super) fn words_of_group<'a>(
    members: &'a [Member],
    entries: &'a [u32],
    total: u64,
) -> impl Iterator<Item = u64> + 'a {
    let mut sum = 0_u64;
    let bounds = members.iter().map(move |member| {
        sum = sum.wrapping_add(member.weight.into());
        bound(sum, total)
    });
    let words = bounds.zip(entries);
    let words = words.map(|(bound, entry)| u64::from(bound) << 32 | u64::from(*entry));
    let head = u64::from(kind::GROUP) | (members.len() as u64) << 32;
    core::iter::once(head).chain(words)
}

/// The last hash of a member up to which members have the weight `sum` of `total`, as
/// `nh_hthr_group_rebalance()` has it.
fn bound(sum: u64, total: u64) -> u32 {
    let rounded = (sum << HASH_BITS).wrapping_add(total >> 1);
    // CAST: At most 2^31.
    let end = rounded.checked_div(total).unwrap_or(0) as u32;
    end.wrapping_sub(1)
}
