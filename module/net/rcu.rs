// SPDX-License-Identifier: GPL-2.0

//! A slot that the data path reads under RCU and the control path replaces.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    },
};
pub use kernel::sync::rcu::Guard;
use kernel::sync::{
    Arc,
    ArcBorrow, //
};

/// An optional shared object that is read without a lock and replaced without stopping readers.
///
/// A reader sees either the old object or the new one, never a mixture; the old one is handed back
/// to whoever replaced it only when no reader can hold it any more.
///
/// # Invariants
///
/// `ptr` is null or came from `Arc::into_raw`, and the slot owns that reference. A pointer that was
/// taken out of the slot is turned back into an `Arc` only after a grace period.
pub struct Slot<T: Send + Sync> {
    ptr: AtomicPtr<T>,
    _owns: PhantomData<Arc<T>>,
}

impl<T: Send + Sync> Slot<T> {
    /// Makes an empty slot.
    pub const fn empty() -> Self {
        // INVARIANT: Null is allowed.
        Self {
            ptr: AtomicPtr::new(null_mut()),
            _owns: PhantomData,
        }
    }

    /// What the slot holds, for as long as the read side of RCU is held.
    #[inline]
    pub fn load<'a>(&'a self, _guard: &'a Guard) -> Option<&'a T> {
        let ptr = self.ptr.load(Ordering::Acquire);
        // SAFETY: By the type invariants, `ptr` is null or points into an `Arc` whose reference is
        // given up only after a grace period. The guard holds the read side for all of `'a`.
        unsafe { ptr.as_ref() }
    }

    /// What the slot holds, for longer than the guard.
    pub fn load_arc(&self, _guard: &Guard) -> Option<Arc<T>> {
        // A reference to what lies in an `Arc` says nothing of the count beside it: what came from
        // `into_raw` does.
        let ptr = NonNull::new(self.ptr.load(Ordering::Acquire))?;
        // SAFETY: By the type invariants, `ptr` came from `Arc::into_raw`, and that reference is given
        // up only after a grace period. The guard holds the read side until the new one is taken. The
        // object was shared when it was put in, so that nobody has a `UniqueArc` of it.
        Some(unsafe { ArcBorrow::from_raw(ptr.as_ptr()) }.into())
    }

    /// Puts `new` in if nothing is there. Any context.
    ///
    /// # Errors
    ///
    /// What was to be put in, if something is.
    pub fn fill(&self, new: Arc<T>) -> Result<(), Arc<T>> {
        let new = Arc::into_raw(new).cast_mut();
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        // INVARIANT: `new` came from `into_raw`; the slot owns its reference if it is put in.
        let filled = self.ptr.compare_exchange(null_mut(), new, success, failure);
        // SAFETY: It came from `into_raw` just now, and was not put in: nobody else has seen it.
        filled.map(drop).map_err(|_| unsafe { Arc::from_raw(new) })
    }

    /// As [`Self::replace`], and waits if there was nothing, too: on return every reader that is at
    /// work, and every packet processing, sees `new`. Process context.
    pub fn publish(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        let old = self.replace(new);
        if old.is_none() {
            synchronize_net();
        }
        old
    }

    /// Puts `new` in and hands out what was there, once no reader uses it any more.
    ///
    /// Process context: waits for a grace period if there was something. With RTNL held that grace
    /// period is an expedited one.
    pub fn replace(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        let new = new.map_or(null_mut(), |new| Arc::into_raw(new).cast_mut());
        // INVARIANT: `new` is null or came from `into_raw`; the slot now owns its reference.
        let old = self.ptr.swap(new, Ordering::AcqRel);
        if old.is_null() {
            return None;
        }
        // SAFETY: No requirement but process context, which the caller provides.
        unsafe { bindings::synchronize_net() };
        // SAFETY: By the type invariants, `old` came from `into_raw` and its reference was the
        // slot's. It can't be found any more, and the grace period has ended all who had found it.
        Some(unsafe { Arc::from_raw(old) })
    }
}

impl<T: Send + Sync> Default for Slot<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Send + Sync> Drop for Slot<T> {
    fn drop(&mut self) {
        let ptr = *self.ptr.get_mut();
        if !ptr.is_null() {
            // SAFETY: By the type invariants, the slot owns this reference. With `&mut self` there
            // is no reader: each has borrowed the slot.
            drop(unsafe { Arc::from_raw(ptr) });
        }
    }
}

/// Waits until all packet processing that had begun before the call has ended.
///
/// Process context.
pub fn synchronize_net() {
    // SAFETY: No requirement but process context, which the caller provides.
    unsafe { bindings::synchronize_net() };
}
