// SPDX-License-Identifier: GPL-2.0

//! Bytes that a helper reads, wherever they are.

use crate::map::words::{self, MapBytes, WordSource, WORD};

/// Bytes that a helper reads.
pub(super) enum Readable<'a> {
    Bytes(&'a [u8]),
    Map(MapBytes<'a>),
}

impl WordSource for Readable<'_> {
    #[inline]
    fn word(&self, index: usize) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.word(index),
            Self::Map(bytes) => bytes.word(index),
        }
    }
}

impl Readable<'_> {
    /// Copies the bytes from `offset` on to `to`, as many as there are and find room.
    pub(super) fn read(&self, offset: usize, to: &mut [u8]) {
        match self {
            Self::Bytes(bytes) => {
                let bytes = bytes.get(offset..).unwrap_or(&[]);
                for (byte, from) in to.iter_mut().zip(bytes) {
                    *byte = *from;
                }
            }
            Self::Map(bytes) => {
                let (mut at, mut rest) = (offset, to);
                loop {
                    let len = bytes.len.saturating_sub(at).min(rest.len()).min(WORD);
                    let Some((chunk, tail)) = rest.split_at_mut_checked(len) else {
                        return;
                    };
                    if len == 0 {
                        return;
                    }
                    let place = bytes.offset.saturating_add(at);
                    let word = words::load(bytes.words, place, len).unwrap_or(0);
                    for (byte, from) in chunk.iter_mut().zip(word.to_le_bytes()) {
                        *byte = from;
                    }
                    (at, rest) = (at.saturating_add(len), tail);
                }
            }
        }
    }
}
