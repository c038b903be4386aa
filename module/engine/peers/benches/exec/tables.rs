// SPDX-License-Identifier: GPL-2.0

//! The maps of the programs as rbpf has them: it knows helpers, but no maps.
//!
//! As plain as a table can be, so that what is compared is the execution of programs: open
//! addressing with linear probing, half empty.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::traffic::flow_key;

/// The flows that the lookup program finds.
pub(crate) const FLOWS: Range<u8> = 0..48;
/// Elements of the load balancer's array.
pub(crate) const BACKENDS: usize = 64;

const BUCKETS: usize = 256;

/// A key of 16 bytes, never zero where there is one, and its value.
struct Bucket {
    key: [AtomicU64; 2],
    value: AtomicU64,
}

static BUCKET_LIST: [Bucket; BUCKETS] = [const {
    Bucket {
        key: [const { AtomicU64::new(0) }; 2],
        value: AtomicU64::new(0),
    }
}; BUCKETS];

/// Elements of 16 bytes.
static ELEMENTS: [[AtomicU64; 2]; BACKENDS] =
    [const { [const { AtomicU64::new(0) }; 2] }; BACKENDS];

/// Where all values lie, for machines that check addresses.
pub(crate) fn memory() -> [Range<u64>; 2] {
    let range = |start: u64, len: usize| start..start + len as u64;
    [
        range(BUCKET_LIST.as_ptr() as u64, size_of_val(&BUCKET_LIST)),
        range(ELEMENTS.as_ptr() as u64, size_of_val(&ELEMENTS)),
    ]
}

fn first_bucket(key: [u64; 2]) -> usize {
    let mixed = (key[0] ^ key[1].rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % BUCKETS
}

/// Puts the flows into the table.
pub(crate) fn fill() {
    for flow in FLOWS {
        for proto in [6, 17] {
            let key = flow_key(flow, proto);
            let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| key[at + byte]));
            let key = [word(0), word(8)];
            let mut at = first_bucket(key);
            while find_at(at, key).is_none() {
                let bucket = &BUCKET_LIST[at % BUCKETS];
                if bucket.key[0].load(Ordering::Relaxed) == 0 {
                    bucket.key[0].store(key[0], Ordering::Relaxed);
                    bucket.key[1].store(key[1], Ordering::Relaxed);
                } else {
                    at += 1;
                }
            }
        }
    }
}

fn find_at(at: usize, key: [u64; 2]) -> Option<&'static AtomicU64> {
    let bucket = &BUCKET_LIST[at % BUCKETS];
    let found = [0, 1].map(|word: usize| bucket.key[word].load(Ordering::Relaxed));
    (found == key).then_some(&bucket.value)
}

/// The address of the value of `key`, 0 where there is none.
#[inline]
pub(crate) fn look_up(key: [u64; 2]) -> u64 {
    let mut at = first_bucket(key);
    loop {
        if let Some(value) = find_at(at, key) {
            return std::ptr::from_ref(value) as u64;
        }
        if BUCKET_LIST[at % BUCKETS].key[0].load(Ordering::Relaxed) == 0 {
            return 0;
        }
        at += 1;
    }
}

/// The address of element `index`, 0 where there is none.
#[inline]
pub(crate) fn element(index: u32) -> u64 {
    ELEMENTS
        .get(index as usize)
        .map_or(0, |element| element.as_ptr() as u64)
}
