// SPDX-License-Identifier: GPL-2.0

//! How the keys of a hash map lead to its elements.
//!
//! All elements are allocated with the map, each with the number of the next one in its chain and its
//! key before its value. A bucket is a chain of elements. Readers walk it without a lock; what could
//! mislead them is an element that leaves the chain and is used again for another key while they look
//! at it. Every unlinking therefore first advances the bucket's `unlinks`, and a reader that finds it
//! changed walks again, the last time under the bucket's lock.
//!
//! The order that makes this right: a writer advances `unlinks`, then (release fence) changes
//! links, frees the element and, after a release fence again, writes its next key. A reader that
//! saw any of the later writes sees, after its acquire fence, the advanced `unlinks`.
//!
//! Replacing an element links the new one in front before the old one leaves, so a key that is in
//! the map is always found.
//!
//! A lock is for all buckets whose numbers end in the same bits, as there may be a million of them
//! and only so many CPUs that write. Lock order: buckets, then the free queue; never two of the
//! first. Only under a bucket's lock is an element on its way from the map to the free queue or
//! back, so that no more of them are than there are locks: with more spare elements than locks, the
//! free queue has one for everybody who may have one.

use core::sync::atomic::{fence, AtomicU32, AtomicU64, Ordering};

use super::elements::Elements;
use super::error::MapError;
use super::free::{queue_bytes, FreeQueue};
use super::shape::{Shape, BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST};
use super::words::{words_for, KEY_WORDS};
use crate::memory::{Lock, LockClass, Memory, OutOfMemory, LOCK_BYTES};
use crate::numbered::numbered;

/// The end of a chain.
const NIL: u32 = u32::MAX;

/// Maps with at most this many elements are listed in the order of their keys. The host's maps promise
/// no order at all; small ones are for people to look at, and the kernel's own suite for offload wants
/// a map with the keys 0 and 1 in that order.
const SORTED: u32 = 64;

/// Walks without the lock before a reader takes it.
const LOCKLESS_WALKS: u32 = 8;

struct Bucket {
    /// The first element. Written under the bucket's lock, like the links of its chain.
    head: AtomicU32,
    unlinks: AtomicU32,
}

pub(super) struct HashTable<M: Memory> {
    buckets: M::Buffer<Bucket>,
    /// As many as a power of two, and not more than there are buckets.
    locks: M::Buffer<M::Lock<()>>,
    seed: u64,
    free: FreeQueue<M>,
    /// Elements in the map; `max_entries` bounds it, not the number of free elements.
    len: AtomicU32,
    max_entries: u32,
}

/// Locks that a map of many buckets has: so many more than CPUs that few of them meet.
const fn most_locks(cpus: usize) -> u32 {
    let cpus = if cpus > 4096 { 4096 } else { cpus as u32 };
    (4 * cpus).next_power_of_two()
}

fn lock_count(shape: &Shape) -> u32 {
    most_locks(shape.cpus).min(bucket_count(shape))
}

fn bucket_count(shape: &Shape) -> u32 {
    let buckets = shape.max_entries.checked_next_power_of_two();
    buckets.unwrap_or(1 << 31)
}

/// Refuses what no hash can be: nothing.
pub(super) fn check(_: &Shape) -> Result<(), MapError> {
    Ok(())
}

/// Elements that there is memory for. Beyond `max_entries` there is one for each lock, and more so
/// that a freed element is not used again at once.
pub(super) fn elements(shape: &Shape) -> u32 {
    let spare = most_locks(shape.cpus).saturating_add(8);
    shape.max_entries.saturating_add(spare)
}

/// Words that a table keeps in each element: a link, and the key, zero padded.
pub(super) fn head(shape: &Shape) -> usize {
    words_for(shape.key_size as usize).saturating_add(1)
}

/// Bytes that a table allocates.
pub(super) fn bytes(shape: &Shape) -> u64 {
    let elements = elements(shape);
    let sizes = [
        (bucket_count(shape), size_of::<Bucket>() as u64),
        (lock_count(shape), LOCK_BYTES),
    ];
    sizes
        .iter()
        .fold(queue_bytes(elements), |sum, (count, each)| {
            sum.saturating_add(u64::from(*count).saturating_mul(*each))
        })
}

impl<M: Memory> HashTable<M> {
    pub(super) fn new(memory: &M, shape: &Shape) -> Result<Self, OutOfMemory> {
        let elements = elements(shape);
        let empty = |_| Bucket {
            head: AtomicU32::new(NIL),
            unlinks: AtomicU32::new(0),
        };
        let locks = lock_count(shape) as usize;
        Ok(Self {
            buckets: memory.allocate(bucket_count(shape) as usize, empty)?,
            locks: memory.locks(LockClass::Buckets, locks, |_| ())?,
            seed: shape.hash_seed,
            free: FreeQueue::new(memory, elements)?,
            len: AtomicU32::new(0),
            max_entries: shape.max_entries,
        })
    }

    pub(super) fn size_in_memory(&self) -> u64 {
        let locks = (self.locks.len() as u64).saturating_mul(LOCK_BYTES);
        locks
            .saturating_add(size_of_val::<[Bucket]>(&self.buckets) as u64)
            .saturating_add(self.free.size_in_memory())
    }

    /// The element that holds `key`.
    #[inline]
    pub(super) fn find(&self, elements: &Elements<M>, key: &[u64]) -> Option<u32> {
        let mut found = NIL;
        self.read(elements, key, |element| found = element).ok()?;
        Some(found)
    }

    /// Calls `copy` with the element that holds `key`; again if what it may have read was changed
    /// meanwhile.
    #[inline]
    pub(super) fn read(
        &self,
        elements: &Elements<M>,
        key: &[u64],
        mut copy: impl FnMut(u32),
    ) -> Result<(), MapError> {
        let index = self.bucket_of(key);
        let bucket = self.buckets.get(index).ok_or(MapError::NotFound)?;
        for _ in 0..LOCKLESS_WALKS {
            let unlinks = bucket.unlinks.load(Ordering::Acquire);
            let found = walk(elements, bucket, key);
            if let Some((element, _)) = found {
                copy(element);
            }
            fence(Ordering::Acquire);
            if bucket.unlinks.load(Ordering::Relaxed) == unlinks {
                return found.map(|_| ()).ok_or(MapError::NotFound);
            }
        }
        self.locked(index, |bucket| {
            let (element, _) = walk(elements, bucket, key).ok_or(MapError::NotFound)?;
            copy(element);
            Ok(())
        })
    }

    /// Runs `critical` on bucket number `index` under its lock.
    fn locked<R>(
        &self,
        index: usize,
        critical: impl FnOnce(&Bucket) -> Result<R, MapError>,
    ) -> Result<R, MapError> {
        let bucket = self.buckets.get(index).ok_or(MapError::NotFound)?;
        let lock = self.locks.get(index & self.locks.len().wrapping_sub(1));
        lock.ok_or(MapError::NotFound)?.with(|()| critical(bucket))
    }

    /// Makes `key` lead to a new element whose value `fill` writes.
    pub(super) fn update(
        &self,
        elements: &Elements<M>,
        key: &[u64],
        flags: u64,
        fill: impl FnOnce(u32),
    ) -> Result<(), MapError> {
        if flags & BPF_F_LOCK != 0 {
            return Err(MapError::UpdateFlags { asked: flags });
        }
        self.locked(self.bucket_of(key), |bucket| {
            let old = walk(elements, bucket, key);
            match old {
                Some(_) if flags == BPF_NOEXIST => return Err(MapError::Exists),
                None if flags == BPF_EXIST => return Err(MapError::NotFound),
                Some(_) => {}
                None => self.count_up()?,
            }
            // There is one, see above.
            let max_entries = self.max_entries;
            let new = self.free.pop().ok_or(MapError::Full { max_entries })?;
            fence(Ordering::Release);
            if let Some((link, to)) = link_and_key(elements, new) {
                for (word, from) in to.iter().zip(key) {
                    word.store(*from, Ordering::Relaxed);
                }
                let following = bucket.head.load(Ordering::Relaxed);
                link.store(following.into(), Ordering::Relaxed);
            }
            fill(new);
            bucket.head.store(new, Ordering::Release);
            if let Some((element, previous)) = old {
                // The new element is now in front of what was the first one.
                self.unlink(elements, bucket, element, previous.or(Some(new)));
            }
            Ok(())
        })
    }

    /// Takes `key` out of the map.
    pub(super) fn delete(&self, elements: &Elements<M>, key: &[u64]) -> Result<(), MapError> {
        self.locked(self.bucket_of(key), |bucket| {
            let (element, previous) = walk(elements, bucket, key).ok_or(MapError::NotFound)?;
            self.unlink(elements, bucket, element, previous);
            // Only now, so that whoever is let in for it finds the element in the queue.
            self.len.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        })
    }

    /// The key after `key`: in the order of buckets and chains, or of keys if there can't be many.
    pub(super) fn next_key(
        &self,
        elements: &Elements<M>,
        key: Option<&[u64]>,
        next: &mut [u8],
    ) -> Result<(), MapError> {
        if self.max_entries <= SORTED {
            return self.next_greater(elements, key, next);
        }
        let mut start = 0;
        if let Some(key) = key {
            let index = self.bucket_of(key);
            let is_last = self.locked(index, |bucket| {
                let Some((element, _)) = walk(elements, bucket, key) else {
                    return Ok(None);
                };
                let following = link_and_key(elements, behind(elements, element));
                if let Some((_, key)) = following {
                    super::words::copy_out(key, next);
                }
                Ok(Some(following.is_none()))
            })?;
            match is_last {
                Some(false) => return Ok(()),
                Some(true) => start = index.saturating_add(1),
                None => {}
            }
        }
        for (index, bucket) in numbered(self.buckets.iter()).skip(start) {
            if bucket.head.load(Ordering::Relaxed) == NIL {
                continue;
            }
            let is_found = self.locked(index, |bucket| {
                let first = link_and_key(elements, bucket.head.load(Ordering::Relaxed));
                if let Some((_, key)) = first {
                    super::words::copy_out(key, next);
                }
                Ok(first.is_some())
            })?;
            if is_found {
                return Ok(());
            }
        }
        Err(MapError::NotFound)
    }

    /// The least key above `key`, or of all if `key` is not in the map. Keys are compared word by
    /// word, each a number whose first byte counts least.
    fn next_greater(
        &self,
        elements: &Elements<M>,
        key: Option<&[u64]>,
        next: &mut [u8],
    ) -> Result<(), MapError> {
        let after = key.filter(|key| self.find(elements, key).is_some());
        let mut least = [0; KEY_WORDS];
        let mut is_found = false;
        for index in 0..self.buckets.len() {
            self.locked(index, |bucket| {
                let mut element = bucket.head.load(Ordering::Relaxed);
                for _ in 0..elements.len() {
                    let Some((link, key)) = link_and_key(elements, element) else {
                        break;
                    };
                    let words = || key.iter().map(|word| word.load(Ordering::Relaxed));
                    let is_later = after.is_none_or(|after| words().gt(after.iter().copied()));
                    let shortened = least.iter().copied().take(key.len());
                    if is_later && (!is_found || words().lt(shortened)) {
                        least
                            .iter_mut()
                            .zip(words())
                            .for_each(|(to, from)| *to = from);
                        super::words::copy_out(key, next);
                        is_found = true;
                    }
                    element = link.load(Ordering::Relaxed) as u32;
                }
                Ok(())
            })?;
        }
        Some(()).filter(|()| is_found).ok_or(MapError::NotFound)
    }

    fn count_up(&self) -> Result<(), MapError> {
        let max_entries = self.max_entries;
        self.len
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |len| {
                Some(len)
                    .filter(|len| *len < max_entries)
                    .map(|len| len.wrapping_add(1))
            })
            .map(|_| ())
            .map_err(|_| MapError::Full { max_entries })
    }

    /// Takes `element` out of its chain and gives it back. Under the bucket's lock.
    fn unlink(&self, elements: &Elements<M>, bucket: &Bucket, element: u32, previous: Option<u32>) {
        bucket.unlinks.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        let following = behind(elements, element);
        match previous {
            None => bucket.head.store(following, Ordering::Release),
            Some(previous) => {
                if let Some((link, _)) = link_and_key(elements, previous) {
                    link.store(following.into(), Ordering::Release);
                }
            }
        }
        self.free.push(element);
    }

    #[inline]
    fn bucket_of(&self, key: &[u64]) -> usize {
        let mixed = key.iter().fold(self.seed, |hash, word| mix(hash ^ word));
        // The number of buckets is a power of two.
        mix(mixed) as usize & self.buckets.len().wrapping_sub(1)
    }
}

/// Finds `key` in a chain: its element and the one before. No more steps than there are elements,
/// whatever the links say: without the lock they may change under way.
#[inline]
fn walk<M: Memory>(
    elements: &Elements<M>,
    bucket: &Bucket,
    key: &[u64],
) -> Option<(u32, Option<u32>)> {
    let mut previous = None;
    let mut element = bucket.head.load(Ordering::Acquire);
    for _ in 0..elements.len() {
        let (link, words) = link_and_key(elements, element)?;
        let mut pairs = words.iter().zip(key);
        if pairs.all(|(a, b)| a.load(Ordering::Relaxed) == *b) {
            return Some((element, previous));
        }
        previous = Some(element);
        element = link.load(Ordering::Acquire) as u32;
    }
    None
}

/// What an element has before its value: the number of the next one, and its key.
#[inline]
fn link_and_key<M: Memory>(
    elements: &Elements<M>,
    element: u32,
) -> Option<(&AtomicU64, &[AtomicU64])> {
    elements.head(element)?.split_first()
}

/// The element behind `element` in its chain. Under the bucket's lock.
fn behind<M: Memory>(elements: &Elements<M>, element: u32) -> u32 {
    let link = link_and_key(elements, element);
    link.map_or(NIL, |(link, _)| link.load(Ordering::Relaxed) as u32)
}

/// A step of a multiply-and-shift hash; one to one for a given input.
#[inline]
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value ^ (value >> 32)
}
