// SPDX-License-Identifier: GPL-2.0

//! Frames that go together.

use super::{
    described::{
        Described,
        Descriptor, //
    },
    SkBuff, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::{
        null_mut,
        NonNull, //
    }, //
};

/// Frames in an order, owned: those that a super-frame was cut into, or a single one. Each has a
/// descriptor beside it.
///
/// It is an iterator over them. Dropping it frees those that are left as lost.
///
/// # Invariants
///
/// `head` is null, or a valid `struct sk_buff` that is the first of a list linked by `next`. This
/// object owns a reference to each of the list, of the kind that an [`SkBuff`] is: with the pointers
/// of the list, and the control buffer, which begins with a `D`.
pub struct Chain<D: Descriptor> {
    head: *mut bindings::sk_buff,
    _descriptors: PhantomData<D>,
}

// SAFETY: An skb is not tied to the CPU or task that made it.
unsafe impl<D: Descriptor> Send for Chain<D> {}

/// The pointer to the next skb of a list.
///
/// # Safety
///
/// `skb` must be valid. It is read or written by the rules of the list: by its owner alone, or by nobody.
pub(super) unsafe fn next(skb: *mut bindings::sk_buff) -> *mut *mut bindings::sk_buff {
    // SAFETY: By the function's contract. All of the union's variants begin with this pointer, as
    // far as an skb that is sent is concerned.
    unsafe { &raw mut (*skb).__bindgen_anon_1.__bindgen_anon_1.next }
}

impl<D: Descriptor> Chain<D> {
    /// # Safety
    ///
    /// `head` must be a valid skb, the first of a list linked by `next` that ends with null, and the
    /// caller must give up its references to all of them, of the kind that an [`SkBuff`] is. The
    /// control buffer of each must begin with a `D`.
    pub(crate) unsafe fn from_raw(head: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As the caller guarantees.
        Self {
            head: head.as_ptr(),
            _descriptors: PhantomData,
        }
    }

    /// The first of the frames, and with it all of them; null if there is none.
    pub(crate) fn into_raw(self) -> *mut bindings::sk_buff {
        let head = self.head;
        core::mem::forget(self);
        head
    }

    /// Whether none is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// What `see` finds in the first of the frames, if there is one.
    pub fn first<R>(&self, see: impl FnOnce(&SkBuff) -> R) -> Option<R> {
        let head = NonNull::new(self.head)?;
        // SAFETY: By the type invariants the skb is valid and its reference the chain's, which keeps
        // it: what is made of it here is not dropped, and lives no longer than the borrowed chain.
        let first = ManuallyDrop::new(unsafe { SkBuff::from_raw(head) });
        Some(see(&first))
    }

    /// The frames that `change` makes of these, in the same order. With the first error all are
    /// freed as lost.
    ///
    /// # Errors
    ///
    /// What `change` gives.
    pub fn try_map<T: Descriptor, E>(
        self,
        mut change: impl FnMut(SkBuff) -> Result<Described<T>, E>,
    ) -> Result<Chain<T>, E> {
        let mut changed = Chain {
            head: null_mut(),
            _descriptors: PhantomData,
        };
        let mut end: *mut *mut bindings::sk_buff = &raw mut changed.head;
        for frame in self {
            let skb = change(frame.into_skb())?.into_skb().into_raw().as_ptr();
            // SAFETY: `end` is the null pointer at the end of `changed`, which is in place and has
            // no other user. INVARIANT: What is appended is an skb in no list, whose pointers of
            // lists are ours.
            unsafe {
                end.write(skb);
                end = next(skb);
            }
        }
        Ok(changed)
    }
}

impl<D: Descriptor> From<Described<D>> for Chain<D> {
    #[inline]
    fn from(frame: Described<D>) -> Self {
        // INVARIANT: An skb in no list is a list of one: its `next` is null.
        Self {
            head: frame.into_skb().into_raw().as_ptr(),
            _descriptors: PhantomData,
        }
    }
}

impl<D: Descriptor> Iterator for Chain<D> {
    type Item = Described<D>;

    #[inline]
    fn next(&mut self) -> Option<Described<D>> {
        let skb = NonNull::new(self.head)?;
        // SAFETY: By the type invariants the skb is valid and its reference ours. It is taken out of
        // the list, and the rest is the list from here on. Its control buffer begins with a `D`.
        unsafe {
            self.head = next(skb.as_ptr()).replace(null_mut());
            Some(Described::from_skb(SkBuff::from_raw(skb)))
        }
    }
}

impl<D: Descriptor> Drop for Chain<D> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
