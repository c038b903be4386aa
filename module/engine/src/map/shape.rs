// SPDX-License-Identifier: GPL-2.0

//! What the index of a map depends on, and what all of them know of updates.

/// Update flag: create the element or replace it.
pub const BPF_ANY: u64 = 0;
/// Update flag: create the element only if it does not exist.
pub const BPF_NOEXIST: u64 = 1;
/// Update flag: replace an existing element only.
pub const BPF_EXIST: u64 = 2;
/// Update flag: hold the lock in the value.
pub(super) const BPF_F_LOCK: u64 = 4;

/// A map, as far as the way from keys to elements depends on it.
pub(super) struct Shape {
    /// Bytes of a key.
    pub(super) key_size: u32,
    /// Number of elements.
    pub(super) max_entries: u32,
    /// A random number.
    pub(super) hash_seed: u64,
    /// Threads that change the map at the same moment, for the most part.
    pub(super) cpus: usize,
}
