// SPDX-License-Identifier: GPL-2.0

//! A ring of frames with a fixed size, many writers and one reader.
//!
//! C header: [`include/linux/ptr_ring.h`](srctree/include/linux/ptr_ring.h)

use crate::{
    bindings,
    netdev::Rtnl,
    skbuff::SkBuff, //
};
use core::{
    ptr::NonNull,
    sync::atomic::{
        AtomicU64,
        Ordering, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A ring of frames.
///
/// # Invariants
///
/// `ring` is an initialised `struct ptr_ring`; each pointer in it is an skb whose reference the
/// ring owns.
#[pin_data(PinnedDrop)]
pub struct FrameRing {
    #[pin]
    ring: Opaque<bindings::ptr_ring>,
}

// SAFETY: A `ptr_ring` has locks for its producers and its consumers; skbs are `Send`.
unsafe impl Send for FrameRing {}
// SAFETY: As above: all methods that change the ring take the lock of their side.
unsafe impl Sync for FrameRing {}

/// Frames that did not fit into rings that were made smaller, over all rings.
static RESIZE_DROPS: AtomicU64 = AtomicU64::new(0);

/// Frees a frame for which a smaller ring has no place.
unsafe extern "C" fn destroy_on_resize(ptr: *mut kernel::ffi::c_void) {
    RESIZE_DROPS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: The contract is the same.
    unsafe { destroy(ptr) };
}

/// Frees a frame that is in a ring.
unsafe extern "C" fn destroy(ptr: *mut kernel::ffi::c_void) {
    if let Some(skb) = NonNull::new(ptr.cast()) {
        // SAFETY: By the type invariants of `FrameRing`, a pointer in the ring is an skb whose
        // reference the ring owned, and gives up by this call.
        drop(unsafe { SkBuff::from_raw(skb) });
    }
}

impl FrameRing {
    /// Makes a ring for `size` frames.
    pub fn new(size: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: An empty ring once `ptr_ring_init` has succeeded.
            ring <- Opaque::try_ffi_init(|ring| {
                let size = i32::try_from(size)?;
                // SAFETY: `ring` is memory for a `struct ptr_ring` that stays in place.
                to_result(unsafe { bindings::offload_nic_ptr_ring_init(ring, size) })
            }),
        })
    }

    /// Puts a frame in, or gives it back if the ring is full.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn push(&self, skb: SkBuff) -> core::result::Result<(), SkBuff> {
        let skb = skb.into_raw();
        // SAFETY: The ring is initialised; on success it owns the reference.
        match unsafe {
            bindings::offload_nic_ptr_ring_produce(self.ring.get(), skb.as_ptr().cast())
        } {
            0 => Ok(()),
            // SAFETY: The ring did not take the skb, so the reference is ours still.
            _ => Err(unsafe { SkBuff::from_raw(skb) }),
        }
    }

    /// Takes the oldest frame out.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn pop(&self) -> Option<SkBuff> {
        // SAFETY: The ring is initialised.
        let ptr = unsafe { bindings::offload_nic_ptr_ring_consume(self.ring.get()) };
        // SAFETY: By the type invariants, what comes out is an skb whose reference becomes ours.
        NonNull::new(ptr.cast()).map(|skb| unsafe { SkBuff::from_raw(skb) })
    }

    /// Whether there is no room for another frame at this moment.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn is_full(&self) -> bool {
        // SAFETY: The ring is initialised.
        unsafe { bindings::offload_nic_ptr_ring_full(self.ring.get()) }
    }

    /// Gives the ring another size, and says how many frames were lost by that: of those in it,
    /// the oldest stay.
    ///
    /// RTNL keeps the count true: two resizes don't happen at once.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and the ring keeps the size that it has.
    pub fn resize(&self, size: u32, _rtnl: &Rtnl<'_>) -> Result<u64> {
        let size = i32::try_from(size)?;
        let before = RESIZE_DROPS.load(Ordering::Relaxed);
        // SAFETY: The ring is initialised; `destroy` frees what the ring owns.
        to_result(unsafe {
            bindings::offload_nic_ptr_ring_resize(self.ring.get(), size, Some(destroy_on_resize))
        })?;
        Ok(RESIZE_DROPS.load(Ordering::Relaxed).wrapping_sub(before))
    }
}

#[pinned_drop]
impl PinnedDrop for FrameRing {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The ring is initialised and this is its last use; `destroy` frees what is in it.
        unsafe { bindings::offload_nic_ptr_ring_cleanup(self.ring.get(), Some(destroy)) };
    }
}
