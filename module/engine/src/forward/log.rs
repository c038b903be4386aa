// SPDX-License-Identifier: GPL-2.0

//! What has left the tables and may still be looked at.
//!
//! Who looks something up takes no lock. So what has left is not used for anything else before all those
//! have gone who could have found it while it was there: it is noted here, and when there is much of it, or
//! need for it, they are waited for once, and all of it is free.

use super::arena::Block;
use crate::memory::{Memory, OutOfMemory};

/// Those who look things up, as far as who changes the tables is concerned.
///
/// The engine knows no way to wait for other CPUs: whoever embeds it does. In the kernel, readers are in
/// read-side critical sections of RCU, and this is `synchronize_net()`.
pub trait Readers {
    /// Returns when everybody who was looking something up when it was called has done so. Process context;
    /// sleeps.
    fn wait(&self);
}

/// Which version of IP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What has left.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    /// A node of the tree of routes.
    Node(Family, Block),
    /// A route, by its number.
    Route(Family, u32),
    /// A table of routes.
    Root(Family, u32),
    /// What is known of a nexthop.
    Record(Block),
    /// A nexthop.
    Nexthop(u32),
    /// A neighbour.
    Neighbour(u32),
    /// A station.
    Station(u32),
}

/// Room for what has left.
const ROOM: usize = 8192;

/// More than one change can add: as many nodes as an address has bytes, the members of a group, and a few
/// others.
const ONE_CHANGE: usize = 512;

/// What has left.
pub(super) struct Log<M: Memory> {
    all: M::Buffer<Left>,
    len: usize,
}

impl<M: Memory> Log<M> {
    /// With nothing. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M) -> Result<Self, OutOfMemory> {
        Ok(Self {
            all: memory.allocate(ROOM, |_| Left::Station(0))?,
            len: 0,
        })
    }

    /// Bytes that [`new`](Self::new) allocates.
    pub(super) const fn memory() -> u64 {
        (ROOM * size_of::<Left>()) as u64
    }

    /// Whether there may not be room for what leaves by one more change.
    pub(super) fn is_full(&self) -> bool {
        self.all.len().wrapping_sub(self.len) < ONE_CHANGE
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Notes `left`. There is room, as [`is_full`](Self::is_full) was asked before.
    pub(super) fn push(&mut self, left: Left) {
        if let Some(to) = self.all.get_mut(self.len) {
            *to = left;
            self.len = self.len.wrapping_add(1);
        }
    }

    /// Everything that was noted; it is not any more.
    pub(super) fn take(&mut self) -> &[Left] {
        let len = core::mem::replace(&mut self.len, 0);
        self.all.get(..len).unwrap_or_default()
    }
}
