// SPDX-License-Identifier: GPL-2.0

//! The way through a tree of prefixes that an address leads.

use super::arena::Block;
use super::log::Family;
use super::lpm::{route_of, Lpm, Root, MAX_BYTES};
use super::node::{self, child};
use super::prefix::Prefix;
use crate::memory::Memory;

/// The node in which prefixes of `bits` bits are, by its level, and how many bits they have there. `None`
/// if that is no node: the prefix of all addresses.
pub(super) fn place(bits: u8) -> Option<(usize, u32)> {
    let last = u32::from(bits).checked_sub(1)?;
    // CAST: Below 16.
    Some(((last >> 3) as usize, (last & 7).wrapping_add(1)))
}

/// The nodes of a table on the way of an address.
pub(super) struct Path<'a> {
    /// The number of the table's entry, if there is one.
    pub(super) table: Option<u32>,
    pub(super) root: Root,
    nodes: [Option<Block>; MAX_BYTES],
    address: &'a [u8],
}

impl Path<'_> {
    /// That on `level`, if there is one.
    pub(super) fn at(&self, level: usize) -> Option<Block> {
        self.nodes.get(level).copied().flatten()
    }

    /// The byte of the address by which it is left.
    pub(super) fn byte(&self, level: usize) -> u8 {
        self.address.get(level).copied().unwrap_or(0)
    }

    /// Of what version the address is.
    pub(super) const fn family(&self) -> Family {
        if self.address.len() == MAX_BYTES {
            Family::V6
        } else {
            Family::V4
        }
    }
}

impl<M: Memory> Lpm<M> {
    /// The way to the prefixes of `address` in `table`.
    pub(super) fn path<'a>(&self, table: u32, address: &'a [u8]) -> Path<'a> {
        let (table, root) = self.root(table).unzip();
        let root = root.unwrap_or_default();
        let mut nodes = [None; MAX_BYTES];
        let mut next = root.node;
        for (to, byte) in nodes.iter_mut().zip(address) {
            let Some(block) = next else { break };
            *to = next;
            next = self.node(block).get(child(*byte)).and_then(Block::of);
        }
        Path {
            table,
            root,
            nodes,
            address,
        }
    }

    /// The number of the route for `prefix` itself in `table`.
    pub(super) fn exact(&self, table: u32, prefix: &Prefix) -> Option<u32> {
        let path = self.path(table, prefix.address.bytes());
        let Some((level, bits)) = place(prefix.bits) else {
            return path.root.default;
        };
        let bit = node::route(path.byte(level), bits);
        self.node(path.at(level)?).get(bit).and_then(route_of)
    }
}
