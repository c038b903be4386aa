// SPDX-License-Identifier: GPL-2.0

//! The maps of the programs as rbpf has them: it knows helpers, but no maps, and lets programs
//! touch nothing but their stack, the frame and the context. So the values lie behind the context.
//!
//! As plain as a table can be, so that what is compared is the execution of programs: open
//! addressing with linear probing, less than half full.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::traffic::flow_key;

/// The flows that the lookup program finds.
pub(crate) const FLOWS: Range<u8> = 0..48;
/// Elements of the load balancer's array.
pub(crate) const BACKENDS: usize = 64;

const BUCKETS: usize = 256;
/// Bytes of a value in either map, and of the values of all elements.
const VALUE_LEN: usize = 16;
pub(crate) const VALUES_LEN: usize = BUCKETS * VALUE_LEN;

/// The key of each bucket, 0 where there is none.
static KEYS: [[AtomicU64; 2]; BUCKETS] = [const { [const { AtomicU64::new(0) }; 2] }; BUCKETS];

/// Where the values of the machine that runs are.
static VALUES: AtomicU64 = AtomicU64::new(0);

/// Says where the values are.
#[inline]
pub(crate) fn values_at(address: u64) {
    VALUES.store(address, Ordering::Relaxed);
}

fn value(element: usize) -> u64 {
    VALUES.load(Ordering::Relaxed) + (element * VALUE_LEN) as u64
}

fn first_bucket(key: [u64; 2]) -> usize {
    let mixed = (key[0] ^ key[1].rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % BUCKETS
}

fn key_at(bucket: usize) -> [u64; 2] {
    let words = &KEYS[bucket];
    [0, 1].map(|word: usize| words[word].load(Ordering::Relaxed))
}

/// Puts the flows into the table.
pub(crate) fn fill() {
    for (flow, proto) in FLOWS.flat_map(|flow| [(flow, 6), (flow, 17)]) {
        let bytes = flow_key(flow, proto);
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let key = [word(0), word(8)];
        let mut bucket = first_bucket(key);
        while key_at(bucket) != [0, 0] {
            bucket = (bucket + 1) % BUCKETS;
        }
        KEYS[bucket][0].store(key[0], Ordering::Relaxed);
        KEYS[bucket][1].store(key[1], Ordering::Relaxed);
    }
}

/// The address of the value of `key`, 0 where there is none.
#[inline]
pub(crate) fn look_up(key: [u64; 2]) -> u64 {
    let mut bucket = first_bucket(key);
    loop {
        match key_at(bucket) {
            found if found == key => return value(bucket),
            [0, 0] => return 0,
            _ => bucket = (bucket + 1) % BUCKETS,
        }
    }
}

/// The address of element `index`, 0 where there is none.
#[inline]
pub(crate) fn element(index: u32) -> u64 {
    let index = index as usize;
    if index < BACKENDS {
        value(index)
    } else {
        0
    }
}
