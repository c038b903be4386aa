// SPDX-License-Identifier: GPL-2.0

//! What a header may have behind its fixed part: optional fields, and lists of options.

use super::found::Found;
use super::machine::{List, Machine, Part};
use super::tables::part;
use crate::memory::Memory;

impl<M: Memory> Machine<M> {
    /// Goes through what is behind the fixed part of a header of `len` bytes, with which `header` begins
    /// and that is at offset `at`; gives where its optional fields end.
    #[cold]
    pub(super) fn more(
        &self,
        number: u16,
        header: &[u8],
        at: usize,
        len: usize,
        found: &mut Found,
    ) -> Option<usize> {
        let rest = self.rests.get(usize::from(number))?;
        for list in part(&self.lists, rest.lists) {
            self.options(list, header.get(..len).unwrap_or(header), at, found);
        }
        let parts = part(&self.parts, rest.optional);
        let flags = rest.present.of(header);
        let behind = self.optional(parts, flags, header, at, len, found)?;
        at.checked_add(behind)
    }

    /// Goes through the optional fields `parts` of a header of `len` bytes with `flags`, with which
    /// `header` begins and that is at offset `at`; gives how long it is with them.
    fn optional(
        &self,
        parts: &[Part],
        flags: u32,
        header: &[u8],
        at: usize,
        mut len: usize,
        found: &mut Found,
    ) -> Option<usize> {
        for each in parts.iter().filter(|each| flags & each.flags == each.flags) {
            let end = len.checked_add(each.length.into())?;
            if each.moves.count != 0 {
                if header.len() < end {
                    return None;
                }
                let bytes = header.get(len..)?;
                for store in part(&self.moves, each.moves) {
                    store.apply(bytes, at, found);
                }
            }
            len = end;
        }
        Some(len)
    }

    /// Goes through a list of options of the header that `header` is, which begins at `start`.
    fn options(&self, list: &List, header: &[u8], start: usize, found: &mut Found) {
        let List {
            list,
            kind: kind_of,
            length,
        } = list;
        let min_len = usize::from(list.min_len);
        let kind_end = usize::from(list.kind.offset).saturating_add(list.kind.size.into());
        let mut rest = header.get(usize::from(list.start)..).unwrap_or_default();
        for _ in 0..list.max {
            // As far as its bytes are there: one byte may be all of one that fills.
            if rest.len() < kind_end {
                return;
            }
            let kind = kind_of.of(rest);
            // One that there is not may have the number of one that there is.
            let is = |special: u16| special != u16::MAX && kind == u32::from(special);
            if is(list.end) {
                return;
            }
            if is(list.pad1) {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            if rest.len() < min_len {
                return;
            }
            let len = length.of(rest);
            let Some((option, behind)) = rest.split_at_checked(len) else {
                return;
            };
            if len < min_len {
                return;
            }
            let options = part(&self.options, list.entries);
            if let Some(known) = options.iter().find(|each| each.kind == kind) {
                let moves = part(&self.moves, known.stores);
                // One that is too short for what it is to tell tells nothing.
                if moves.iter().all(|each| each.needs() <= option.len()) {
                    moves
                        .iter()
                        .for_each(|each| each.apply(option, start, found));
                }
            }
            rest = behind;
        }
    }
}
