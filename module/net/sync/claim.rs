// SPDX-License-Identifier: GPL-2.0

//! What one context at a time may use, and nobody waits for.

use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    ops::{
        Deref,
        DerefMut, //
    },
};
use kernel::sync::atomic::{
    Atomic,
    Full,
    Relaxed, //
};

const FREE: i32 = 0;
const TAKEN: i32 = 1;
/// Somebody found it taken, and wants to hear when it is free.
const ASKED: i32 = 2;

/// A `T` that one context at a time has. It is no lock: who finds it taken does something else, and
/// may ask to be told. So it may be taken by a context that runs on top of one that has it, on the
/// same CPU, which finds it taken: a kernel without SMP has spinlocks that would not say so.
///
/// Any context.
///
/// # Invariants
///
/// `value` is used by a [`Claimed`] alone, of which there is one while `state` is not [`FREE`], and
/// none else.
pub struct Claim<T> {
    state: Atomic<i32>,
    value: UnsafeCell<T>,
}

// SAFETY: By the type invariants the value is with one context at a time: it moves between them.
unsafe impl<T: Send> Sync for Claim<T> {}

impl<T> Claim<T> {
    /// It is free.
    pub const fn new(value: T) -> Self {
        // INVARIANT: Nobody has it.
        Self {
            state: Atomic::new(FREE),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes it, if nobody has it. `told` is called when it is free again, if somebody has
    /// [asked](Self::take_or_ask) meanwhile.
    #[inline]
    pub fn take<F: FnMut()>(&self, told: F) -> Option<Claimed<'_, T, F>> {
        self.swap(FREE, TAKEN).then(|| self.claimed(told))
    }

    /// As [`Self::take`]; if somebody has it, `told` of that one is called when it is free again.
    #[inline]
    pub fn take_or_ask<F: FnMut()>(&self, told: F) -> Option<Claimed<'_, T, F>> {
        loop {
            if self.swap(FREE, TAKEN) {
                return Some(self.claimed(told));
            }
            let is_asked = self.state.load(Relaxed) == TAKEN | ASKED;
            if is_asked || self.swap(TAKEN, TAKEN | ASKED) {
                return None;
            }
        }
    }

    #[inline]
    fn swap(&self, from: i32, to: i32) -> bool {
        // Who asks has what it did before seen by whoever is told.
        self.state.cmpxchg(from, to, Full).is_ok()
    }

    /// The state was just changed from [`FREE`].
    #[inline]
    fn claimed<F: FnMut()>(&self, told: F) -> Claimed<'_, T, F> {
        // INVARIANT: It was free, so that there was none; others find it taken.
        Claimed {
            claim: self,
            told,
            _here: PhantomData,
        }
    }
}

/// A [`Claim`] that is taken, until this is dropped.
///
/// # Invariants
///
/// It is the one of its claim.
pub struct Claimed<'a, T, F: FnMut()> {
    claim: &'a Claim<T>,
    told: F,
    /// Who has taken it gives it back: nobody else may be waited for.
    _here: PhantomData<*mut ()>,
}

impl<T, F: FnMut()> Deref for Claimed<'_, T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: By the type invariants nobody else uses the value.
        unsafe { &*self.claim.value.get() }
    }
}

impl<T, F: FnMut()> DerefMut for Claimed<'_, T, F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As above, and this one is borrowed.
        unsafe { &mut *self.claim.value.get() }
    }
}

impl<T, F: FnMut()> Drop for Claimed<'_, T, F> {
    #[inline]
    fn drop(&mut self) {
        // INVARIANT: The value is not used by this any more. Nearly always nobody has asked, and that is
        // cheaper to find out so where there is one CPU.
        if !self.claim.swap(TAKEN, FREE) {
            self.claim.state.xchg(FREE, Full);
            (self.told)();
        }
    }
}
