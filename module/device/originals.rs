// SPDX-License-Identifier: GPL-2.0

//! Frames as they were before they were put together: kept beside what was made of them, for a host that
//! wants to compare.

use engine::descriptor::RxDescriptor;
use kernel::prelude::*;
use net::{
    napi::PollContext,
    skbuff::{
        FrameBuffer,
        Received,
        Room, //
    }, //
};

/// What a frame takes beside its bytes, about: an `sk_buff`, the room around it, and its place in the list.
const OVERHEAD: usize = 1024;

/// The frames that a super-frame was, in their order: as the host would have got each of them alone. They are
/// in memory of the host, so that they can go up in place of it when there is no memory left.
#[derive(Default)]
pub struct Originals {
    frames: KVec<(RxDescriptor, Received)>,
    size: usize,
}

impl Originals {
    /// Keeps a copy of `frame`, of which the device says `descriptor`. Context: NAPI poll.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; nothing has changed.
    pub(crate) fn keep(
        &mut self,
        frame: &[u8],
        descriptor: &RxDescriptor,
        context: &PollContext<'_>,
    ) -> Result {
        self.frames.reserve(1, GFP_ATOMIC | __GFP_NOWARN)?;
        let copy = FrameBuffer::join(frame, &[], Room::default(), context).ok_or(ENOMEM)?;
        let copy = copy.into_received(0..frame.len(), 0);
        self.frames
            .push((*descriptor, copy), GFP_ATOMIC | __GFP_NOWARN)?;
        self.size = self.size.saturating_add(taken_by(frame));
        Ok(())
    }

    /// Forgets the one that was kept last. Context: NAPI poll.
    pub(crate) fn forget_last(&mut self, context: &PollContext<'_>) {
        if let Some((_, frame)) = self.frames.pop() {
            self.size = self.size.saturating_sub(taken_by(frame.bytes()));
            frame.consume_in(context);
        }
    }

    /// Memory that they take, in bytes, about.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The bytes of each.
    pub fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(|(_, frame)| frame.bytes())
    }

    /// Each of them, and what the device says of it.
    pub fn into_frames(self) -> impl Iterator<Item = (RxDescriptor, Received)> {
        self.frames.into_iter()
    }

    /// Frees them as frames that nobody needs. Context: NAPI poll.
    pub fn consume_in(self, context: &PollContext<'_>) {
        for (_, frame) in self.frames {
            frame.consume_in(context);
        }
    }
}

/// Memory that a copy of `frame` takes, in bytes, about.
fn taken_by(frame: &[u8]) -> usize {
    frame.len().saturating_add(OVERHEAD)
}
