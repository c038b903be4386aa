// SPDX-License-Identifier: GPL-2.0

//! Socket buffers.
//!
//! Types for the ways that a frame goes: [`SkBuff`] is a frame that the stack or a device has sent,
//! read-only because others may share its data, and a [`Chain`] is several of them that go
//! together; [`FrameBuffer`] is a frame that a device is writing into the host's memory, owned
//! alone, [`SplitFrame`] one of which it writes the headers alone, and [`Received`] one that is written.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

mod buffer;
mod chain;
mod fragment;
mod received;
mod request;
mod split;

use crate::{
    bindings,
    netdev::PollContext, //
};
pub use buffer::{
    FrameBuffer,
    Room, //
};
pub use chain::Chain;
use core::ptr::NonNull;
pub use fragment::{
    Fragment,
    Fragments, //
};
use kernel::prelude::*;
pub use received::{
    Classified,
    Received, //
};
pub use request::{
    gso,
    Checksum,
    GsoRequest,
    OffloadRequest,
    GSO_BY_FRAGS, //
};
pub use split::{
    Pieces,
    SplitFrame, //
};

/// A frame on its way out of a device, owned.
///
/// Dropping it frees it as lost; [`SkBuff::consume`] frees it as delivered.
///
/// # Invariants
///
/// `0` points to a valid `struct sk_buff` in no list, and this object owns one reference to it. An
/// interface of this module takes no skb that is in use elsewhere (`IFF_TX_SKB_SHARING` is clear):
/// nobody else has a reference.
pub struct SkBuff(NonNull<bindings::sk_buff>);

// SAFETY: An skb is not tied to the CPU or task that made it.
unsafe impl Send for SkBuff {}

impl SkBuff {
    /// # Safety
    ///
    /// `ptr` must be a valid skb in no list, and the caller must give up its reference to it, the
    /// only one.
    pub(crate) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As the caller guarantees.
        Self(ptr)
    }

    pub(crate) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        let ptr = self.0;
        core::mem::forget(self);
        ptr
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Length of the frame in bytes, from the Ethernet header on.
    #[inline]
    pub fn len(&self) -> usize {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { (*self.as_ptr()).len as usize }
    }

    /// Whether the frame has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the frame that lie in the linear part: all of them unless it has fragments.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        // SAFETY: By the type invariants the skb is valid: `headlen` bytes at `data` are
        // initialised, and nobody writes to them while we hold a reference: a sent frame is
        // read-only for all that share it.
        unsafe {
            core::slice::from_raw_parts(
                (*self.as_ptr()).data,
                bindings::offload_nic_skb_headlen(self.as_ptr()) as usize,
            )
        }
    }

    /// Whether all of the frame lies in [`Self::linear`].
    #[inline]
    pub fn is_linear(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { (*self.as_ptr()).data_len == 0 }
    }

    /// Whether the frame is to be cut before it goes on a wire.
    #[inline]
    pub fn is_gso(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_is_gso(self.as_ptr()) }
    }

    /// The transmit queue that the stack chose.
    #[inline]
    pub fn queue(&self) -> u16 {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_get_queue_mapping(self.as_ptr()) }
    }

    /// Notes another transmit queue.
    #[inline]
    pub fn set_queue(&mut self, queue: u16) {
        // SAFETY: By the type invariants, the skb is valid and ours.
        unsafe { bindings::offload_nic_skb_set_queue_mapping(self.as_ptr(), queue) };
    }

    /// What the stack asks of the device for this frame: the fields of a transmit descriptor.
    #[inline]
    pub fn offload_request(&self) -> OffloadRequest {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_offload_request(self.as_ptr()) }.into()
    }

    /// The driver's own byte that goes with the frame. It means something once
    /// [`Self::set_note`] was called.
    #[inline]
    pub fn note(&self) -> u8 {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_note(self.as_ptr()) }
    }

    /// Sets the driver's own byte. It lies where neither queueing disciplines nor segmentation
    /// keep theirs, so that the stack can take the frame back.
    #[inline]
    pub fn set_note(&mut self, note: u8) {
        // SAFETY: By the type invariants, the skb is valid and ours, and so is its control buffer.
        unsafe { bindings::offload_nic_skb_set_note(self.as_ptr(), note) };
    }

    /// The bytes of the frame that lie in the linear part, to be changed: those that others share
    /// are copied first. Context: any; does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then nothing has changed.
    #[inline]
    pub fn linear_mut(&mut self) -> Result<&mut [u8]> {
        // SAFETY: By the type invariants, the skb is valid and nobody else has a reference, as its
        // data may be moved.
        let (done, len) = unsafe {
            let len = bindings::offload_nic_skb_headlen(self.as_ptr());
            (bindings::skb_ensure_writable(self.as_ptr(), len), len)
        };
        kernel::error::to_result(done)?;
        // SAFETY: The skb is valid: `headlen` bytes at `data` are initialised. No clone uses them
        // now: there is none, or it has promised to leave this part to us, or we got a copy. The
        // slice borrows `self`, so that nobody can ask for them by this object.
        Ok(unsafe { core::slice::from_raw_parts_mut((*self.as_ptr()).data, len as usize) })
    }

    /// Notes that the checksum which the stack left open is filled in: the bytes are those that go
    /// on the wire.
    #[inline]
    pub fn set_checksum_done(&mut self) {
        // SAFETY: By the type invariants, the skb is valid and ours.
        unsafe { bindings::offload_nic_skb_checksum_done(self.as_ptr()) };
    }

    /// Fills in the ones' complement checksum that the stack left to the device
    /// (`skb_checksum_help`). Context: any; does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the header is shared and can't be copied, `EINVAL` if the request is malformed.
    pub fn checksum_help(&mut self) -> Result {
        // SAFETY: By the type invariants, the skb is valid and ours; `skb_checksum_help` makes the
        // header writable before it writes.
        kernel::error::to_result(unsafe { bindings::skb_checksum_help(self.as_ptr()) })
    }

    /// Fills in the CRC32c that the stack left to the device (`skb_crc32c_csum_help`). Context: any;
    /// does not sleep.
    ///
    /// # Errors
    ///
    /// As those of [`Self::checksum_help`].
    pub fn crc32c_help(&mut self) -> Result {
        // SAFETY: By the type invariants, the skb is valid and ours; `skb_crc32c_csum_help` makes
        // the header writable before it writes.
        kernel::error::to_result(unsafe { bindings::skb_crc32c_csum_help(self.as_ptr()) })?;
        self.set_checksum_done();
        Ok(())
    }

    /// Has the CPU cut a super-frame into frames that can be sent (`skb_gso_segment`), in their
    /// order. With `checksums` they are left to ask the device for theirs, where the protocol
    /// allows it; else they are filled in. Context: as of `ndo_start_xmit`; does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the protocol finds wrong with the frame; `EINVAL` if it is none to be cut.
    /// The frame is freed as lost.
    pub fn segment(self, checksums: bool) -> Result<Chain> {
        // SAFETY: By the type invariants, the skb is valid, ours, and in no list.
        let frames = unsafe { bindings::offload_nic_skb_segment(self.as_ptr(), checksums) };
        let frames = NonNull::new(kernel::error::from_err_ptr(frames)?).ok_or(EINVAL)?;
        // SAFETY: A list of new skbs linked by `next`, whose only references are ours. The first of
        // them may be the frame itself, which has got another reference then, given up below.
        let chain = unsafe { Chain::from_raw(frames) };
        self.consume();
        Ok(chain)
    }

    /// Hands the frame to the stack (through GRO) as it is, as received on `queue` of the polled
    /// device: nothing of it is copied, nor anything that the sender's host has noted with it. It
    /// may be a super-frame, which then must be one that GRO could have made. Returns whether there
    /// was memory; without, it is dropped. Context: NAPI poll.
    pub fn receive(self, queue: u16, context: &PollContext<'_>) -> bool {
        if self.linear().len() < bindings::ETH_HLEN as usize {
            return false;
        }
        // SAFETY: The context proves that `napi` is valid and that this is its poll function. The
        // skb is valid and has an Ethernet header; the stack takes our reference.
        unsafe {
            bindings::offload_nic_napi_receive_sent(context.napi(), self.into_raw().as_ptr(), queue)
        }
    }

    /// Takes the frame from the account of the socket that sent it.
    pub fn orphan(&mut self) {
        // SAFETY: By the type invariants, the skb is valid and ours.
        unsafe { bindings::offload_nic_skb_orphan(self.as_ptr()) };
    }

    /// Frees the frame as one that has reached its destination.
    #[inline]
    pub fn consume(self) {
        // SAFETY: By the type invariants we own a reference, given up here.
        unsafe { bindings::offload_nic_consume_skb(self.into_raw().as_ptr()) };
    }
}

impl Drop for SkBuff {
    fn drop(&mut self) {
        // SAFETY: By the type invariants we own a reference, given up here. Every context is
        // allowed.
        unsafe {
            bindings::dev_kfree_skb_any_reason(
                self.as_ptr(),
                bindings::skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED,
            )
        };
    }
}
