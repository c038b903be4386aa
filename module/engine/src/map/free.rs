// SPDX-License-Identifier: GPL-2.0

//! The elements of a hash map that hold nothing.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::memory::{Lock, LockClass, Memory, OutOfMemory, LOCK_BYTES};

/// A queue of free elements: first freed, first used again, so that an element stays as it was for
/// as long as the map's spare elements last, and a program that still holds a pointer to it reads
/// the old value.
pub(super) struct FreeQueue<M: Memory> {
    /// Read and written under the lock alone.
    ring: M::Buffer<AtomicU32>,
    /// One lock, around what of the ring is in use.
    used: M::Buffer<M::Lock<Used>>,
}

struct Used {
    /// Ring index of the oldest free element.
    first: u32,
    /// Number of free elements.
    len: u32,
}

/// Bytes that a queue of so many elements allocates.
pub(super) fn queue_bytes(elements: u32) -> u64 {
    u64::from(elements)
        .saturating_mul(size_of::<AtomicU32>() as u64)
        .saturating_add(LOCK_BYTES)
}

impl<M: Memory> FreeQueue<M> {
    /// A queue of all elements `0..elements`.
    pub(super) fn new(memory: &M, elements: u32) -> Result<Self, OutOfMemory> {
        let used = |_| Used {
            first: 0,
            len: elements,
        };
        Ok(Self {
            ring: memory.allocate(elements as usize, |i| AtomicU32::new(i as u32))?,
            used: memory.locks(LockClass::FreeElements, 1, used)?,
        })
    }

    /// Takes the element that has been free for the longest time.
    pub(super) fn pop(&self) -> Option<u32> {
        self.used.first()?.with(|used| {
            let element = self
                .ring
                .get(used.first as usize)
                .filter(|_| used.len > 0)?;
            let next = used.first.wrapping_add(1);
            used.first = if next as usize == self.ring.len() {
                0
            } else {
                next
            };
            used.len = used.len.wrapping_sub(1);
            Some(element.load(Ordering::Relaxed))
        })
    }

    /// Gives `element` back.
    pub(super) fn push(&self, element: u32) {
        let Some(used) = self.used.first() else {
            return;
        };
        used.with(|used| {
            let last = u64::from(used.first).wrapping_add(used.len.into());
            let capacity = self.ring.len() as u64;
            let last = if last >= capacity {
                last.wrapping_sub(capacity)
            } else {
                last
            };
            if let Some(slot) = self.ring.get(last as usize) {
                slot.store(element, Ordering::Relaxed);
                used.len = used.len.wrapping_add(1);
            }
        });
    }

    /// Bytes of the queue's memory.
    pub(super) fn size_in_memory(&self) -> u64 {
        queue_bytes(self.ring.len() as u32)
    }
}
