// SPDX-License-Identifier: GPL-2.0

//! A ring of frames with a fixed size, many writers and one reader.
//!
//! Each of its places holds one frame, or several that go together, and beside each frame what the
//! writer tells the reader about it.
//!
//! # Context, locks, life
//!
//! Producers and consumers have a lock each, which the methods take and which softirqs take, too: so
//! bottom halves must be off, but in [`FrameRing::resize`], which takes both locks and sleeps. A
//! [`FrameRing`] owns what is in it, and a batch what was taken out. Nothing keeps a ring alive but its
//! owner: who shares one with softirqs waits for a grace period before it drops it.
//!
//! C header: [`include/linux/ptr_ring.h`](srctree/include/linux/ptr_ring.h)

use crate::{
    bindings,
    skbuff::{
        check_room,
        nanoseconds,
        Chain,
        Descriptor,
        SkBuff,
        Stamp,
        Stamps, //
    }, //
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{
        null,
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicBool,
        Ordering, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// A ring of frames with descriptors `D`.
///
/// # Invariants
///
/// `ring` is an initialised `struct ptr_ring`; each pointer in it comes from [`Chain::into_raw`] of
/// a `Chain<D>` that was not empty, and stands for that chain, which the ring owns. The `tstamp` of each
/// frame, which is the ring's as its control buffer is, is when it arrived, or 0.
#[pin_data(PinnedDrop)]
pub struct FrameRing<D: Descriptor> {
    #[pin]
    ring: Opaque<bindings::ptr_ring>,
    /// Whether something was put in since nothing was found there.
    is_used: AtomicBool,
    _descriptors: PhantomData<D>,
}

// SAFETY: A `ptr_ring` has locks for its producers and its consumers; chains are `Send`.
unsafe impl<D: Descriptor> Send for FrameRing<D> {}
// SAFETY: As above: all methods that change the ring take the lock of their side.
unsafe impl<D: Descriptor> Sync for FrameRing<D> {}

/// Frees what is in a ring.
///
/// # Safety
///
/// To be called by `ptr_ring_cleanup` for a pointer in a [`FrameRing<D>`].
unsafe extern "C" fn destroy<D: Descriptor>(ptr: *mut kernel::ffi::c_void) {
    if let Some(skb) = NonNull::new(ptr.cast()) {
        // SAFETY: By the type invariants of `FrameRing`, a pointer in the ring stands for a chain
        // that the ring owned, and gives up by this call.
        drop(unsafe { Chain::<D>::from_raw(skb) });
    }
}

impl<D: Descriptor> FrameRing<D> {
    /// Makes a ring with `size` places.
    pub fn new(size: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: An empty ring once `ptr_ring_init` has succeeded.
            ring <- Opaque::try_ffi_init(|ring| {
                let size = i32::try_from(size)?;
                // SAFETY: `ring` is memory for a `struct ptr_ring` that stays in place.
                to_result(unsafe { bindings::offload_nic_ptr_ring_init(ring, size) })
            }),
            is_used: AtomicBool::new(false),
            _descriptors: PhantomData,
        })
    }

    /// Puts frames in, in one place, or gives them back if the ring is full. They arrive at the time
    /// `arrived`.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn push(
        &self,
        frames: Chain<D>,
        arrived: Option<Stamp>,
    ) -> core::result::Result<(), Chain<D>> {
        // SAFETY: The ring is initialised. All frames of the list that begins with `head` are ours,
        // and nobody else writes to the field that is for the time of those in a ring.
        self.put(frames, |ring, head| unsafe {
            bindings::offload_nic_ptr_ring_produce(ring, head, nanoseconds(arrived))
        })
    }

    /// As [`Self::push`]. What gets in is as good as sent: the time stamps are taken of each frame whose
    /// sender wants them.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn send_all(&self, frames: Chain<D>, stamps: Stamps) -> core::result::Result<(), Chain<D>> {
        let (left, arrived) = stamps.raw();
        // SAFETY: The ring is initialised. All frames of the list that begins with `head` are ours
        // until the last moment before a reader can take them.
        self.put(frames, |ring, head| unsafe {
            bindings::offload_nic_ptr_ring_send(ring, head, null(), 0, left, arrived)
        })
    }

    /// As [`Self::send_all`], of a frame of the stack's, with `descriptor` beside it. A frame that is
    /// given back is as it was.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn send(
        &self,
        skb: SkBuff,
        descriptor: &D,
        stamps: Stamps,
    ) -> core::result::Result<(), SkBuff> {
        check_room::<D>();
        let skb = skb.into_raw();
        let from: *const D = descriptor;
        // SAFETY: The ring is initialised. The skb is valid, in no list, and ours until the last
        // moment before a reader can take it, and so is its control buffer, in which there is room
        // for a `D`.
        // INVARIANT: One frame is a chain, and its control buffer begins with a `D` if it gets in.
        let sent = unsafe {
            let (ring, len) = (self.ring.get(), size_of::<D>());
            let (left, arrived) = stamps.raw();
            bindings::offload_nic_ptr_ring_send(ring, skb.as_ptr(), from.cast(), len, left, arrived)
        };
        match sent {
            0 => {
                self.is_used.store(true, Ordering::Release);
                Ok(())
            }
            // SAFETY: The ring did not take the frame, so that it is ours still.
            _ => Err(unsafe { SkBuff::from_raw(skb) }),
        }
    }

    fn put(
        &self,
        frames: Chain<D>,
        produce: impl FnOnce(*mut bindings::ptr_ring, *mut bindings::sk_buff) -> i32,
    ) -> core::result::Result<(), Chain<D>> {
        let Some(head) = NonNull::new(frames.into_raw()) else {
            return Ok(());
        };
        match produce(self.ring.get(), head.as_ptr()) {
            0 => {
                self.is_used.store(true, Ordering::Release);
                Ok(())
            }
            // SAFETY: The ring did not take the chain, so that it is ours still.
            _ => Err(unsafe { Chain::from_raw(head) }),
        }
    }

    /// Takes what is oldest out.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn pop(&self) -> Option<Chain<D>> {
        // SAFETY: The ring is initialised.
        let ptr = unsafe { bindings::offload_nic_ptr_ring_consume(self.ring.get()) };
        // SAFETY: By the type invariants, what comes out stands for a chain that becomes ours.
        NonNull::new(ptr.cast()).map(|skb| unsafe { Chain::from_raw(skb) })
    }

    /// Empties the oldest places into `batch`, at most `limit` and at most [`BATCH`]. What is left in
    /// it from before is lost.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn pop_batch(&self, batch: &mut Batch<D>, limit: usize) {
        batch.for_each(drop);
        // INVARIANT: Nothing is in it.
        (batch.taken, batch.len) = (0, 0);
        // SAFETY: The ring is initialised, and the array has room for as many.
        let len = unsafe {
            bindings::offload_nic_ptr_ring_consume_batched(
                self.ring.get(),
                batch.frames.as_mut_ptr().cast(),
                // CAST: At most `BATCH`.
                limit.min(BATCH) as i32,
            )
        };
        // INVARIANT: By the invariants of the ring, what comes out stands for chains, which become
        // the batch's.
        batch.len = usize::try_from(len).unwrap_or(0).min(BATCH);
    }

    /// Whether there is no free place at this moment.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn is_full(&self) -> bool {
        // SAFETY: The ring is initialised.
        unsafe { bindings::offload_nic_ptr_ring_full(self.ring.get()) }
    }

    /// Whether nothing is in it at this moment.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // SAFETY: The ring is initialised.
        unsafe { bindings::offload_nic_ptr_ring_empty(self.ring.get()) }
    }

    /// Whether something is in it, which is soon said of a ring that is rarely used. What was put in
    /// before the caller was asked to look is found; of several who look at the same moment one finds it.
    ///
    /// Context: bottom halves off.
    #[inline]
    pub fn is_filled(&self) -> bool {
        // Who puts something in between the exchange and the look sets it again.
        let is_used = &self.is_used;
        if !is_used.load(Ordering::Relaxed) || !is_used.swap(false, Ordering::AcqRel) {
            return false;
        }
        let is_filled = !self.is_empty();
        if is_filled {
            is_used.store(true, Ordering::Relaxed);
        }
        is_filled
    }

    /// Gives the ring another size. Of what is in it the oldest stays; `misfit` gets the rest.
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and the ring keeps the size that it has.
    pub fn resize(&self, size: u32, mut misfit: impl FnMut(Chain<D>)) -> Result {
        let size = i32::try_from(size)?;
        let mut misfits = null_mut();
        // SAFETY: The ring is initialised. By the type invariants what does not fit is the first skb
        // of a chain that the ring owned, and gives up by this call. Who owns a chain may use the
        // pointers of its lists; the chain itself goes by `next`.
        let result = to_result(unsafe {
            bindings::offload_nic_ptr_ring_resize(self.ring.get(), size, &mut misfits)
        });
        while let Some(skb) = NonNull::new(misfits) {
            // SAFETY: As above; the chain is ours. It is in no list any more once it was taken out of
            // this one, and its descriptors are those of the ring.
            let frames = unsafe {
                let links = &mut (*skb.as_ptr()).__bindgen_anon_1.__bindgen_anon_1;
                misfits = core::mem::replace(&mut links.prev, null_mut());
                Chain::from_raw(skb)
            };
            misfit(frames);
        }
        result
    }
}

/// The most places that are emptied at once: enough for the ring's lock to cost little, and few
/// enough for the stack below which the stack of protocols runs.
pub const BATCH: usize = 16;

/// What was taken out of a ring at once, oldest first.
///
/// # Invariants
///
/// `frames[taken..len]` are initialised, and stand for chains that the batch owns.
pub struct Batch<D: Descriptor> {
    frames: [MaybeUninit<*mut kernel::ffi::c_void>; BATCH],
    taken: usize,
    len: usize,
    _descriptors: PhantomData<Chain<D>>,
}

impl<D: Descriptor> Default for Batch<D> {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Descriptor> Batch<D> {
    /// Nothing. To be filled where it is: moving one costs as much as a frame does.
    #[inline]
    pub const fn new() -> Self {
        // INVARIANT: Nothing is in it.
        Self {
            frames: [const { MaybeUninit::uninit() }; BATCH],
            taken: 0,
            len: 0,
            _descriptors: PhantomData,
        }
    }

    /// How many places' worth is left.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.saturating_sub(self.taken)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<D: Descriptor> Iterator for Batch<D> {
    type Item = Chain<D>;

    #[inline]
    fn next(&mut self) -> Option<Chain<D>> {
        let ptr = self.frames.get(self.taken..self.len)?.first()?;
        // SAFETY: It is initialised by the type invariants.
        let ptr = unsafe { ptr.assume_init() };
        self.taken = self.taken.wrapping_add(1);
        // SAFETY: By the type invariants this stands for a chain of the batch's. It is handed out
        // once, as `taken` has moved on.
        NonNull::new(ptr.cast()).map(|skb| unsafe { Chain::from_raw(skb) })
    }
}

impl<D: Descriptor> Drop for Batch<D> {
    #[inline]
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[pinned_drop]
impl<D: Descriptor> PinnedDrop for FrameRing<D> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The ring is initialised and this is its last use; `destroy` frees what is in it.
        unsafe { bindings::offload_nic_ptr_ring_cleanup(self.ring.get(), Some(destroy::<D>)) };
    }
}
