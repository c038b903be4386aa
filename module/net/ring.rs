// SPDX-License-Identifier: GPL-2.0

//! A ring of frames with a fixed size, many writers and one reader.
//!
//! Each of its places holds one frame, or several that go together.
//!
//! C header: [`include/linux/ptr_ring.h`](srctree/include/linux/ptr_ring.h)

use crate::{
    bindings,
    netdev::Rtnl,
    skbuff::Chain, //
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
/// `ring` is an initialised `struct ptr_ring`; each pointer in it comes from [`Chain::into_raw`] of
/// a chain that was not empty, and stands for that chain, which the ring owns.
#[pin_data(PinnedDrop)]
pub struct FrameRing {
    #[pin]
    ring: Opaque<bindings::ptr_ring>,
}

// SAFETY: A `ptr_ring` has locks for its producers and its consumers; chains are `Send`.
unsafe impl Send for FrameRing {}
// SAFETY: As above: all methods that change the ring take the lock of their side.
unsafe impl Sync for FrameRing {}

/// What did not fit into a ring that is being made smaller: chains of frames, linked by the `prev`
/// of their first ones.
///
/// RTNL serialises its users: a resize fills it and empties it again.
static MISFITS: AtomicPtr<bindings::sk_buff> = AtomicPtr::new(null_mut());

/// Keeps what a smaller ring has no place for, until the resize is done.
///
/// # Safety
///
/// To be called by `ptr_ring_resize` for a pointer in a [`FrameRing`], with RTNL held.
unsafe extern "C" fn set_aside(ptr: *mut kernel::ffi::c_void) {
    let skb: *mut bindings::sk_buff = ptr.cast();
    // SAFETY: By the type invariants of `FrameRing`, a pointer in the ring is the first skb of a
    // chain that the ring owned, and gives up by this call. Who owns a chain may use the pointers of
    // its lists; the chain itself goes by `next`.
    unsafe { (*skb).__bindgen_anon_1.__bindgen_anon_1.prev = MISFITS.load(Ordering::Relaxed) };
    MISFITS.store(skb, Ordering::Relaxed);
}

/// Takes one of those that were set aside.
fn take_misfit(_rtnl: &Rtnl<'_>) -> Option<Chain> {
    let skb = NonNull::new(MISFITS.load(Ordering::Relaxed))?;
    // SAFETY: `set_aside` put the first skb of a chain there, which was the list's and becomes ours.
    // RTNL keeps others away from the list.
    unsafe {
        let links = &mut (*skb.as_ptr()).__bindgen_anon_1.__bindgen_anon_1;
        MISFITS.store(links.prev, Ordering::Relaxed);
        links.prev = null_mut();
        Some(Chain::from_raw(skb))
    }
}

/// Frees what is in a ring.
///
/// # Safety
///
/// To be called by `ptr_ring_cleanup` for a pointer in a [`FrameRing`].
unsafe extern "C" fn destroy(ptr: *mut kernel::ffi::c_void) {
    if let Some(skb) = NonNull::new(ptr.cast()) {
        // SAFETY: By the type invariants of `FrameRing`, a pointer in the ring stands for a chain
        // that the ring owned, and gives up by this call.
        drop(unsafe { Chain::from_raw(skb) });
    }
}

impl FrameRing {
    /// Makes a ring with `size` places.
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

    /// Puts frames in, in one place, or gives them back if the ring is full.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn push(&self, frames: Chain) -> core::result::Result<(), Chain> {
        // SAFETY: The ring is initialised.
        self.put(frames, |ring, head| unsafe {
            bindings::offload_nic_ptr_ring_produce(ring, head.cast())
        })
    }

    /// As [`Self::push`]. What gets in is as good as sent: the software time stamp is taken of each
    /// frame whose sender wants one.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn send(&self, frames: Chain) -> core::result::Result<(), Chain> {
        // SAFETY: The ring is initialised. All frames of the list that begins with `head` are ours
        // until the last moment before a reader can take them.
        self.put(frames, |ring, head| unsafe {
            bindings::offload_nic_ptr_ring_send(ring, head)
        })
    }

    fn put(
        &self,
        frames: Chain,
        produce: impl FnOnce(*mut bindings::ptr_ring, *mut bindings::sk_buff) -> i32,
    ) -> core::result::Result<(), Chain> {
        let Some(head) = NonNull::new(frames.into_raw()) else {
            return Ok(());
        };
        match produce(self.ring.get(), head.as_ptr()) {
            0 => Ok(()),
            // SAFETY: The ring did not take the chain, so that it is ours still.
            _ => Err(unsafe { Chain::from_raw(head) }),
        }
    }

    /// Takes what is oldest out.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn pop(&self) -> Option<Chain> {
        // SAFETY: The ring is initialised.
        let ptr = unsafe { bindings::offload_nic_ptr_ring_consume(self.ring.get()) };
        // SAFETY: By the type invariants, what comes out stands for a chain that becomes ours.
        NonNull::new(ptr.cast()).map(|skb| unsafe { Chain::from_raw(skb) })
    }

    /// Empties the oldest places, at most `limit` and at most [`Batch::MAX`].
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
        // INVARIANT: By the invariants of the ring, what comes out stands for chains, which become
        // the batch's.
        batch.len = usize::try_from(len).unwrap_or(0).min(Batch::MAX);
        batch
    }

    /// Whether there is no free place at this moment.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn is_full(&self) -> bool {
        // SAFETY: The ring is initialised.
        unsafe { bindings::offload_nic_ptr_ring_full(self.ring.get()) }
    }

    /// Gives the ring another size. Of what is in it the oldest stays; `misfit` gets the rest.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and the ring keeps the size that it has.
    pub fn resize(&self, size: u32, rtnl: &Rtnl<'_>, mut misfit: impl FnMut(Chain)) -> Result {
        let size = i32::try_from(size)?;
        // SAFETY: The ring is initialised; `set_aside` takes over what the ring owns.
        let result = to_result(unsafe {
            bindings::offload_nic_ptr_ring_resize(self.ring.get(), size, Some(set_aside))
        });
        while let Some(frames) = take_misfit(rtnl) {
            misfit(frames);
        }
        result
    }
}

/// What was taken out of a ring at once, oldest first.
///
/// # Invariants
///
/// `frames[taken..len]` stand for chains that the batch owns.
pub struct Batch {
    frames: [*mut kernel::ffi::c_void; Self::MAX],
    taken: usize,
    len: usize,
}

impl Batch {
    /// The most places in a batch: enough for the ring's lock to cost little, and few enough for the
    /// stack below which the stack of protocols runs.
    pub const MAX: usize = 16;

    /// How many places' worth is left.
    pub fn len(&self) -> usize {
        self.len.saturating_sub(self.taken)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Iterator for Batch {
    type Item = Chain;

    #[inline]
    fn next(&mut self) -> Option<Chain> {
        let ptr = *self.frames.get(self.taken..self.len)?.first()?;
        self.taken = self.taken.wrapping_add(1);
        // SAFETY: By the type invariants this stands for a chain of the batch's. It is handed out
        // once, as `taken` has moved on.
        NonNull::new(ptr.cast()).map(|skb| unsafe { Chain::from_raw(skb) })
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
