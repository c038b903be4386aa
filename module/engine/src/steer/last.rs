// SPDX-License-Identifier: GPL-2.0

//! The flow of the last frame, which most often is that of the next one.
//!
//! To compare [what decides that](Decisive) is much less than to parse a frame, and to hash what was found.

use core::cell::Cell;

use super::Hash;
use crate::parser::{words_of, Decisive, WORDS};

/// Numbers of what has parsed and hashed a frame. No two parsers have the same one, nor two that steer, not
/// even one after the other.
pub type By = [u64; 2];

/// What the last frame of a queue was. Belongs to who polls it.
pub struct LastFlow {
    /// Without, there is none.
    by: Cell<Option<By>>,
    needs: Cell<usize>,
    /// What of the frame was looked at, and what was there.
    words: [(Cell<u64>, Cell<u64>); WORDS],
    hash: Cell<Option<Hash>>,
}

impl Default for LastFlow {
    fn default() -> Self {
        Self {
            by: Cell::new(None),
            needs: Cell::new(0),
            words: [const { (Cell::new(0), Cell::new(0)) }; WORDS],
            hash: Cell::new(None),
        }
    }
}

impl LastFlow {
    /// The hash of `frame`, if it is of this flow, for those who have the numbers `by`. Any context.
    #[inline]
    pub fn find(&self, by: By, frame: &[u8]) -> Option<Option<Hash>> {
        if self.by.get() != Some(by) || frame.len() < self.needs.get() {
            return None;
        }
        let mut both = self.words.iter().zip(words_of(frame));
        let is_it = both.all(|((bits, word), found)| found & bits.get() == word.get());
        is_it.then(|| self.hash.get())
    }

    /// Notes that `frame` has `hash`, which nothing but what is `decisive` has decided, if that is known;
    /// by those who have the numbers `by`. Any context.
    #[inline]
    pub fn note(&self, by: By, frame: &[u8], decisive: Option<&Decisive>, hash: Option<Hash>) {
        let known = decisive.and_then(|decisive| Some((decisive, decisive.needs()?)));
        let Some((decisive, needs)) = known.filter(|(_, needs)| frame.len() >= *needs) else {
            return;
        };
        self.by.set(Some(by));
        self.needs.set(needs);
        self.hash.set(hash);
        let both = decisive.words().into_iter().zip(words_of(frame));
        for ((to, word), (bits, found)) in self.words.iter().zip(both) {
            to.set(bits);
            word.set(found & bits);
        }
    }
}
