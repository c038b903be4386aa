// SPDX-License-Identifier: GPL-2.0

//! Who has sent a frame, and what follows for its way if it is sent on.

/// Stands for the transmit queue in the descriptor of a frame that the device itself sends.
pub(crate) const FROM_DEVICE: u16 = u16::MAX;

/// Where a frame waits until it is taken from the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// With all others: a host sends it, or a device for the first time, so that there are as many as
    /// hosts send.
    Ordinary,
    /// Apart, where it is in nobody's way: it was sent on before, or nobody knows whether it was, and
    /// may go to and fro for ever.
    Bouncing,
}

/// What one queue tells another of a frame that it hands over to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    /// The transmit queue that waits for the frame to be taken; [`FROM_DEVICE`] if none does.
    pub(crate) from: u16,
    /// Where it goes if it is sent on.
    pub(crate) onward: Lane,
    /// Whether it has met its program.
    pub(crate) has_met: bool,
    /// Whether the program that it has met stands for the host's own, too.
    pub(crate) replaces_host: bool,
}

impl Lane {
    /// Where a frame goes if it is sent on that came from transmit queue `queue`.
    #[inline]
    pub(crate) fn behind(queue: u16) -> Self {
        if queue == FROM_DEVICE {
            Self::Bouncing
        } else {
            Self::Ordinary
        }
    }
}
