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
    ptr::{
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicPtr,
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

/// Frames that did not fit into a ring that is being made smaller, linked by `next`.
///
/// RTNL serialises its users: a resize fills it and empties it again.
static MISFITS: AtomicPtr<bindings::sk_buff> = AtomicPtr::new(null_mut());

/// Keeps a frame for which a smaller ring has no place, until the resize is done.
///
/// # Safety
///
/// To be called by `ptr_ring_resize` for a pointer in a [`FrameRing`], with RTNL held.
unsafe extern "C" fn set_aside(ptr: *mut kernel::ffi::c_void) {
    let skb: *mut bindings::sk_buff = ptr.cast();
    // SAFETY: By the type invariants of `FrameRing`, a pointer in the ring is an skb whose reference
    // the ring owned, and gives up by this call. Who owns an skb may use its list pointers.
    unsafe { (*skb).__bindgen_anon_1.__bindgen_anon_1.next = MISFITS.load(Ordering::Relaxed) };
    MISFITS.store(skb, Ordering::Relaxed);
}

/// Takes one of the frames that were set aside.
fn take_misfit(_rtnl: &Rtnl<'_>) -> Option<SkBuff> {
    let skb = NonNull::new(MISFITS.load(Ordering::Relaxed))?;
    // SAFETY: `set_aside` put a valid skb there, whose reference is the list's and becomes ours.
    // RTNL keeps others away from the list.
    unsafe {
        let links = &mut (*skb.as_ptr()).__bindgen_anon_1.__bindgen_anon_1;
        MISFITS.store(links.next, Ordering::Relaxed);
        links.next = null_mut();
        Some(SkBuff::from_raw(skb))
    }
}

/// Frees a frame that is in a ring.
///
/// # Safety
///
/// To be called by `ptr_ring_cleanup` for a pointer in a [`FrameRing`].
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

    /// Puts a frame in, or gives it back if the ring is full. A frame that gets in is as good as
    /// sent: the software time stamp is taken if its sender wants one.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn send(&self, skb: SkBuff) -> core::result::Result<(), SkBuff> {
        let skb = skb.into_raw();
        // SAFETY: The ring is initialised; on success it owns the reference.
        match unsafe { bindings::offload_nic_ptr_ring_send(self.ring.get(), skb.as_ptr()) } {
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

    /// Takes the oldest frames out, at most `limit` and at most [`Batch::MAX`].
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn pop_batch(&self, limit: usize) -> Batch {
        let mut batch = Batch {
            frames: [null_mut(); Batch::MAX],
            taken: 0,
            len: 0,
        };
        // SAFETY: The ring is initialised, and the array has room for as many.
        let len = unsafe {
            bindings::offload_nic_ptr_ring_consume_batched(
                self.ring.get(),
                batch.frames.as_mut_ptr(),
                // CAST: At most `Batch::MAX`.
                limit.min(Batch::MAX) as i32,
            )
        };
        // INVARIANT: By the invariants of the ring, what comes out are skbs whose references become
        // the batch's.
        batch.len = usize::try_from(len).unwrap_or(0).min(Batch::MAX);
        batch
    }

    /// Whether there is no room for another frame at this moment.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn is_full(&self) -> bool {
        // SAFETY: The ring is initialised.
        unsafe { bindings::offload_nic_ptr_ring_full(self.ring.get()) }
    }

    /// Gives the ring another size. Of the frames in it the oldest stay; `misfit` gets the others.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and the ring keeps the size that it has.
    pub fn resize(&self, size: u32, rtnl: &Rtnl<'_>, mut misfit: impl FnMut(SkBuff)) -> Result {
        let size = i32::try_from(size)?;
        // SAFETY: The ring is initialised; `set_aside` takes over what the ring owns.
        let result = to_result(unsafe {
            bindings::offload_nic_ptr_ring_resize(self.ring.get(), size, Some(set_aside))
        });
        while let Some(skb) = take_misfit(rtnl) {
            misfit(skb);
        }
        result
    }
}

/// Frames that were taken out of a ring at once, oldest first.
///
/// # Invariants
///
/// `frames[taken..len]` are skbs whose references the batch owns.
pub struct Batch {
    frames: [*mut kernel::ffi::c_void; Self::MAX],
    taken: usize,
    len: usize,
}

impl Batch {
    /// The most frames in a batch: what NAPI allows in one poll.
    pub const MAX: usize = bindings::NAPI_POLL_WEIGHT as usize;

    /// How many frames are left.
    pub fn len(&self) -> usize {
        self.len.saturating_sub(self.taken)
    }

    /// Whether no frame is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Iterator for Batch {
    type Item = SkBuff;

    #[inline]
    fn next(&mut self) -> Option<SkBuff> {
        let ptr = *self.frames.get(self.taken..self.len)?.first()?;
        self.taken = self.taken.wrapping_add(1);
        // SAFETY: By the type invariants this is an skb whose reference is the batch's. It is handed
        // out once, as `taken` has moved on.
        NonNull::new(ptr.cast()).map(|skb| unsafe { SkBuff::from_raw(skb) })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[pinned_drop]
impl PinnedDrop for FrameRing {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The ring is initialised and this is its last use; `destroy` frees what is in it.
        unsafe { bindings::offload_nic_ptr_ring_cleanup(self.ring.get(), Some(destroy)) };
    }
}
