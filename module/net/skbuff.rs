// SPDX-License-Identifier: GPL-2.0

//! Socket buffers.
//!
//! Types for the ways that a frame goes: [`SkBuff`] is a frame that the stack or a device has sent,
//! read-only because others may hold references to it, [`UniqueSkBuff`] one to which nobody else
//! does, and a [`Chain`] is several that go together; [`FrameBuffer`] is a frame that a device is
//! writing into the host's memory, owned alone, [`PagedFrame`] one of which it writes what is behind
//! the headers into pages, [`SplitFrame`] one of which it writes the headers alone, [`SharedFrame`] one of
//! which it writes nothing, [`Aggregate`] one that others are put behind, and [`Received`] one that is written.
//!
//! # Context, locks, life
//!
//! Nothing here sleeps or takes a lock, and all that allocates does it with `GFP_ATOMIC`.
//!
//! | | context | kept alive by |
//! |---|---|---|
//! | [`SkBuff`], [`UniqueSkBuff`], [`Chain`] | any; `segment` that of `ndo_start_xmit`, `receive` a NAPI poll | the reference that each owns |
//! | [`Fragments`], [`StablePayload`], [`Pieces`] | as their frame | their frame, which they borrow |
//! | [`FrameBuffer`], [`PagedFrame`], [`SplitFrame`], [`SharedFrame`], [`Aggregate`] | made in a NAPI poll, whose memory they come from; then any | an skb that nobody else knows |
//! | [`Received`] | a NAPI poll: it ends in GRO | the same skb, which the stack gets |
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

mod aggregate;
mod buffer;
mod chain;
mod described;
mod fragment;
mod hash;
mod paged;
mod received;
mod request;
mod shared;
mod split;
mod stamp;
mod unique;
mod vlan;

use crate::{
    bindings,
    napi::PollContext, //
};
pub use aggregate::Aggregate;
pub use buffer::{
    FrameBuffer,
    Room, //
};
pub use chain::Chain;
use core::ptr::NonNull;
pub(crate) use described::check_room;
pub use described::{
    Described,
    Descriptor, //
};
pub use fragment::{
    Fragment,
    Fragments, //
};
pub use hash::HashKind;
pub use paged::{
    PagedFrame,
    Pages, //
};
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
pub use shared::SharedFrame;
pub use split::{
    Pieces,
    SplitFrame,
    StablePayload, //
};
pub(crate) use stamp::nanoseconds;
pub use stamp::{
    Stamp,
    Stamps, //
};
pub use unique::UniqueSkBuff;
pub use vlan::VlanTag;

/// A frame on its way out of a device: a reference to it that is owned, and maybe not the only one.
///
/// Dropping it frees it as lost; [`SkBuff::consume`] frees it as delivered.
///
/// # Invariants
///
/// `0` points to a valid `struct sk_buff`, and this object owns one reference to it. It is the one
/// that was given away to have the frame sent: the pointers of lists and the control buffer are this
/// object's, as they are of "whoever has the skb queued" (`skbuff.h`), and the frame is in no list.
/// Others may hold references too, and do nothing with them but wait for the frame's end: pktgen
/// keeps one to each of its frames while they are under way, whether or not the interface lets it
/// send one twice (`IFF_TX_SKB_SHARING`). Nobody writes to a field of an skb that has more than one
/// reference. Its pages are ones that the CPU can read.
pub struct SkBuff(NonNull<bindings::sk_buff>);

// SAFETY: An skb is not tied to the CPU or task that made it.
unsafe impl Send for SkBuff {}

impl SkBuff {
    /// # Safety
    ///
    /// `ptr` must be a valid skb in no list that was given away to be sent, with pages that the CPU
    /// can read, and the caller must give up the reference to it.
    pub(crate) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As the caller guarantees.
        Self(ptr)
    }

    /// A frame that the stack gives to a driver, and the transmit queue that the stack chose. `None`,
    /// and it is freed, if the CPU can't read all of it (`skb_frags_readable()`): the core sends such
    /// frames by devices alone that announce that they take them (`netmem_tx`), and those of this
    /// module don't.
    ///
    /// # Safety
    ///
    /// As for [`Self::from_raw`], but for what the CPU can read.
    #[inline]
    pub(crate) unsafe fn from_stack(ptr: NonNull<bindings::sk_buff>) -> Option<(Self, u16)> {
        // SAFETY: By the function's contract; nothing reads the pages of one that is dropped here.
        let skb = unsafe { Self::from_raw(ptr) };
        // SAFETY: The skb is valid.
        let queue = unsafe { bindings::offload_nic_skb_queue_of_readable(skb.as_ptr()) };
        // A negative number stands for one that can't be read.
        Some((skb, u16::try_from(queue).ok()?))
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
        // initialised, and nobody writes to them while we hold a reference: the linear part is the
        // kernel's own memory, and who has another reference to the skb, or a clone of it, has to
        // take a copy before it writes there.
        unsafe { core::slice::from_raw_parts((*self.as_ptr()).data, self.linear_len()) }
    }

    /// How many bytes of the frame lie in the linear part (`skb_headlen()`).
    #[inline]
    fn linear_len(&self) -> usize {
        // SAFETY: By the type invariants, the skb is valid.
        let (len, behind) = unsafe { ((*self.as_ptr()).len, (*self.as_ptr()).data_len) };
        // What lies behind the linear part is a part of the frame.
        len.wrapping_sub(behind) as usize
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

    /// What is to be done before the frame is as it goes on a wire, and nobody else's: one look at it for
    /// all of that.
    #[inline]
    pub fn asks(&self) -> Asks {
        // SAFETY: By the type invariants, the skb is valid.
        Asks(unsafe { bindings::offload_nic_skb_asks(self.as_ptr()) })
    }

    /// What the stack asks of the device for this frame: the fields of a transmit descriptor.
    #[inline]
    pub fn offload_request(&self) -> OffloadRequest {
        // SAFETY: By the type invariants, the skb is valid.
        unsafe { bindings::offload_nic_skb_offload_request(self.as_ptr()) }.into()
    }

    /// Frees the frame as one that has reached its destination, and leaves its `sk_buff` to the frames
    /// that are allocated next on this CPU. Context: the poll that `_context` stands for.
    #[inline]
    pub fn consume_in(self, _context: &PollContext<'_>) {
        // SAFETY: By the type invariants we own a reference, given up here. This is a NAPI poll with
        // a budget.
        unsafe { bindings::napi_consume_skb(self.into_raw().as_ptr(), 1) };
    }

    /// Frees the frame as one that has reached its destination.
    #[inline]
    pub fn consume(self) {
        // SAFETY: By the type invariants we own a reference, given up here.
        unsafe { bindings::offload_nic_consume_skb(self.into_raw().as_ptr()) };
    }
}

/// What is to be done before a frame is as it goes on a wire, and nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asks(u32);

impl Asks {
    #[inline]
    const fn has(self, what: u32) -> bool {
        self.0 & what != 0
    }

    /// A checksum that the stack has left open is to be filled in (`CHECKSUM_PARTIAL`):
    /// [`SkBuff::offload_request`] has it.
    #[inline]
    pub const fn is_checksum(self) -> bool {
        self.has(bindings::offload_nic_asks_OFFLOAD_NIC_ASKS_CHECKSUM)
    }

    /// It is to be cut.
    #[inline]
    pub const fn is_segments(self) -> bool {
        self.has(bindings::offload_nic_asks_OFFLOAD_NIC_ASKS_SEGMENTS)
    }

    /// Somebody else has a reference to it: who writes to it makes a copy.
    #[inline]
    pub const fn is_copy(self) -> bool {
        self.has(bindings::offload_nic_asks_OFFLOAD_NIC_ASKS_COPY)
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
