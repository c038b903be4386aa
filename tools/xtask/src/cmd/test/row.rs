// SPDX-License-Identifier: GPL-2.0

//! A line of what comes out of all tests.

use crate::summary::Counts;

/// Where tests ran, and with what result.
pub(super) struct Row {
    pub(super) place: String,
    pub(super) counts: Counts,
    pub(super) took: String,
    pub(super) notes: Vec<String>,
}
