// SPDX-License-Identifier: GPL-2.0

//! Frames with what a driver has written beside them for its device.

use super::{
    stamp::Stamp,
    SkBuff, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::{
        align_of,
        offset_of,
        size_of, //
    },
    ops::Deref, //
};

/// What a driver tells its device about a frame, as plain values: it is copied, and never dropped.
pub trait Descriptor: Copy + Send + 'static {}

impl<T: Copy + Send + 'static> Descriptor for T {}

/// A frame, and a descriptor beside it.
///
/// # Invariants
///
/// The control buffer of `skb` begins with a `D`, and nobody else writes to it: it belongs to
/// whoever has the frame queued.
pub struct Described<D: Descriptor> {
    skb: SkBuff,
    _descriptor: PhantomData<D>,
}

/// Checks, when the module is compiled, that a control buffer has room for a `D`.
#[inline]
pub(crate) const fn check_room<D: Descriptor>() {
    const {
        assert!(size_of::<D>() <= bindings::OFFLOAD_NIC_SKB_CB_LEN as usize);
        assert!(offset_of!(bindings::sk_buff, cb) % align_of::<D>() == 0);
        assert!(align_of::<D>() <= align_of::<bindings::sk_buff>());
    }
}

/// Where the control buffer of `skb` begins.
///
/// # Safety
///
/// `skb` must be valid.
unsafe fn control_buffer<D: Descriptor>(skb: *mut bindings::sk_buff) -> *mut D {
    check_room::<D>();
    // SAFETY: By the function's contract.
    unsafe { (&raw mut (*skb).cb).cast() }
}

impl<D: Descriptor> Described<D> {
    /// Puts `descriptor` beside `skb`, where the stack had notes of its own: it can't have the frame
    /// back as one that was not sent.
    #[inline]
    pub fn new(skb: SkBuff, descriptor: D) -> Self {
        // SAFETY: The skb is valid, and its control buffer ours; there is room for a `D` in it.
        unsafe { control_buffer::<D>(skb.as_ptr()).write(descriptor) };
        // INVARIANT: Written just now.
        Self {
            skb,
            _descriptor: PhantomData,
        }
    }

    /// # Safety
    ///
    /// The control buffer of `skb` must begin with a `D`.
    pub(super) unsafe fn from_skb(skb: SkBuff) -> Self {
        // INVARIANT: As the caller guarantees.
        Self {
            skb,
            _descriptor: PhantomData,
        }
    }

    /// The descriptor.
    #[inline]
    pub fn descriptor(&self) -> D {
        // SAFETY: By the type invariants.
        unsafe { control_buffer::<D>(self.skb.as_ptr()).read() }
    }

    /// When a frame that was taken out of a [ring](crate::ring) arrived there, if that was noted.
    #[inline]
    pub fn arrived(&self) -> Option<Stamp> {
        // SAFETY: The skb is valid. All variants of the union are 64 bits.
        let time = unsafe { (*self.skb.as_ptr()).__bindgen_anon_2.skb_mstamp_ns };
        Stamp::new(time)
    }

    /// The frame alone.
    #[inline]
    pub fn into_skb(self) -> SkBuff {
        self.skb
    }
}

impl<D: Descriptor> Deref for Described<D> {
    type Target = SkBuff;

    #[inline]
    fn deref(&self) -> &SkBuff {
        &self.skb
    }
}
