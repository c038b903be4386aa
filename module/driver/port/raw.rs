// SPDX-License-Identifier: GPL-2.0

//! The raw tables that the user has made, and their rules.

use engine::{
    parser::KeyWords,
    steer::{
        Action,
        Rule, //
    }, //
};
use kernel::prelude::*;
use offload::{
    EntryAction,
    TableTarget, //
};
use offload_uapi::netlink::MAX_KEY;

/// A raw table. What it looks at is kept by the names of nodes, so that it goes on when another graph comes
/// that has them, too.
pub(crate) struct RawTable {
    pub(crate) number: u16,
    pub(crate) name: KVec<u8>,
    pub(crate) target: TableTarget,
    pub(crate) fields: KVec<RawField>,
    /// By their priorities, sorted.
    pub(crate) rules: KVVec<(u32, Rule)>,
}

/// A part of the key of a table.
pub(crate) struct RawField {
    pub(crate) node: KVec<u8>,
    pub(crate) occurrence: u8,
    pub(crate) offset: u16,
    pub(crate) bits: u16,
}

impl RawTable {
    /// How long its key is, in bits.
    pub(crate) fn bits(&self) -> usize {
        let bits = self.fields.iter().map(|field| usize::from(field.bits));
        bits.fold(0, usize::saturating_add)
    }

    /// How many bytes that are.
    pub(crate) fn len(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The place of the rule with `priority` among the others, or the one where it would be.
    pub(crate) fn place(&self, priority: u32) -> Result<usize, usize> {
        self.rules
            .binary_search_by_key(&priority, |(number, _)| *number)
    }

    /// The lowest priority that no rule has.
    pub(crate) fn free_priority(&self) -> u32 {
        // They are sorted: the first that is not where it would be without a gap.
        let mut places = (0_u32..).zip(self.rules.iter());
        let gap = places.find(|(place, (priority, _))| place != priority);
        // CAST: At most `MAX_RAW_RULES`.
        gap.map_or(self.rules.len() as u32, |(place, _)| place)
    }
}

/// The bytes of a key.
pub(crate) fn bytes(words: &KeyWords) -> [u8; MAX_KEY] {
    let mut bytes = [0; MAX_KEY];
    for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// The words of a key that begins with `bytes`.
pub(crate) fn words(bytes: &[u8]) -> KeyWords {
    let mut words = KeyWords::default();
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut eight = [0; 8];
        eight
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        *word = u64::from_be_bytes(eight);
    }
    words
}

/// In the words of the offload infrastructure.
pub(crate) fn told(action: Action) -> EntryAction {
    match action {
        Action::Drop => EntryAction::Drop,
        Action::Queue(queue) => EntryAction::Queue(queue.into()),
        Action::Context { id, offset } => EntryAction::Context {
            id,
            offset: offset.into(),
        },
    }
}
