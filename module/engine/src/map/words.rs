// SPDX-License-Identifier: GPL-2.0

//! Map memory: byte-addressed access to atomic words.
//!
//! Every byte of a map may be read and written by several queues and user space at once. Byte `i`
//! of the memory is byte `i % 8` of word `i / 8`, least significant first. A store of less than a
//! word replaces only its own bytes, so neighbours never lose an update.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::limits::MAX_KEY_SIZE;
use crate::numbered::numbered;

/// Bytes of a word.
pub(crate) const WORD: usize = 8;

/// Words of the longest key.
pub(crate) const KEY_WORDS: usize = MAX_KEY_SIZE as usize / WORD;

/// Words that hold `bytes` bytes.
pub(crate) const fn words_for(bytes: usize) -> usize {
    bytes.div_ceil(WORD)
}

/// The low `bytes` bytes set; `bytes` is at most 8.
#[inline]
const fn mask(bytes: usize) -> u64 {
    match bytes {
        0 => 0,
        1..=7 => (1 << ((8 * bytes) & 63)) - 1,
        _ => u64::MAX,
    }
}

/// Reads `bytes` (at most 8) bytes at byte `offset`, in any alignment, zero extended.
#[inline]
pub(crate) fn load(words: &[AtomicU64], offset: usize, bytes: usize) -> Option<u64> {
    let index = offset / WORD;
    let shift = (8 * (offset % WORD)) as u32;
    let low = words.get(index)?.load(Ordering::Relaxed) >> shift;
    if (offset % WORD).wrapping_add(bytes) <= WORD {
        return Some(low & mask(bytes));
    }
    // The access crosses into the next word, so `shift` is at least 8.
    let high = words.get(index.wrapping_add(1))?.load(Ordering::Relaxed);
    Some((low | high.wrapping_shl(64_u32.wrapping_sub(shift))) & mask(bytes))
}

/// Writes the low `bytes` (at most 8) bytes of `value` at byte `offset`, in any alignment.
///
/// Returns `None`, with nothing written, if the access leaves `words`.
#[inline]
pub(crate) fn store(words: &[AtomicU64], offset: usize, bytes: usize, value: u64) -> Option<()> {
    let index = offset / WORD;
    let start = offset % WORD;
    let word = words.get(index)?;
    if bytes == WORD && start == 0 {
        word.store(value, Ordering::Relaxed);
        return Some(());
    }
    let shift = (8 * start) as u32;
    if start.wrapping_add(bytes) <= WORD {
        merge(word, mask(bytes) << shift, value << shift);
    } else {
        let next = words.get(index.wrapping_add(1))?;
        let back = 64_u32.wrapping_sub(shift);
        merge(word, mask(bytes) << shift, value << shift);
        merge(
            next,
            mask(bytes).wrapping_shr(back),
            value.wrapping_shr(back),
        );
    }
    Some(())
}

/// Replaces the bits of `mask` in `word` by those of `value`.
#[inline]
fn merge(word: &AtomicU64, mask: u64, value: u64) {
    update(word, Ordering::Relaxed, |old| old & !mask | value & mask);
}

/// Replaces the word by `f(word)` in one atomic step; returns what was there.
#[inline]
pub(crate) fn update(word: &AtomicU64, order: Ordering, f: impl Fn(u64) -> u64) -> u64 {
    let mut old = word.load(Ordering::Relaxed);
    // A failed exchange means that another thread's succeeded: some thread always gets on.
    while let Err(now) = word.compare_exchange_weak(old, f(old), order, Ordering::Relaxed) {
        old = now;
    }
    old
}

/// Bytes that can be read as words, zero padded: keys and values on their way into a map.
pub(crate) trait WordSource {
    /// Bytes `8 * index` and following.
    fn word(&self, index: usize) -> u64;
}

impl WordSource for [u8] {
    #[inline]
    fn word(&self, index: usize) -> u64 {
        let rest = index
            .checked_mul(WORD)
            .and_then(|start| self.get(start..))
            .unwrap_or(&[]);
        if let Some(bytes) = rest.first_chunk() {
            return u64::from_le_bytes(*bytes);
        }
        rest.iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    }
}

/// Bytes of map memory as a source for another map.
pub(crate) struct MapBytes<'a> {
    /// The memory.
    pub(crate) words: &'a [AtomicU64],
    /// Where the bytes start.
    pub(crate) offset: usize,
    /// How many there are.
    pub(crate) len: usize,
}

impl WordSource for MapBytes<'_> {
    fn word(&self, index: usize) -> u64 {
        let start = index.saturating_mul(WORD);
        let bytes = self.len.saturating_sub(start).min(WORD);
        load(self.words, self.offset.saturating_add(start), bytes).unwrap_or(0)
    }
}

/// Copies `words` into `bytes`, as many bytes as there are.
pub(crate) fn copy_out(words: &[AtomicU64], bytes: &mut [u8]) {
    let mut rest = bytes;
    for word in words {
        let len = rest.len().min(WORD);
        let Some((chunk, tail)) = rest.split_at_mut_checked(len) else {
            return;
        };
        let value = word.load(Ordering::Relaxed).to_le_bytes();
        for (to, from) in chunk.iter_mut().zip(value) {
            *to = from;
        }
        rest = tail;
    }
}

/// Copies `source` into `words`.
pub(crate) fn copy_in(words: &[AtomicU64], source: &(impl WordSource + ?Sized)) {
    for (index, word) in numbered(words) {
        word.store(source.word(index), Ordering::Relaxed);
    }
}
