// SPDX-License-Identifier: GPL-2.0

//! Frames behind whose first part a list of others follows (`frag_list`).

use super::{
    chain::next,
    SkBuff, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    }, //
};

/// One skb of the list in which the kernel has the rest of a frame.
///
/// # Invariants
///
/// `0` points to a valid `struct sk_buff` in the list of a frame that is borrowed for `'a`. Whoever
/// shares a list leaves it as it is.
#[derive(Clone, Copy)]
pub struct Fragment<'a>(NonNull<bindings::sk_buff>, PhantomData<&'a SkBuff>);

impl<'a> Fragment<'a> {
    /// Its bytes, if they lie in one piece.
    #[inline]
    pub fn linear(self) -> Option<&'a [u8]> {
        let skb = self.0.as_ptr();
        // SAFETY: By the type invariants the skb is valid for `'a`: unless it has data elsewhere, `len`
        // bytes at `data` are initialised, and nobody writes to them while the frame is borrowed: a
        // sent frame is read-only for all that share it.
        unsafe {
            ((*skb).data_len == 0)
                .then(|| core::slice::from_raw_parts((*skb).data, (*skb).len as usize))
        }
    }
}

/// The list of a frame, in its order.
///
/// # Invariants
///
/// `next` is null or points to what a [`Fragment`] may point to, as do those that follow it.
#[derive(Clone)]
pub struct Fragments<'a> {
    next: *mut bindings::sk_buff,
    _frame: PhantomData<&'a SkBuff>,
}

impl SkBuff {
    /// The list of skbs in which the rest of the frame is, behind [`Self::linear`] and what lies in
    /// pages. Most frames have none.
    #[inline]
    pub fn fragments(&self) -> Fragments<'_> {
        let next = if self.is_linear() {
            null_mut()
        } else {
            // SAFETY: By the type invariants, the skb is valid.
            unsafe { bindings::offload_nic_skb_frag_list(self.as_ptr()) }
        };
        // INVARIANT: The list is part of the frame, which is borrowed, and ends with null.
        Fragments {
            next,
            _frame: PhantomData,
        }
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Fragment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Fragment<'a>> {
        let skb = NonNull::new(self.next)?;
        // SAFETY: By the type invariants the skb is valid, and so is what follows it.
        self.next = unsafe { next(skb.as_ptr()).read() };
        // INVARIANT: It is one of the list, and the frame is borrowed for `'a`.
        Some(Fragment(skb, PhantomData))
    }
}
