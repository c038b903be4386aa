// SPDX-License-Identifier: GPL-2.0

//! The elements of a hash map that hold nothing.

use core::sync::atomic::{AtomicU32, Ordering};

use super::lock::{Contended, SpinLock};
use crate::memory::{Memory, OutOfMemory};

/// A queue of free elements: first freed, first used again, so that an element stays as it was for
/// as long as the map's spare elements last, and a program that still holds a pointer to it reads
/// the old value.
pub(super) struct FreeQueue<M: Memory> {
    ring: M::Buffer<AtomicU32>,
    lock: SpinLock,
    /// Ring index of the oldest free element.
    first: AtomicU32,
    /// Number of free elements.
    len: AtomicU32,
}

impl<M: Memory> FreeQueue<M> {
    /// A queue of all elements `0..elements`.
    pub(super) fn new(memory: &M, elements: u32) -> Result<Self, OutOfMemory> {
        Ok(Self {
            ring: memory.allocate(elements as usize, |i| AtomicU32::new(i as u32))?,
            lock: SpinLock::default(),
            first: AtomicU32::new(0),
            len: AtomicU32::new(elements),
        })
    }

    /// Takes the element that has been free for the longest time.
    pub(super) fn pop(&self) -> Result<Option<u32>, Contended> {
        let _guard = self.lock.lock()?;
        let len = self.len.load(Ordering::Relaxed);
        let first = self.first.load(Ordering::Relaxed);
        let Some(element) = self.ring.get(first as usize).filter(|_| len > 0) else {
            return Ok(None);
        };
        let next = first.wrapping_add(1);
        let next = if next as usize == self.ring.len() {
            0
        } else {
            next
        };
        self.first.store(next, Ordering::Relaxed);
        self.len.store(len.wrapping_sub(1), Ordering::Relaxed);
        Ok(Some(element.load(Ordering::Relaxed)))
    }

    /// Gives `element` back.
    pub(super) fn push(&self, element: u32) -> Result<(), Contended> {
        let _guard = self.lock.lock()?;
        let len = self.len.load(Ordering::Relaxed);
        let last = u64::from(self.first.load(Ordering::Relaxed)).wrapping_add(len.into());
        let capacity = self.ring.len() as u64;
        let last = if last >= capacity {
            last.wrapping_sub(capacity)
        } else {
            last
        };
        if let Some(slot) = self.ring.get(last as usize) {
            slot.store(element, Ordering::Relaxed);
            self.len.store(len.wrapping_add(1), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bytes of the queue's memory.
    pub(super) fn size_in_memory(&self) -> usize {
        size_of_val::<[AtomicU32]>(&self.ring)
    }
}
