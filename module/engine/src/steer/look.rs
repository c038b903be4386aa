// SPDX-License-Identifier: GPL-2.0

//! A frame, as rules see it that look at more of it than its keys.
//!
//! No frame is looked at so closely unless a rule asks for that.

use crate::fields::get;
use crate::memory::Memory;
use crate::parser::Machine;

/// A frame that rules look into, wherever it lies.
pub trait Look {
    /// The two bytes at offset `at` from the Ethernet header on, if it has both. They are asked for as often
    /// as there are shapes of rules that want them.
    fn pair(&self, at: usize) -> Option<[u8; 2]>;

    /// Its first bytes: as many as `room` has place for or the frame has, or more. `room` may be where they
    /// are.
    fn first_bytes<'a>(&'a self, room: &'a mut [u8]) -> &'a [u8];
}

/// A frame of which there is nothing to see.
pub struct Unseen;

impl Look for Unseen {
    fn pair(&self, _at: usize) -> Option<[u8; 2]> {
        None
    }

    fn first_bytes<'a>(&'a self, _room: &'a mut [u8]) -> &'a [u8] {
        &[]
    }
}

/// A frame that lies in one piece.
pub struct Bytes<'a>(pub &'a [u8]);

impl Look for Bytes<'_> {
    #[inline]
    fn pair(&self, at: usize) -> Option<[u8; 2]> {
        get(self.0, at)
    }

    #[inline]
    fn first_bytes<'a>(&'a self, _room: &'a mut [u8]) -> &'a [u8] {
        self.0
    }
}

/// How closely a frame can be looked at.
pub struct Seen<'a, M: Memory> {
    /// The frame.
    pub frame: &'a dyn Look,
    /// The parser for whose graph the [raw tables](super::RawTable) were made. A frame is in none of them
    /// without.
    pub parser: Option<&'a Machine<M>>,
}

impl<M: Memory> Seen<'_, M> {
    /// Not at all.
    pub const NOT: Self = Self {
        frame: &Unseen,
        parser: None,
    };
}

impl<M: Memory> Clone for Seen<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Memory> Copy for Seen<'_, M> {}
