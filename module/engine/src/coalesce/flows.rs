// SPDX-License-Identifier: GPL-2.0

//! Where a receive queue holds frames: a fixed number of slots, one for each flow.
//!
//! However many flows there are, one is found, taken in and taken out by a few steps: a table of chains
//! has the slots by the [`print`](Flows::print) of their flows, and a list in the order in which the
//! flows came. Who sends frames does not know which flows are in one chain: that is a secret's doing. Links are
//! numbers of slots, in memory that was there from the beginning.

use super::headers::Headers;
use super::held::Held;
use super::segment::Segment;
use crate::memory::{Memory, OutOfMemory};

/// Why a frame is not held any longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The next frame of its flow has come, or its last one; or nothing is to be held any more.
    Flow,
    /// Another flow needed its place.
    Room,
    /// Nothing has come for too long.
    Time,
}

/// The number of a slot, or [`NONE`].
type Link = u16;

/// No slot has this number: there are fewer.
const NONE: Link = Link::MAX;

/// What is in a slot.
#[derive(Clone, Copy)]
struct Entry {
    held: Held,
    /// When the first of its segments came, in nanoseconds.
    since: u64,
    /// By what the flow is found.
    print: u32,
}

/// A slot, and its neighbours.
#[derive(Clone, Copy)]
struct Slot {
    entry: Option<Entry>,
    /// The flow that came before this one.
    older: Link,
    /// The one that came after it; of a slot that is free, the next one that is.
    newer: Link,
    /// The next flow of the same chain, which came after this one.
    next: Link,
}

/// The flows of which a receive queue holds frames.
///
/// The frames themselves are with the embedder, each by the number of its slot.
pub struct Flows<M: Memory> {
    slots: M::Buffer<Slot>,
    /// Where each chain begins. Their number is a power of two, and no less than that of slots.
    chains: M::Buffer<Link>,
    oldest: Link,
    newest: Link,
    /// The first slot that is free.
    free: Link,
    /// How many are in use.
    len: usize,
    /// What prints depend on.
    secret: u64,
}

impl<M: Memory> Flows<M> {
    /// Room for `slots` flows, of which there is none. `secret` is any number that nobody knows.
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, slots: u16, secret: u64) -> Result<Self, OutOfMemory> {
        let len = usize::from(slots);
        let chains = len.checked_next_power_of_two().unwrap_or(1);
        let slot = |number: usize| {
            let next = number.wrapping_add(1);
            Slot {
                entry: None,
                older: NONE,
                // CAST: Below `slots`.
                newer: if next < len { next as Link } else { NONE },
                next: NONE,
            }
        };
        Ok(Self {
            slots: memory.allocate(len, slot)?,
            chains: memory.allocate(chains, |_| NONE)?,
            oldest: NONE,
            newest: NONE,
            free: if slots > 0 { 0 } else { NONE },
            len: 0,
            secret,
        })
    }

    /// A number that a segment has in common with those of its flow; `frame` is its bytes.
    pub fn print(&self, segment: &Segment, frame: &[u8]) -> u32 {
        segment.print(frame, self.secret)
    }

    /// As [`print`](Self::print), of the flow of a super-frame that begins with `headers`, if GRO knows it.
    pub fn print_of(&self, headers: &[u8]) -> Option<u32> {
        Some(Headers::find(headers)?.print(headers, self.secret))
    }

    /// How many flows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether there is no room for one more.
    pub fn is_full(&self) -> bool {
        self.free == NONE
    }

    /// Those that may be the flow with `print`: their slots, and what is held. The oldest comes first.
    pub fn with_print(&self, print: u32) -> impl Iterator<Item = (u16, &Held)> {
        self.chain(self.chain_of(print)).filter_map(move |slot| {
            let entry = self.entry(slot)?;
            (entry.print == print).then_some((slot, &entry.held))
        })
    }

    /// What is held in `slot`, to be changed.
    pub fn held_mut(&mut self, slot: u16) -> Option<&mut Held> {
        let entry = self.slot_mut(slot)?.entry.as_mut();
        entry.map(|entry| &mut entry.held)
    }

    /// The slot of the oldest flow, and when the first segment of that came, if there is one.
    pub fn oldest(&self) -> Option<(u16, u64)> {
        let entry = self.entry(self.oldest)?;
        Some((self.oldest, entry.since))
    }

    /// Takes a flow in, whose first segment came at `since`, and gives its slot. `None` if all are in use.
    pub fn insert(&mut self, print: u32, held: Held, since: u64) -> Option<u16> {
        let (slot, older) = (self.free, self.newest);
        let it = self.slot_mut(slot)?;
        let free = core::mem::replace(&mut it.newer, NONE);
        it.older = older;
        it.next = NONE;
        it.entry = Some(Entry { held, since, print });
        self.free = free;
        self.newest = slot;
        match self.slot_mut(older) {
            Some(older) => older.newer = slot,
            None => self.oldest = slot,
        }
        let chain = self.chain_of(print);
        let last = self.chain(chain).last();
        self.link(chain, last, slot);
        self.len = self.len.wrapping_add(1);
        Some(slot)
    }

    /// Takes the flow in `slot` out, and gives what was held. `None` if there is none.
    pub fn remove(&mut self, slot: u16) -> Option<Held> {
        let free = self.free;
        let it = self.slot_mut(slot)?;
        let Entry { held, print, .. } = it.entry.take()?;
        let (older, newer, next) = (it.older, it.newer, it.next);
        it.newer = free;
        self.free = slot;
        match self.slot_mut(older) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
        match self.slot_mut(newer) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
        let chain = self.chain_of(print);
        let before = self.chain(chain).take_while(|it| *it != slot).last();
        self.link(chain, before, next);
        self.len = self.len.wrapping_sub(1);
        Some(held)
    }

    /// Has `next` follow `before` in chain `chain`, or begin it.
    fn link(&mut self, chain: usize, before: Option<Link>, next: Link) {
        match before {
            Some(before) => {
                if let Some(before) = self.slot_mut(before) {
                    before.next = next;
                }
            }
            None => {
                if let Some(first) = self.chains.get_mut(chain) {
                    *first = next;
                }
            }
        }
    }

    /// The chain in which flows with `print` are.
    fn chain_of(&self, print: u32) -> usize {
        // CAST: A `usize` has at least 32 bits.
        (print ^ (print >> 16)) as usize & self.chains.len().wrapping_sub(1)
    }

    /// The slots of chain `chain`, the oldest first.
    fn chain(&self, chain: usize) -> impl Iterator<Item = Link> + '_ {
        let first = self.chains.get(chain).copied();
        core::iter::successors(first.filter(|first| *first != NONE), |slot| {
            let next = self.slots.get(usize::from(*slot))?.next;
            (next != NONE).then_some(next)
        })
    }

    fn entry(&self, slot: Link) -> Option<&Entry> {
        self.slots.get(usize::from(slot))?.entry.as_ref()
    }

    fn slot_mut(&mut self, slot: Link) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(slot))
    }
}
