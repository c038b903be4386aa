// SPDX-License-Identifier: GPL-2.0

//! Routes of one version of IP, in as many tables as there are VRFs, and how one is looked up.
//!
//! Each table is a tree of [nodes](super::node), one level for each byte of an address. A node has the
//! prefixes that end in it as bits, so that a route stands at one place, however many addresses it is for,
//! and comes and goes by writing one node anew. A look-up reads one word for the table, one node for each byte of
//! the address at most (4, or 16), and one reference: whatever routes there are.
//!
//! A change is one store, to the reference to the topmost node that is another one. What a look-up sees on its
//! way may be of before and behind several changes, and together what never was: the number of changes tells,
//! and it looks again.

use core::sync::atomic::{fence, AtomicU64, Ordering};

use super::arena::{Arena, Block, LONGEST};
use super::entry::{Entries, Entry};
use super::keyed::Keyed;
use super::node::{child, Node};
use crate::memory::{Memory, OutOfMemory};

/// Bytes of the longest address.
pub(super) const MAX_BYTES: usize = 16;

/// How often a look-up begins again before it gives up.
const ATTEMPTS: u32 = 8;

/// Where a table begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Root {
    /// The topmost node.
    pub(super) node: Option<Block>,
    /// The route for all addresses, by its number.
    pub(super) default: Option<u32>,
    /// Whether nothing may be looked up in it.
    pub(super) is_held: bool,
}

impl Root {
    const HELD: u64 = 1 << 63;

    /// As a word.
    pub(super) fn pack(self) -> u64 {
        let node = self.node.map_or(0, Block::bits);
        let default = self.default.map_or(0, reference_to);
        let word = u64::from(default) << 32 | u64::from(node);
        if self.is_held {
            word | Self::HELD
        } else {
            word
        }
    }

    /// Of a word.
    #[inline]
    pub(super) fn unpack(word: u64) -> Self {
        // CAST: Both halves.
        Self {
            node: Block::of(word as u32),
            default: route_of(((word & !Self::HELD) >> 32) as u32),
            is_held: word & Self::HELD != 0,
        }
    }
}

/// The reference to the route with number `route`: not zero, and less than 2^31.
pub(super) const fn reference_to(route: u32) -> u32 {
    route.wrapping_add(1)
}

/// The number of the route that `reference` is to, if it is to one.
#[inline]
pub(super) const fn route_of(reference: u32) -> Option<u32> {
    reference.checked_sub(1)
}

/// What a look-up has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) outcome: Outcome,
    /// How many nodes were read.
    pub(super) nodes: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The number of the route.
    Route(u32),
    /// There is none.
    None,
    /// Nothing may be looked up in this table.
    Held,
    /// The routes were changed each time that it looked.
    Changing,
}

/// How many routes there may be, in how many tables, and how many bytes their nodes have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteSizes {
    /// Routes.
    pub routes: u32,
    /// Tables that have routes, or are held.
    pub tables: u32,
    /// Bytes for nodes, in steps of 4 KiB and at least 8.
    pub nodes: u32,
}

/// Routes.
pub(super) struct Lpm<M: Memory> {
    /// What a table's number stands for is its [`Root`].
    roots: Keyed<M, 2>,
    nodes: Arena<M>,
    /// Linked to is what is done: see [`Entry::link`].
    routes: Entries<M, 0>,
    /// How often something has changed.
    changes: AtomicU64,
    /// A block that any node fits into, for who takes a route out where no other is left.
    spare: Block,
}

impl<M: Memory> Lpm<M> {
    /// With no routes. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M, sizes: &RouteSizes, seed: u64) -> Result<Self, OutOfMemory> {
        let nodes = Arena::new(memory, sizes.nodes)?;
        Ok(Self {
            roots: Keyed::new(memory, sizes.tables, seed)?,
            spare: nodes.take(LONGEST).ok_or(OutOfMemory)?,
            nodes,
            routes: Entries::new(memory, sizes.routes)?,
            changes: AtomicU64::new(0),
        })
    }

    /// Bytes that [`new`](Self::new) allocates.
    pub(super) fn memory(sizes: &RouteSizes) -> u64 {
        Keyed::<M, 2>::memory(sizes.tables)
            .wrapping_add(Arena::<M>::memory(sizes.nodes))
            .wrapping_add(Entries::<M, 0>::memory(sizes.routes))
    }

    pub(super) fn roots(&self) -> &Keyed<M, 2> {
        &self.roots
    }

    pub(super) fn nodes(&self) -> &Arena<M> {
        &self.nodes
    }

    pub(super) fn routes(&self) -> &Entries<M, 0> {
        &self.routes
    }

    pub(super) fn spare(&self) -> Block {
        self.spare
    }

    /// The route with number `index`.
    #[inline]
    pub(super) fn route(&self, index: u32) -> Option<&Entry<0>> {
        self.routes.get(index)
    }

    #[inline]
    pub(super) fn node(&self, block: Block) -> Node<'_> {
        Node::new(self.nodes.words(block))
    }

    /// The entry of `table` among the [roots](Self::roots), and where it begins.
    #[inline]
    pub(super) fn root(&self, table: u32) -> Option<(u32, Root)> {
        let (index, word) = self.roots.find(&[table.into()])?;
        Some((index, Root::unpack(word)))
    }

    /// Says that something is about to change, by one store.
    pub(super) fn note_change(&self) {
        let changes = self.changes.load(Ordering::Relaxed).wrapping_add(1);
        // Who sees the number before it looks sees what changed before.
        self.changes.store(changes, Ordering::Release);
        // Who sees what is stored from here on sees the number, too, when it has looked.
        fence(Ordering::Release);
    }

    /// The route in `table` with the longest prefix of the address with these bytes: the one that there was at
    /// some moment since the call. Any context.
    #[inline]
    pub(super) fn look_up<'b>(
        &self,
        table: u32,
        address: impl Iterator<Item = &'b u8> + Clone,
    ) -> Found {
        let mut nodes = 0;
        for _ in 0..ATTEMPTS {
            let changes = self.changes.load(Ordering::Acquire);
            let found = self.walk(table, address.clone());
            fence(Ordering::Acquire);
            if self.changes.load(Ordering::Relaxed) == changes {
                return found;
            }
            nodes = found.nodes;
        }
        let outcome = Outcome::Changing;
        Found { outcome, nodes }
    }

    #[inline]
    fn walk<'b>(&self, table: u32, address: impl Iterator<Item = &'b u8>) -> Found {
        let mut nodes = 0_u32;
        let found = |outcome, nodes| Found { outcome, nodes };
        let Some((_, root)) = self.root(table) else {
            return found(Outcome::None, nodes);
        };
        if root.is_held {
            return found(Outcome::Held, nodes);
        }
        let mut longest = None;
        let mut next = root.node;
        for byte in address {
            let Some(block) = next else { break };
            let node = self.node(block);
            nodes = nodes.wrapping_add(1);
            if let Some(bit) = node.longest(*byte) {
                longest = Some((node, bit));
            }
            next = node.get(child(*byte)).and_then(Block::of);
        }
        let route = match longest {
            Some((node, bit)) => node.get(bit).and_then(route_of),
            None => root.default,
        };
        found(route.map_or(Outcome::None, Outcome::Route), nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Owned, Stamp};
    use super::super::log::Log;
    use super::super::prefix::{IpAddress, Prefix};
    use super::{Lpm, Outcome, RouteSizes};
    use crate::memory::HostMemory;
    use core::cell::{Cell, RefCell};

    /// While somebody looks, a shorter route comes, and then the longer one goes. Who saw the node of the first
    /// before and that of the second behind that would see neither.
    #[test]
    fn half_of_two_changes_is_not_seen() {
        let sizes = RouteSizes {
            routes: 8,
            tables: 1,
            nodes: 0,
        };
        let lpm = Lpm::new(&HostMemory, &sizes, 1).expect("memory");
        let log = RefCell::new(Log::new(&HostMemory).expect("memory"));
        let stamp = Stamp {
            owned: Owned::default(),
            now: 0,
        };
        let prefix = |bytes, bits| Prefix {
            address: IpAddress::V4(bytes),
            bits,
        };
        let set = |prefix: &Prefix| {
            let set = lpm.insert(1, prefix, 0, stamp, &mut log.borrow_mut());
            set.expect("room");
        };
        let (short, long) = (prefix([10, 0, 0, 0], 8), prefix([10, 1, 2, 0], 24));
        set(&long);
        set(&prefix([10, 1, 3, 0], 24));
        let (address, level) = ([10_u8, 1, 2, 3], Cell::new(0));
        let bytes = address.iter().inspect(|_| {
            level.set(level.get() + 1);
            if level.get() == 2 {
                set(&short);
                let removed = lpm.remove(1, &long, &mut log.borrow_mut(), None);
                removed.expect("room");
            }
        });
        let found = lpm.look_up(1, bytes).outcome;
        let short = lpm.exact(1, &short).expect("it is there");
        assert_eq!(found, Outcome::Route(short));

        let bytes = address.iter().inspect(|_| lpm.note_change());
        assert_eq!(lpm.look_up(1, bytes).outcome, Outcome::Changing);
    }
}
