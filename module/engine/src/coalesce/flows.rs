// SPDX-License-Identifier: GPL-2.0

//! Where a receive queue holds frames: a fixed number of slots, one for each flow.

use super::held::Held;
use crate::memory::{Memory, OutOfMemory};
use crate::numbered::numbered;

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

/// A slot, and by what the flow is found that is in it.
#[derive(Clone, Copy)]
struct Place {
    slot: u16,
    print: u32,
}

/// What is in a slot.
#[derive(Clone, Copy)]
struct Entry {
    held: Held,
    /// When the first of its segments came, in nanoseconds.
    since: u64,
}

/// The flows of which a receive queue holds frames.
///
/// The frames themselves are with the embedder, each by the number of its slot.
pub struct Flows<M: Memory> {
    /// By slots.
    entries: M::Buffer<Option<Entry>>,
    /// All slots: those in use first, the oldest of them before the others, and then those that are free.
    order: M::Buffer<Place>,
    /// How many are in use.
    len: usize,
}

impl<M: Memory> Flows<M> {
    /// Room for `slots` flows, of which there is none.
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, slots: u16) -> Result<Self, OutOfMemory> {
        let places = |slot| Place {
            // CAST: Below `slots`.
            slot: slot as u16,
            print: 0,
        };
        Ok(Self {
            entries: memory.allocate(slots.into(), |_| None)?,
            order: memory.allocate(slots.into(), places)?,
            len: 0,
        })
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
        self.len >= self.order.len()
    }

    /// Those that may be the flow with `print`: their places, slots, and what is held.
    pub fn with_print(&self, print: u32) -> impl Iterator<Item = (usize, u16, &Held)> {
        let places = numbered(self.order.get(..self.len).unwrap_or_default());
        places.filter_map(move |(place, it)| {
            if it.print != print {
                return None;
            }
            let entry = self.entries.get(usize::from(it.slot))?.as_ref()?;
            Some((place, it.slot, &entry.held))
        })
    }

    /// What is held in `slot`, to be changed.
    pub fn held_mut(&mut self, slot: u16) -> Option<&mut Held> {
        let entry = self.entries.get_mut(usize::from(slot))?;
        entry.as_mut().map(|entry| &mut entry.held)
    }

    /// When the first segment of the oldest flow came, if there is one.
    pub fn oldest(&self) -> Option<u64> {
        let place = self.order.get(..self.len)?.first()?;
        let entry = self.entries.get(usize::from(place.slot))?.as_ref()?;
        Some(entry.since)
    }

    /// Takes a flow in, whose first segment came at `since`, and gives its slot. `None` if all are in use.
    pub fn insert(&mut self, print: u32, held: Held, since: u64) -> Option<u16> {
        let place = self.order.get_mut(self.len)?;
        let entry = self.entries.get_mut(usize::from(place.slot))?;
        *entry = Some(Entry { held, since });
        place.print = print;
        self.len = self.len.wrapping_add(1);
        Some(place.slot)
    }

    /// Takes the flow at `place` out, and gives its slot and what was held. `None` if there is none.
    pub fn remove(&mut self, place: usize) -> Option<(u16, Held)> {
        let behind = self.order.get_mut(place..self.len)?;
        let removed = *behind.first()?;
        let mut moved = removed;
        for place in behind.iter_mut().rev() {
            core::mem::swap(place, &mut moved);
        }
        self.len = self.len.wrapping_sub(1);
        let entry = self.entries.get_mut(usize::from(removed.slot))?.take()?;
        Some((removed.slot, entry.held))
    }
}
