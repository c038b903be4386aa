// SPDX-License-Identifier: GPL-2.0

//! VLANs of which a port takes frames.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use engine::vlan::TagKind;
use kernel::prelude::*;

/// Bits of the tag control information that are the number of the VLAN.
const NUMBER: u16 = 0x0fff;

/// Words with a bit for each number.
const WORDS: usize = (NUMBER as usize + 1) / u64::BITS as usize;

/// The VLANs of a port, of each kind of tag. The host sets them one by one, with its lock for that; frames
/// read them as single bits, at any time.
///
/// # Invariants
///
/// There are [`WORDS`] for each kind. They lie apart from the port, which is made on the stack.
pub(crate) struct Vlans(KVec<AtomicU64>);

impl Vlans {
    /// None.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let mut words = KVec::with_capacity(2 * WORDS, GFP_KERNEL)?;
        for _ in 0..2 * WORDS {
            words.push(AtomicU64::new(0), GFP_KERNEL)?;
        }
        // INVARIANT: As many as that.
        Ok(Self(words))
    }

    /// The word that has the bit for VLAN `number`, and the bit.
    #[inline]
    fn bit(&self, kind: TagKind, number: u16) -> (Option<&AtomicU64>, u64) {
        let number = u32::from(number);
        let first = match kind {
            TagKind::Customer => 0,
            TagKind::Service => WORDS,
        };
        // CAST: Below the number of words.
        let word = first.saturating_add((number / u64::BITS) as usize);
        (self.0.get(word), 1 << (number % u64::BITS))
    }

    /// Whether frames are taken whose outermost tag is of `kind` and has `tci`. A tag without a VLAN has a
    /// priority alone.
    #[inline]
    pub(crate) fn take(&self, kind: TagKind, tci: u16) -> bool {
        let number = tci & NUMBER;
        let (word, bit) = self.bit(kind, number);
        number == 0 || word.is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Adds VLAN `number`, or takes it away.
    pub(crate) fn set(&self, kind: TagKind, number: u16, on: bool) {
        let (word, bit) = self.bit(kind, number & NUMBER);
        let Some(word) = word else { return };
        if on {
            word.fetch_or(bit, Ordering::Relaxed);
        } else {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
}
