// SPDX-License-Identifier: GPL-2.0

//! What works on the frames of a receive queue, for its poll or for who sends a frame to it: it
//! belongs to whoever has claimed it.

use crate::memory::{
    DeviceMemory,
    KernelMemory, //
};
use engine::{
    exec::Core,
    pipeline::Met, //
};
use kernel::prelude::*;
use net::skbuff::SkBuff;

/// What works on the frames of a receive queue.
pub(crate) struct Work {
    /// What executes programs.
    pub(crate) core: Core<KernelMemory>,
    /// What is the next one for the poll.
    pub(crate) held: Option<Held>,
}

/// A frame that has met its program, and is not at its end.
pub(crate) struct Held {
    /// The frame, as it is on the wire.
    pub(crate) skb: SkBuff,
    /// The transmit queue that has sent it.
    pub(crate) queue: u16,
    /// What the program has said.
    pub(crate) met: Met,
}

impl Work {
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(memory: &DeviceMemory) -> Result<Self> {
        let core = Core::new(&memory.source(), memory.limits()).map_err(|_| ENOMEM)?;
        Ok(Self { core, held: None })
    }
}
