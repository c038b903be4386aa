// SPDX-License-Identifier: GPL-2.0

//! Frames that were sent and are received as they lie: nothing of them is copied.

use super::{
    Pieces,
    Received,
    SkBuff,
    UniqueSkBuff, //
};
use crate::{
    bindings,
    napi::PollContext, //
};
use core::ptr::NonNull;

/// A frame that was sent, whose headers are nobody else's, and whose payload stays in the pages where it is.
///
/// # Invariants
///
/// The linear part of `skb`, which has no clones, holds the headers. All else of it is what a
/// [`StablePayload`](super::StablePayload) is. It can be [taken over](Self::into_skb) by a receiver.
pub struct SharedFrame {
    skb: UniqueSkBuff,
}

impl SharedFrame {
    /// The frame `sent`, if its payload is stable and begins `header` bytes from the frame's first one, and nobody
    /// else has its headers. Context: NAPI poll.
    ///
    /// # Errors
    ///
    /// The frame, unchanged.
    #[inline]
    pub fn take_over(
        sent: SkBuff,
        header: usize,
        _context: &PollContext<'_>,
    ) -> Result<Self, SkBuff> {
        // SAFETY: By the type invariants, the skb is valid.
        let is_possible = unsafe { bindings::offload_nic_skb_can_be_shared(sent.as_ptr()) };
        if !is_possible || sent.linear_len() != header {
            return Err(sent);
        }
        // SAFETY: As was found out just now, nobody else has a reference to it: nobody can get one from who has
        // none.
        let skb = unsafe { UniqueSkBuff::from_raw(sent.into_raw()) };
        // INVARIANT: As was found out just now it has no clones and no list, and its pages are stable, which stays
        // so, as the socket has given the frame away.
        Ok(Self { skb })
    }

    /// The headers.
    #[inline]
    pub fn header(&self) -> &[u8] {
        self.skb.linear()
    }

    /// As [`Self::header`], to be changed.
    #[inline]
    pub fn header_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariants there are no clones.
        unsafe { self.skb.own_linear_mut() }
    }

    /// What is behind the headers, in the pieces that it lies in.
    #[inline]
    pub fn payload(&self) -> Pieces<'_> {
        // SAFETY: By the type invariants that is a stable payload.
        unsafe { Pieces::of_stable(&self.skb) }
    }

    /// The frame as it lies.
    #[inline]
    pub(super) fn skb(&self) -> &SkBuff {
        &self.skb
    }

    /// As [`Self::skb`], to be taken apart.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        self.skb.into_raw()
    }

    /// The frame as it was sent.
    #[inline]
    pub fn into_sent(self) -> SkBuff {
        self.skb.into()
    }

    /// The frame as one that was received. Nothing is left of what the sender's host has noted with it. Context:
    /// bottom halves are off.
    #[inline]
    pub(super) fn into_skb(self) -> UniqueSkBuff {
        // SAFETY: Nobody else has a reference to the skb, by the type invariants it can be taken over, and by the
        // function's contract its socket's destructor may run.
        unsafe { bindings::offload_nic_skb_take_over_paged(self.skb.as_ptr()) };
        self.skb
    }

    /// The frame on its way up. Context: NAPI poll.
    pub fn into_received(self) -> Received {
        // SAFETY: By the type invariants no clones, and the headers in the linear part.
        unsafe { Received::new(self.into_skb(), 0) }
    }
}
