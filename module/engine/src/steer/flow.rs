// SPDX-License-Identifier: GPL-2.0

//! The flows that the host has steered by itself: accelerated RFS.
//!
//! RFS finds the flow of a frame by its hash, and so does the device: of two flows with one hash both
//! go where the last one was steered to. An entry is one word, with hash and queue in it, so that a
//! reader needs no lock: it sees the queue that a flow had or the one that it has got, and never that of
//! another flow. A hash may be in eight slots, which lie in one cache line; a flow that finds all of
//! them taken stays where its hash puts it.
//!
//! Who changes the table has its lock, for one flow or one line at a time.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::memory::{Lock, LockClass, Memory, OutOfMemory};
use crate::numbered::numbered;

/// The most flows: a filter's number has 16 bits, and the host takes 0xffff for "none".
pub const MAX_FLOWS: u32 = 1 << 15;

/// Slots in which a hash may be.
const WAYS: usize = 8;

/// The slots of a cache line, each as [`Entry`] packs it.
#[repr(align(64))]
struct Line([AtomicU64; WAYS]);

/// Flow IDs of the slots of a line.
struct FlowIds([AtomicU32; WAYS]);

/// The flows that go to another queue than their hashes say.
pub struct FlowTable<M: Memory> {
    /// Written under the lock. As many as a power of two.
    lines: M::Buffer<Line>,
    /// Read and written under the lock alone.
    flow_ids: M::Buffer<FlowIds>,
    /// Slots in use. Written under the lock.
    len: AtomicU32,
    /// One.
    lock: M::Buffer<M::Lock<()>>,
}

/// A flow in a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    hash: u32,
    queue: u16,
    /// Whether it was steered since flows were last asked about.
    is_new: bool,
}

impl Entry {
    const USED: u64 = 1 << 48;
    const NEW: u64 = 1 << 49;

    const fn pack(self) -> u64 {
        // CAST: Both are shorter.
        let word = Self::USED | (self.queue as u64) << 32 | self.hash as u64;
        if self.is_new {
            word | Self::NEW
        } else {
            word
        }
    }

    /// What is in a slot, if something is.
    #[inline]
    const fn unpack(word: u64) -> Option<Self> {
        if word & Self::USED == 0 {
            return None;
        }
        // CAST: Bits 0 to 31 and 32 to 47.
        Some(Self {
            hash: word as u32,
            queue: (word >> 32) as u16,
            is_new: word & Self::NEW != 0,
        })
    }

    /// What is in `slot`. Without an order: the word is all that is read.
    #[inline]
    fn of(slot: &AtomicU64) -> Option<Self> {
        Self::unpack(slot.load(Ordering::Relaxed))
    }
}

impl<M: Memory> FlowTable<M> {
    /// A table for `flows` of them, rounded up to a power of two from 8 to [`MAX_FLOWS`].
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, flows: u32) -> Result<Self, OutOfMemory> {
        let flows = flows
            .clamp(WAYS as u32, MAX_FLOWS)
            .checked_next_power_of_two();
        let lines = flows.unwrap_or(MAX_FLOWS) as usize / WAYS;
        Ok(Self {
            lines: memory.allocate(lines, |_| Line([const { AtomicU64::new(0) }; WAYS]))?,
            flow_ids: memory.allocate(lines, |_| FlowIds([const { AtomicU32::new(0) }; WAYS]))?,
            len: AtomicU32::new(0),
            lock: memory.locks(LockClass::Flows, 1, |_| ())?,
        })
    }

    /// How many flows there is room for.
    pub fn capacity(&self) -> u32 {
        // CAST: At most `MAX_FLOWS`.
        self.lines.len().wrapping_mul(WAYS) as u32
    }

    /// How many flows are in it.
    pub fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The queue of the flow with `hash`, if it was steered. Any context; for every frame.
    #[inline]
    pub fn find(&self, hash: u32) -> Option<u16> {
        let line = self.lines.get(self.line_of(hash))?;
        let mut entries = line.0.iter().filter_map(Entry::of);
        entries
            .find(|entry| entry.hash == hash)
            .map(|entry| entry.queue)
    }

    /// The flows that are in it, each by its filter, hash and queue. Any context; of flows that come and
    /// go meanwhile some may be missed.
    pub fn all(&self) -> impl Iterator<Item = (u16, u32, u16)> + '_ {
        numbered(self.lines.iter()).flat_map(|(index, line)| {
            numbered(&line.0).filter_map(move |(way, slot)| {
                let entry = Entry::of(slot)?;
                Some((filter(index, way), entry.hash, entry.queue))
            })
        })
    }

    /// Steers the flow with `hash` to `queue`; it may have been steered elsewhere before. `flow_id` is
    /// the host's number for the flow there. Returns the number of the filter, below [`MAX_FLOWS`], or
    /// nothing if there is no slot for the flow, or if `admit`, which is asked about one that is not in the
    /// table yet and would get a slot, says no. Softirq or process context with bottom halves disabled, on
    /// any CPU; `admit` is called under the lock.
    pub fn steer(
        &self,
        hash: u32,
        queue: u16,
        flow_id: u32,
        admit: impl FnOnce() -> bool,
    ) -> Option<u16> {
        let index = self.line_of(hash);
        // The host asks again with each frame of a flow that was refused: not all CPUs are to wait for
        // each other for that.
        self.slot_for(index, hash)?;
        self.lock.first()?.with(|()| {
            let (way, is_free) = self.slot_for(index, hash)?;
            if is_free && !admit() {
                return None;
            }
            let entry = Entry {
                hash,
                queue,
                is_new: true,
            };
            self.flow_ids
                .get(index)?
                .0
                .get(way)?
                .store(flow_id, Ordering::Relaxed);
            self.lines
                .get(index)?
                .0
                .get(way)?
                .store(entry.pack(), Ordering::Relaxed);
            if is_free {
                self.len.fetch_add(1, Ordering::Relaxed);
            }
            Some(filter(index, way))
        })
    }

    /// Asks `may_expire` of each flow, by queue, flow ID and filter, and takes out those for which it
    /// says so; how many that were. Not asked about are flows that were steered since the last call: the
    /// host may not have noted the filter yet, and takes one that it does not know for expired.
    ///
    /// Process context with bottom halves disabled, as softirq takes the lock. It is released after each
    /// eight flows; `may_expire` is called under it.
    pub fn expire(&self, mut may_expire: impl FnMut(u16, u32, u16) -> bool) -> u32 {
        self.sweep(|entry, flow_id, filter| {
            if entry.is_new {
                let is_new = false;
                return Some(Entry { is_new, ..entry });
            }
            let stays = !may_expire(entry.queue, flow_id, filter);
            stays.then_some(entry)
        })
    }

    /// Takes out the flows of queue `queues` and above; how many that were. Flows that are steered there
    /// meanwhile may stay. Context as [`expire`](Self::expire).
    pub fn clear_above(&self, queues: u16) -> u32 {
        self.sweep(|entry, _, _| (entry.queue < queues).then_some(entry))
    }

    /// Replaces each entry by what `next` makes of it, with its flow ID and filter; how many it makes
    /// nothing of.
    fn sweep(&self, mut next: impl FnMut(Entry, u32, u16) -> Option<Entry>) -> u32 {
        let Some(lock) = self.lock.first() else {
            return 0;
        };
        let mut removed = 0_u32;
        for ((index, line), ids) in numbered(self.lines.iter()).zip(self.flow_ids.iter()) {
            if line.0.iter().all(|slot| Entry::of(slot).is_none()) {
                continue;
            }
            lock.with(|()| {
                for ((way, slot), id) in numbered(&line.0).zip(&ids.0) {
                    let Some(entry) = Entry::of(slot) else {
                        continue;
                    };
                    let id = id.load(Ordering::Relaxed);
                    let next = next(entry, id, filter(index, way));
                    if next != Some(entry) {
                        slot.store(next.map_or(0, Entry::pack), Ordering::Relaxed);
                    }
                    if next.is_none() {
                        self.len.fetch_sub(1, Ordering::Relaxed);
                        removed = removed.wrapping_add(1);
                    }
                }
            });
        }
        removed
    }

    /// The slot of line `index` that `hash` has, or may get; and whether it is free. Under the lock, or
    /// to see whether there is none.
    fn slot_for(&self, index: usize, hash: u32) -> Option<(usize, bool)> {
        let mut free = None;
        for (way, slot) in numbered(&self.lines.get(index)?.0) {
            match Entry::of(slot) {
                Some(entry) if entry.hash == hash => return Some((way, false)),
                None if free.is_none() => free = Some((way, true)),
                _ => {}
            }
        }
        free
    }

    /// The line for `hash`.
    #[inline]
    fn line_of(&self, hash: u32) -> usize {
        // Tables of queues take the lower bits of a hash, so that flows of one queue share them: the
        // upper ones of a product depend on all.
        let spread = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        // CAST: 32 bits.
        spread as usize & self.lines.len().wrapping_sub(1)
    }
}

/// The number of the filter in slot `way` of line `index`.
fn filter(index: usize, way: usize) -> u16 {
    // CAST: Below `MAX_FLOWS`.
    index.wrapping_mul(WAYS).wrapping_add(way) as u16
}
