// SPDX-License-Identifier: GPL-2.0

//! How a chain of operations tells where to go on.

/// Why a chain returned: the index of the operation to go on with, or one of two numbers that no
/// operation has.
///
/// One plain number, because some compilers make a tail call only of a call whose whole result fits
/// into one register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow(pub(super) usize);

impl Flow {
    /// The program can't go on: see [`Machine::stop`](super::machine::Machine::stop).
    pub(super) const STOP: Self = Self(usize::MAX);
    /// The program returned, at [`Machine::stop`](super::machine::Machine::stop).
    pub(super) const RETURN: Self = Self(usize::MAX - 1);

    /// To go on with operation `op`.
    pub(super) const fn go(op: usize) -> Self {
        Self(op)
    }
}
