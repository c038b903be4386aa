// SPDX-License-Identifier: GPL-2.0

//! What every entry of a table has: who put it in, and what it was used for.
//!
//! All entries of a table are allocated with it. One at a time takes them, gives them back and changes them;
//! everybody counts.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::memory::{Memory, OutOfMemory};
use crate::numbered::numbered;

/// Who puts an entry in, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Who and in which reading.
    pub owned: Owned,
    /// When, in nanoseconds of the clock by which frames are counted.
    pub now: u64,
}

/// Whose an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Owned {
    /// Who has put it in: a number that the embedder gives to each that does.
    pub owner: u32,
    /// In which reading of all that is to be in the tables it was last put in. The next one has the next
    /// number, which wraps around.
    pub generation: u32,
}

impl Owned {
    /// Whether `owner` put it in in a reading before that with the number `generation`, and not since.
    pub(super) const fn is_older(self, owner: u32, generation: u32) -> bool {
        // CAST: A reading comes after another one if its number is ahead by less than half of all.
        self.owner == owner && (generation.wrapping_sub(self.generation) as i32) > 0
    }

    const fn pack(self) -> u64 {
        // CAST: Both are shorter.
        (self.owner as u64) << 32 | self.generation as u64
    }

    const fn unpack(word: u64) -> Self {
        // CAST: Both halves.
        Self {
            owner: (word >> 32) as u32,
            generation: word as u32,
        }
    }
}

/// What an entry was used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Frames.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// For how long it has not been used, or been there, in nanoseconds and up to a thousandth of a second.
    /// Begins again after 52 days.
    pub idle: u64,
}

/// By how many bits a time in nanoseconds is shortened to that which an entry keeps.
const TICK: u32 = 20;

/// The time `now` as an entry keeps it.
#[inline]
const fn tick(now: u64) -> u32 {
    // CAST: It wraps around.
    (now >> TICK) as u32
}

/// No entry has this number: there are fewer.
pub(super) const NONE: u32 = u32::MAX;

/// The most entries of a table: fewer by far than a number of 31 bits can tell apart.
pub(super) const MOST: u32 = 1 << 28;

/// An entry, with what its table keeps in it.
pub(super) struct Entry<const WORDS: usize> {
    /// The number of another entry; of one that is free, the next one that is.
    link: AtomicU32,
    used: AtomicU32,
    owned: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Entry<WORDS> {
    /// What the table has linked it to. Whoever finds another entry by it sees all that was written there.
    #[inline]
    pub(super) fn link(&self) -> u32 {
        self.link.load(Ordering::Acquire)
    }

    /// Links it, after all that was written.
    pub(super) fn set_link(&self, link: u32) {
        self.link.store(link, Ordering::Release);
    }

    /// What the table keeps.
    #[inline]
    pub(super) fn words(&self) -> &[AtomicU64; WORDS] {
        &self.words
    }

    /// Whose it is.
    pub(super) fn owned(&self) -> Owned {
        Owned::unpack(self.owned.load(Ordering::Relaxed))
    }

    pub(super) fn set_owned(&self, owned: Owned) {
        self.owned.store(owned.pack(), Ordering::Relaxed);
    }

    /// Counts frames that were handled by it. Any context, several at once.
    #[inline]
    pub(super) fn count(&self, packets: u64, bytes: u64, now: u64) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.touch(now);
    }

    /// Notes that it was of use.
    #[inline]
    pub(super) fn touch(&self, now: u64) {
        // Not all CPUs are to take the line from each other for each frame.
        if self.used.load(Ordering::Relaxed) != tick(now) {
            self.used.store(tick(now), Ordering::Relaxed);
        }
    }

    pub(super) fn usage(&self, now: u64) -> Usage {
        let idle = tick(now).wrapping_sub(self.used.load(Ordering::Relaxed));
        Usage {
            packets: self.packets.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            idle: u64::from(idle) << TICK,
        }
    }

    fn begin(&self, stamp: Stamp) {
        self.set_owned(stamp.owned);
        self.used.store(tick(stamp.now), Ordering::Relaxed);
        self.packets.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }
}

/// The entries of a table.
pub(super) struct Entries<M: Memory, const WORDS: usize> {
    all: M::Buffer<Entry<WORDS>>,
    /// The first one that is free.
    free: AtomicU32,
    /// How many are in the table.
    len: AtomicU32,
}

impl<M: Memory, const WORDS: usize> Entries<M, WORDS> {
    /// `len` of them, or [`MOST`]. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(memory: &M, len: u32) -> Result<Self, OutOfMemory> {
        let len = len.min(MOST);
        let entry = |index: usize| {
            // CAST: Below `MOST`.
            let next = (index as u32).wrapping_add(1);
            Entry {
                link: AtomicU32::new(if next < len { next } else { NONE }),
                used: AtomicU32::new(0),
                owned: AtomicU64::new(0),
                packets: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
                words: [const { AtomicU64::new(0) }; WORDS],
            }
        };
        Ok(Self {
            // CAST: A `usize` has at least 32 bits.
            all: memory.allocate(len as usize, entry)?,
            free: AtomicU32::new(if len > 0 { 0 } else { NONE }),
            len: AtomicU32::new(0),
        })
    }

    /// Bytes that [`new`](Self::new) allocates.
    pub(super) fn memory(len: u32) -> u64 {
        u64::from(len.min(MOST)).wrapping_mul(size_of::<Entry<WORDS>>() as u64)
    }

    /// How many there are, in the table or not.
    pub(super) fn capacity(&self) -> u32 {
        // CAST: At most `MOST`.
        self.all.len() as u32
    }

    /// How many are in the table.
    pub(super) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Entry<WORDS>> {
        // CAST: A `usize` has at least 32 bits.
        self.all.get(index as usize)
    }

    /// Takes one for the table that was used for nothing, if one is free.
    pub(super) fn take(&self, stamp: Stamp) -> Option<(u32, &Entry<WORDS>)> {
        let index = self.free.load(Ordering::Relaxed);
        let entry = self.get(index)?;
        self.free.store(entry.link(), Ordering::Relaxed);
        self.set_len(self.len().wrapping_add(1));
        entry.begin(stamp);
        Some((index, entry))
    }

    /// Notes that one is no longer in the table. Those who look may still see it.
    pub(super) fn leave(&self) {
        self.set_len(self.len().wrapping_sub(1));
    }

    /// Makes the one with number `index` free, that nobody can see.
    pub(super) fn give(&self, index: u32) {
        if let Some(entry) = self.get(index) {
            entry.set_link(self.free.load(Ordering::Relaxed));
            self.free.store(index, Ordering::Relaxed);
        }
    }

    fn set_len(&self, len: u32) {
        self.len.store(len, Ordering::Relaxed);
    }
}

/// Stores `key` in `words`.
pub(super) fn store_all(words: &[AtomicU64], key: &[u64]) {
    for (index, word) in numbered(words) {
        let value = key.get(index).copied().unwrap_or(0);
        word.store(value, Ordering::Relaxed);
    }
}
