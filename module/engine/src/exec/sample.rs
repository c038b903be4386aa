// SPDX-License-Identifier: GPL-2.0

//! What a program sends to user space: bytes of its own, and the first ones of the frame.

use super::readable::Readable;

/// Bytes on their way to user space (`bpf_perf_event_output`). They lie where the program has them,
/// which may be memory that others write to: there is no slice of them.
pub struct Sample<'a> {
    pub(super) data: Readable<'a>,
    pub(super) data_len: usize,
    pub(super) frame: &'a [u8],
}

impl Sample<'_> {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.data_len.saturating_add(self.frame.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies the bytes from `offset` on to `to`, as many as there are and find room.
    pub fn read(&self, offset: usize, to: &mut [u8]) {
        let own = self.data_len.saturating_sub(offset).min(to.len());
        let Some((first, second)) = to.split_at_mut_checked(own) else {
            return;
        };
        self.data.read(offset, first);
        let rest = self
            .frame
            .get(offset.saturating_sub(self.data_len)..)
            .unwrap_or(&[]);
        for (byte, from) in second.iter_mut().zip(rest) {
            *byte = *from;
        }
    }
}
