// SPDX-License-Identifier: GPL-2.0

//! When what goes on at random is over.

use std::time::Duration;

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// For so many programs, or whatever it is that it tries.
    Count(u64),
    /// For so long.
    Elapsed(Duration),
}
