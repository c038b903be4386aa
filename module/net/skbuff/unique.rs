// SPDX-License-Identifier: GPL-2.0

//! Frames to which nobody else has a reference, so that their owner may change them.

use super::{
    hash::HashKind,
    stamp::Stamp,
    Chain,
    SkBuff, //
};
use crate::{
    bindings,
    napi::PollContext, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

/// A frame on its way out of a device, which its owner may change: nobody else has a reference.
///
/// Its data may still be shared with clones, which taps and TCP keep: what writes to them takes a
/// copy first where it has to.
///
/// # Invariants
///
/// The reference of `0` is the only one.
pub struct UniqueSkBuff(SkBuff);

impl SkBuff {
    /// Whether others have references to the frame, too.
    #[inline]
    pub fn is_shared(&self) -> bool {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_shared(self.as_ptr()) }
    }

    /// The frame as one that may be changed, if nobody else has a reference; else it comes back.
    ///
    /// # Errors
    ///
    /// The frame: it is shared.
    #[inline]
    pub fn try_into_unique(self) -> Result<UniqueSkBuff, Self> {
        if self.is_shared() {
            return Err(self);
        }
        // INVARIANT: Ours is the only reference, from which alone another one could be taken: an skb
        // is not found by looking it up somewhere.
        Ok(UniqueSkBuff(self))
    }

    /// The frame as one that may be changed (`skb_share_check`): itself, or, if others have
    /// references to it, a clone, and they keep the frame. So what comes out must not go back to the
    /// stack in place of what went in. Context: any; does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the frame is freed as lost.
    #[inline]
    pub fn share_check(self) -> Result<UniqueSkBuff> {
        // SAFETY: The skb is valid, and our reference to it is given up here.
        let skb = unsafe { bindings::offload_nic_skb_share_check(self.into_raw().as_ptr()) };
        let skb = NonNull::new(skb).ok_or(ENOMEM)?;
        // SAFETY: A reference that is ours, to an skb that is not shared, in no list.
        Ok(unsafe { UniqueSkBuff::from_raw(skb) })
    }
}

impl UniqueSkBuff {
    /// # Safety
    ///
    /// `ptr` must be a valid skb in no list, with pages that the CPU can read, and the caller must give
    /// up its reference to it, the only one.
    pub(crate) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // SAFETY: By the function's contract.
        // INVARIANT: As the caller guarantees.
        Self(unsafe { SkBuff::from_raw(ptr) })
    }

    pub(crate) fn into_raw(self) -> NonNull<bindings::sk_buff> {
        self.0.into_raw()
    }

    /// The bytes of the frame that lie in the linear part, to be changed: those that others share
    /// are copied first. Context: any; does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; then nothing has changed.
    #[inline]
    pub fn linear_mut(&mut self) -> Result<&mut [u8]> {
        let len = self.0.linear_len();
        // SAFETY: By the type invariants, nobody else has a reference to the skb: its data may be
        // moved.
        // CAST: It was a 32-bit number.
        to_result(unsafe { bindings::skb_ensure_writable(self.as_ptr(), len as u32) })?;
        // SAFETY: `headlen` bytes at `data` are initialised. No clone uses them now: there is none,
        // or it has promised to leave this part to us, or we got a copy. The slice borrows `self`,
        // so that nobody can ask for them by this object.
        Ok(unsafe { core::slice::from_raw_parts_mut((*self.as_ptr()).data, len) })
    }

    /// The bytes of the frame that lie in the linear part, to be changed as they lie.
    ///
    /// # Safety
    ///
    /// No clone of the skb may have these bytes.
    #[inline]
    pub(super) unsafe fn own_linear_mut(&mut self) -> &mut [u8] {
        let len = self.0.linear_len();
        // SAFETY: `headlen` bytes at `data` are initialised, and nobody else's: no other reference by
        // the type invariants, and no clone by the function's contract. The slice borrows `self`.
        unsafe { core::slice::from_raw_parts_mut((*self.as_ptr()).data, len) }
    }

    /// Notes that the checksum which the stack left open is filled in: the bytes are those that go
    /// on the wire.
    #[inline]
    pub fn set_checksum_done(&mut self) {
        // SAFETY: By the type invariants, nobody else has a reference to the skb.
        unsafe { bindings::offload_nic_skb_checksum_done(self.as_ptr()) };
    }

    /// Has the stack know a hash of the frame, 32 bits as the host has numbers. 0 is none to the stack,
    /// which makes its own then, where RPS would leave the frame where it is for a hash of 0.
    #[inline]
    pub fn set_hash(&mut self, hash: u32, kind: HashKind) {
        if hash != 0 {
            // SAFETY: By the type invariants, nobody else has a reference to the skb.
            unsafe { bindings::offload_nic_skb_set_hash(self.as_ptr(), hash, kind.raw()) };
        }
    }

    /// Has the stack know when the frame arrived at the device. Nobody may have a clone of it: clones
    /// share the place where that is kept.
    #[inline]
    pub(crate) fn set_time_stamp(&mut self, stamp: Stamp) {
        // SAFETY: By the type invariants, nobody else has a reference to the skb.
        unsafe { bindings::offload_nic_skb_set_hwtstamp(self.as_ptr(), stamp.get()) };
    }

    /// Fills in the ones' complement checksum that the stack left to the device
    /// (`skb_checksum_help`). Context: any; does not sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the header is shared and can't be copied, `EINVAL` if the request is malformed.
    pub fn checksum_help(&mut self) -> Result {
        // SAFETY: By the type invariants, nobody else has a reference to the skb, whose header may
        // be moved; `skb_checksum_help` makes it writable before it writes.
        to_result(unsafe { bindings::skb_checksum_help(self.as_ptr()) })
    }

    /// Fills in the CRC32c that the stack left to the device (`skb_crc32c_csum_help`). Context: any;
    /// does not sleep.
    ///
    /// # Errors
    ///
    /// As those of [`Self::checksum_help`].
    pub fn crc32c_help(&mut self) -> Result {
        // SAFETY: As in `checksum_help`.
        to_result(unsafe { bindings::skb_crc32c_csum_help(self.as_ptr()) })?;
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
    pub fn segment(self, checksums: bool) -> Result<Chain<()>> {
        // SAFETY: By the type invariants, nobody else has a reference to the skb, which is in no list.
        let frames = unsafe { bindings::offload_nic_skb_segment(self.as_ptr(), checksums) };
        let frames = NonNull::new(from_err_ptr(frames)?).ok_or(EINVAL)?;
        // SAFETY: A list of new skbs linked by `next`, whose only references are ours. The first of
        // them may be the frame itself, which has got another reference then, given up below.
        let chain = unsafe { Chain::from_raw(frames) };
        SkBuff::from(self).consume();
        Ok(chain)
    }

    /// Hands the frame to the stack (through GRO) as it is, as received on `queue` of the polled
    /// device: nothing of it is copied, nor anything that the sender's host has noted with it. It
    /// may be a super-frame, which then must be one that GRO could have made. `hash` is what the device
    /// has made of the frame, or of those that it stands for. Returns whether there was memory; without,
    /// it is dropped. Context: NAPI poll.
    pub fn receive(
        self,
        queue: u16,
        hash: Option<(u32, HashKind)>,
        context: &PollContext<'_>,
    ) -> bool {
        // As in `set_hash`.
        let hash = hash.filter(|(hash, _)| *hash != 0);
        let (hash, kind) = hash.map_or(
            (0, bindings::offload_nic_hash_OFFLOAD_NIC_HASH_NONE),
            |(hash, kind)| (hash, kind.raw()),
        );
        if self.linear().len() < bindings::ETH_HLEN as usize {
            return false;
        }
        // SAFETY: The context proves that `napi` is valid and that this is its poll function. The
        // skb has an Ethernet header, and the stack takes our reference, the only one.
        unsafe {
            let skb = self.into_raw().as_ptr();
            bindings::offload_nic_napi_receive_sent(context.napi(), skb, queue, hash, kind)
        }
    }

    /// Takes the frame from the account of the socket that sent it.
    pub fn orphan(&mut self) {
        // SAFETY: By the type invariants, nobody else has a reference to the skb.
        unsafe { bindings::offload_nic_skb_orphan(self.as_ptr()) };
    }
}

impl Deref for UniqueSkBuff {
    type Target = SkBuff;

    #[inline]
    fn deref(&self) -> &SkBuff {
        &self.0
    }
}

impl From<UniqueSkBuff> for SkBuff {
    #[inline]
    fn from(skb: UniqueSkBuff) -> Self {
        skb.0
    }
}
