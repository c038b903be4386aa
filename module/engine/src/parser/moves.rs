// SPDX-License-Identifier: GPL-2.0

//! What a parser puts into fields, eight bytes of them at once.

use parse_graph::{Order, Piece, Source, Store};

use super::found::{place, Found, Span};
use super::number::{load, Number, LOAD};

/// Bits of a word of fields.
const WORD_BITS: u32 = u64::BITS;

/// What is put into one word of [fields](Found).
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    /// What stays of the word.
    keep: u64,
    /// What of the source is put into it, once that is turned to its place.
    take: u64,
    /// What is added in any case.
    constant: u64,
    source: From,
    /// By how many bits the source is turned to the left.
    turn: u8,
    /// Number of the word.
    to: u8,
}

/// Where a [`Move`] takes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    Nowhere,
    /// Eight bytes of the header from an offset on, of which the move needs the first so many.
    Header {
        at: u16,
        needs: u8,
    },
    /// Where the header begins, as 16 bits in the host's order.
    Offset,
}

impl Span {
    /// Puts there what `constant` has in its lower bits.
    const fn put(self, constant: u64) -> Move {
        Move {
            keep: !self.bits,
            take: 0,
            constant: constant.wrapping_shl(self.low) & self.bits,
            source: From::Nowhere,
            turn: 0,
            to: self.word,
        }
    }

    /// Puts there what `source` has behind its lowest `skipped` bits, as far as `mask` lets it.
    const fn take(self, source: From, skipped: u32, mask: u64) -> Move {
        let turn = self.low.wrapping_sub(skipped).wrapping_rem(WORD_BITS);
        Move {
            keep: !self.bits,
            take: mask.wrapping_shl(self.low) & self.bits,
            constant: 0,
            source,
            // CAST: Below 64.
            turn: turn as u8,
            to: self.word,
        }
    }
}

impl Move {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        keep: u64::MAX,
        take: 0,
        constant: 0,
        source: From::Nowhere,
        turn: 0,
        to: 0,
    };

    /// How many a store takes at most: the longest field has two words.
    pub(super) const PER_STORE: usize = 2;

    /// Whether it does nothing.
    const fn is_none(&self) -> bool {
        self.keep == u64::MAX
    }

    /// What `store` does.
    pub(super) fn of(store: &Store) -> [Self; Self::PER_STORE] {
        let Store {
            field,
            source,
            piece,
            value,
        } = *store;
        let (to, size) = (place(field), field.size());
        let one = |only| [only, Self::NONE];
        match source {
            Source::Extract if piece.is_plain() && piece.size == size => {
                Self::copies(piece.offset, to, size)
            }
            Source::Extract => one(Self::number(&piece, Span::new(to, size))),
            Source::Constant => {
                // The field is not longer than the value.
                let span = Span::new(to, size.min(4));
                let in_order = match field.order() {
                    Order::Wire => value,
                    Order::Host => {
                        let unused = 4_u32.saturating_sub(size.into()).wrapping_mul(8);
                        value.swap_bytes().wrapping_shr(unused)
                    }
                };
                one(span.put(in_order.into()))
            }
            Source::Offset => one(Span::new(to, 2).take(From::Offset, 0, u64::MAX)),
        }
    }

    /// Copies `len` bytes to the place `to`; they lie in two words, if not in one.
    fn copies(mut from: u16, mut to: u8, mut len: u8) -> [Self; Self::PER_STORE] {
        let mut next = || {
            let part = len.min(Span::room(to));
            if part == 0 {
                return Self::NONE;
            }
            let span = Span::new(to, part);
            let source = From::Header {
                at: from,
                needs: part,
            };
            let behind = (LOAD as u32).saturating_sub(part.into()).wrapping_mul(8);
            let copy = span.take(source, behind, u64::MAX);
            from = from.wrapping_add(part.into());
            to = to.wrapping_add(part);
            len = len.wrapping_sub(part);
            copy
        };
        [next(), next()]
    }

    /// Puts the number that `piece` tells.
    const fn number(piece: &Piece, span: Span) -> Self {
        let Number {
            mask,
            offset,
            shift,
        } = Number::new(piece);
        let source = From::Header {
            at: offset,
            needs: piece.size,
        };
        span.take(source, shift as u32, mask as u64)
    }

    /// Adds it to the first `count` of `moves`, which are done before; gives how many they are then,
    /// or `None` if there is no room.
    pub(super) fn add_to(&self, moves: &mut [Self], count: usize) -> Option<usize> {
        if self.is_none() {
            return Some(count);
        }
        let (done, free) = moves.split_at_mut_checked(count)?;
        // What goes into other words may as well be done before.
        let last = done.iter_mut().rfind(|before| before.to == self.to);
        if last.is_some_and(|before| before.join(self)) {
            return Some(count);
        }
        *free.first_mut()? = *self;
        count.checked_add(1)
    }

    /// Makes one of this and `next`, which is done behind it in the same word, if one can do both.
    fn join(&mut self, next: &Self) -> bool {
        let Some((source, turn)) = self.source_of_both(next) else {
            return false;
        };
        *self = Self {
            keep: self.keep & next.keep,
            take: (self.take & next.keep) | next.take,
            constant: (self.constant & next.keep) | next.constant,
            source,
            turn,
            to: self.to,
        };
        true
    }

    /// What both can take from, and how it is turned.
    fn source_of_both(&self, next: &Self) -> Option<(From, u8)> {
        match (self.source, next.source) {
            (From::Nowhere, source) => Some((source, next.turn)),
            (source, From::Nowhere) => Some((source, self.turn)),
            (
                From::Header { at, needs },
                From::Header {
                    at: next_at,
                    needs: next_needs,
                },
            ) => {
                let first = at.min(next_at);
                // CAST: Bits of a word.
                let turned_from_first = |at: u16, turn: u8| {
                    let before = u32::from(at.wrapping_sub(first)).wrapping_mul(8);
                    before.wrapping_add(turn.into()).wrapping_rem(WORD_BITS) as u8
                };
                let end = |at: u16, needs: u8| at.wrapping_sub(first).saturating_add(needs.into());
                let needs = end(at, needs).max(end(next_at, next_needs));
                let turn = turned_from_first(at, self.turn);
                let is_same = turn == turned_from_first(next_at, next.turn);
                (is_same && usize::from(needs) <= LOAD).then_some((
                    From::Header {
                        at: first,
                        // CAST: At most 8.
                        needs: needs as u8,
                    },
                    turn,
                ))
            }
            (From::Offset, From::Offset) if self.turn == next.turn => {
                Some((From::Offset, self.turn))
            }
            _ => None,
        }
    }

    /// Which bits of the header it takes, as [`Number::reads`] gives them.
    pub(super) fn reads(&self) -> (usize, u64) {
        match self.source {
            From::Header { at, .. } => (at.into(), self.take.rotate_right(self.turn.into())),
            From::Nowhere | From::Offset => (0, 0),
        }
    }

    /// How many bytes a header must have for it.
    pub(super) fn needs(&self) -> usize {
        match self.source {
            From::Header { at, needs } => usize::from(at).saturating_add(needs.into()),
            From::Nowhere | From::Offset => 0,
        }
    }

    /// Puts into `found` what `header`, which begins at `offset`, tells.
    #[inline(always)]
    pub(super) fn apply(&self, header: &[u8], offset: usize, found: &mut Found) {
        let source = match self.source {
            From::Header { at, .. } => load(header, at.into()),
            From::Nowhere => 0,
            // CAST: No header begins beyond `limits::OFFSET`.
            From::Offset => u16::from_be_bytes((offset as u16).to_le_bytes()).into(),
        };
        if let Some(word) = found.words.get_mut(usize::from(self.to)) {
            let taken = source.rotate_left(self.turn.into()) & self.take;
            *word = (*word & self.keep) | taken | self.constant;
        }
    }
}
