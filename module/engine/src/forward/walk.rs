// SPDX-License-Identifier: GPL-2.0

//! All routes, one after the other.
//!
//! Where one stands in that order depends on nothing but itself and its table, so that whoever reads them can go
//! on behind the last one that it had, even if that is gone: nothing that stays is left out, or comes twice.

use super::arena::Block;
use super::log::Family;
use super::lpm::{Lpm, Root, MAX_BYTES};
use super::node::{self, child, meaning, Meaning};
use super::prefix::{IpAddress, Prefix};
use crate::memory::Memory;

/// A place in a tree: on the way that `bytes` tell, the node on `level`, and a bit of it.
struct Place {
    bytes: [u8; MAX_BYTES],
    level: usize,
    bit: u32,
}

impl Place {
    /// That behind `prefix`, which is not that of all addresses.
    fn behind(prefix: &Prefix) -> Self {
        let bytes = prefix.address.widened();
        let last = u32::from(prefix.bits).wrapping_sub(1);
        // CAST: Below 16.
        let level = (last >> 3) as usize;
        let byte = bytes.get(level).copied().unwrap_or(0);
        Self {
            bytes,
            level,
            bit: node::route(byte, (last & 7).wrapping_add(1)).wrapping_add(1),
        }
    }
}

impl<M: Memory> Lpm<M> {
    /// The first route of `table` behind that for `after`, or of all. For who writes.
    pub(super) fn next(
        &self,
        table: u32,
        family: Family,
        after: Option<&Prefix>,
    ) -> Option<Prefix> {
        let (_, root) = self.root(table)?;
        if after.is_some_and(|after| after.bits == 0) {
            return None;
        }
        let place = after.map_or(
            Place {
                bytes: [0; MAX_BYTES],
                level: 0,
                bit: 0,
            },
            Place::behind,
        );
        // That for all addresses is the last one.
        self.next_below(root, family, place).or_else(|| {
            root.default.map(|_| Prefix {
                address: IpAddress::of(family, [0; MAX_BYTES]),
                bits: 0,
            })
        })
    }

    /// The first route from `place` on. Below a node come those of nodes below, and then its own.
    fn next_below(&self, root: Root, family: Family, mut place: Place) -> Option<Prefix> {
        loop {
            // The nodes may be gone that there were: then those of the next byte come.
            let (level, node) = self.deepest(root, &place)?;
            if level < place.level {
                place.bit = child(*place.bytes.get(level)?).wrapping_add(1);
                place.level = level;
            }
            match node.next(place.bit).map(meaning) {
                Some(Meaning::Child(byte)) => {
                    *place.bytes.get_mut(level)? = byte;
                    place.level = level.wrapping_add(1);
                    place.bit = 0;
                }
                Some(Meaning::Route(byte, bits)) => {
                    for (index, to) in crate::numbered::numbered(&mut place.bytes) {
                        if index >= level {
                            *to = if index == level { byte } else { 0 };
                        }
                    }
                    // CAST: At most 120 and 8.
                    let above = (level as u32).wrapping_mul(8);
                    return Some(Prefix {
                        address: IpAddress::of(family, place.bytes),
                        bits: above.wrapping_add(bits) as u8,
                    });
                }
                None => {
                    place.level = level.checked_sub(1)?;
                    place.bit = child(*place.bytes.get(place.level)?).wrapping_add(1);
                }
            }
        }
    }

    /// The node of `place`, or the lowest one above it that there is, and its level.
    fn deepest(&self, root: Root, place: &Place) -> Option<(usize, node::Node<'_>)> {
        let mut level = 0;
        let mut node = self.node(root.node?);
        for byte in place.bytes.iter().take(place.level) {
            let below = node.get(child(*byte)).and_then(Block::of);
            let Some(below) = below else { break };
            node = self.node(below);
            level = usize::wrapping_add(level, 1);
        }
        Some((level, node))
    }
}
