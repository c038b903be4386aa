// SPDX-License-Identifier: GPL-2.0

//! The elements of a map, in one array.

use core::sync::atomic::AtomicU64;

use super::words::WORD;
use crate::memory::{Memory, OutOfMemory};

/// Words of a cache line.
const LINE: usize = 64 / WORD;

/// Where the parts of an element lie, in words. Before its value there is what the index keeps of it,
/// its head, so that whoever has looked at that has brought the value into the cache.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) head: usize,
    pub(super) value: usize,
}

impl Layout {
    /// Words from one element to the next.
    const fn stride(self) -> usize {
        let len = self.head.saturating_add(self.value);
        // Short ones with a head lie within a cache line.
        if self.head > 0 && len <= LINE {
            len.next_power_of_two()
        } else {
            len
        }
    }

    /// Bytes of `len` elements.
    pub(super) fn bytes(self, len: u32) -> u64 {
        let stride = self.stride().saturating_mul(WORD);
        u64::from(len).saturating_mul(stride as u64)
    }
}

/// The elements of a map.
pub(super) struct Elements<M: Memory> {
    words: M::Buffer<AtomicU64>,
    layout: Layout,
    /// Words from one to the next.
    stride: usize,
    /// How many there are.
    len: u32,
}

impl<M: Memory> Elements<M> {
    /// As many as `len`, all zero.
    pub(super) fn new(memory: &M, layout: Layout, len: u32) -> Result<Self, OutOfMemory> {
        let stride = layout.stride();
        let words = (len as usize).checked_mul(stride);
        Ok(Self {
            words: memory.allocate(words.ok_or(OutOfMemory)?, |_| AtomicU64::new(0))?,
            layout,
            stride,
            len,
        })
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The memory of all.
    #[inline]
    pub(super) fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    /// Where the value of an element begins, in bytes of [`Elements::words`].
    #[inline]
    pub(super) fn offset_of(&self, element: u32) -> u64 {
        let words = (element as usize)
            .wrapping_mul(self.stride)
            .wrapping_add(self.layout.head);
        (words as u64).wrapping_mul(WORD as u64)
    }

    /// The value of an element.
    pub(super) fn value(&self, element: u32) -> &[AtomicU64] {
        let start = self.start(element).saturating_add(self.layout.head);
        let end = start.saturating_add(self.layout.value);
        self.words.get(start..end).unwrap_or(&[])
    }

    /// The head of an element. `None` if there is no such element.
    #[inline]
    pub(super) fn head(&self, element: u32) -> Option<&[AtomicU64]> {
        let start = self.start(element);
        self.words
            .get(start..start.saturating_add(self.layout.head))
    }

    #[inline]
    fn start(&self, element: u32) -> usize {
        (element as usize).saturating_mul(self.stride)
    }
}
