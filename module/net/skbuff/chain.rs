// SPDX-License-Identifier: GPL-2.0

//! Frames that go together.

use super::SkBuff;
use crate::bindings;
use core::ptr::{
    null_mut,
    NonNull, //
};

/// Frames in an order, owned: those that a super-frame was cut into, or a single one.
///
/// It is an iterator over them. Dropping it frees those that are left as lost.
///
/// # Invariants
///
/// `head` is null, or a valid `struct sk_buff` that is the first of a list linked by `next`. This
/// object owns a reference to each of the list, of the kind that an [`SkBuff`] is: with the pointers
/// of the list.
pub struct Chain {
    head: *mut bindings::sk_buff,
}

// SAFETY: An skb is not tied to the CPU or task that made it.
unsafe impl Send for Chain {}

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

impl Chain {
    /// # Safety
    ///
    /// `head` must be a valid skb, the first of a list linked by `next` that ends with null, and the
    /// caller must give up its references to all of them, of the kind that an [`SkBuff`] is.
    pub(crate) unsafe fn from_raw(head: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As the caller guarantees.
        Self {
            head: head.as_ptr(),
        }
    }

    /// The first of the frames, and with it all of them; null if there is none.
    pub(crate) fn into_raw(self) -> *mut bindings::sk_buff {
        let head = self.head;
        core::mem::forget(self);
        head
    }

    /// The frames that `change` makes of these, in the same order. With the first error all are
    /// freed as lost.
    ///
    /// # Errors
    ///
    /// What `change` gives.
    pub fn try_map<E>(
        self,
        mut change: impl FnMut(SkBuff) -> Result<SkBuff, E>,
    ) -> Result<Self, E> {
        let mut changed = Self { head: null_mut() };
        let mut end: *mut *mut bindings::sk_buff = &raw mut changed.head;
        for skb in self {
            let skb = change(skb)?.into_raw().as_ptr();
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

impl From<SkBuff> for Chain {
    #[inline]
    fn from(skb: SkBuff) -> Self {
        // INVARIANT: An skb in no list is a list of one: its `next` is null.
        Self {
            head: skb.into_raw().as_ptr(),
        }
    }
}

impl Iterator for Chain {
    type Item = SkBuff;

    #[inline]
    fn next(&mut self) -> Option<SkBuff> {
        let skb = NonNull::new(self.head)?;
        // SAFETY: By the type invariants the skb is valid and its reference ours. It is taken out of
        // the list, and the rest is the list from here on.
        unsafe {
            self.head = next(skb.as_ptr()).replace(null_mut());
            Some(SkBuff::from_raw(skb))
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
