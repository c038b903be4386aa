// SPDX-License-Identifier: GPL-2.0

//! Whether the stack is told what the device's parser has found in frames: the hashes of flows.
//!
//! The permission is no event but a predicate, asked in each poll: what the kernel dissects by may be replaced
//! at any moment, and nobody tells a driver.

use core::sync::atomic::{
    AtomicBool,
    Ordering, //
};
use kernel::prelude::*;
use net::machine;

/// The releases of the kernel whose own flow dissector the graph that cards come with was tested against: the
/// tests `parser` have to pass on a release that is added.
const TESTED: &[(u32, u32, &CStr)] = &[(7, 2, c"7.2"), (7, 3, c"7.3")];

/// That of them which this kernel is.
pub(crate) fn tested_release() -> Option<&'static CStr> {
    let (major, minor) = machine::RELEASE;
    let this = TESTED.iter().find(|it| (it.0, it.1) == (major, minor));
    this.map(|(.., name)| *name)
}

/// What was told of the permission last.
pub(crate) struct Permission {
    /// Whether it was there. Written under RTNL.
    told: AtomicBool,
}

impl Permission {
    /// It is there unless somebody is told otherwise.
    pub(crate) const fn new() -> Self {
        Self {
            told: AtomicBool::new(true),
        }
    }

    /// Notes that it is told of. RTNL held.
    pub(crate) fn set_told(&self, is_permitted: bool) {
        self.told.store(is_permitted, Ordering::Relaxed);
    }

    /// Whether who listens was told of this.
    #[inline]
    pub(crate) fn is_told(&self, is_permitted: bool) -> bool {
        self.told.load(Ordering::Relaxed) == is_permitted
    }
}
