// SPDX-License-Identifier: GPL-2.0

//! Frames that XDP programs of other interfaces send by this one.

use crate::{
    bindings,
    skbuff::UniqueSkBuff, //
};
use core::ptr::NonNull;

/// Frames to be sent, as `ndo_xdp_xmit` gets them. Those that were not taken out go back to the
/// sender, who frees and counts them.
///
/// # Invariants
///
/// `frames` are valid, and those from `taken` on are the sender's.
pub struct XdpFrames<'a> {
    frames: &'a [*mut bindings::xdp_frame],
    taken: usize,
    device: *mut bindings::net_device,
}

impl<'a> XdpFrames<'a> {
    /// # Safety
    ///
    /// All of `frames` and `device` must be valid. What is taken out becomes the taker's.
    pub(crate) unsafe fn new(
        frames: &'a [*mut bindings::xdp_frame],
        device: *mut bindings::net_device,
    ) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            frames,
            taken: 0,
            device,
        }
    }

    /// The bytes of the next frame that lie in its first buffer.
    pub fn peek(&self) -> Option<&[u8]> {
        let frame = *self.frames.get(self.taken)?;
        // SAFETY: By the type invariants the frame is valid, and nobody writes to it: its sender has
        // passed it on, and it was not taken.
        unsafe {
            let len = usize::try_from((*frame).len).ok()?;
            Some(core::slice::from_raw_parts((*frame).data.cast(), len))
        }
    }

    /// How many frames were taken out.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

impl Iterator for XdpFrames<'_> {
    type Item = UniqueSkBuff;

    /// The next frame, as an skb that can be sent. Ends early if there is no memory.
    fn next(&mut self) -> Option<UniqueSkBuff> {
        let frame = *self.frames.get(self.taken)?;
        // SAFETY: By the type invariants. On success the frame's memory is the skb's.
        let skb = unsafe { bindings::xdp_build_skb_from_frame(frame, self.device) };
        let skb = NonNull::new(skb)?;
        self.taken = self.taken.wrapping_add(1);
        // SAFETY: The skb is new, its only reference ours; its data begins right behind its
        // Ethernet header.
        unsafe {
            bindings::skb_push(skb.as_ptr(), bindings::ETH_HLEN);
            Some(UniqueSkBuff::from_raw(skb))
        }
    }
}
