// SPDX-License-Identifier: GPL-2.0

//! What works on the frames of a receive queue, for its poll or for who sends a frame to it: it
//! belongs to whoever has claimed it.

use crate::{
    coalesce::Coalescer,
    memory::{
        DeviceMemory,
        KernelMemory, //
    }, //
};
use engine::{
    exec::Core,
    pipeline::Met,
    steer::LastFlow, //
};
use kernel::{
    prelude::*,
    time::Delta, //
};
use net::skbuff::{
    SkBuff,
    Stamp, //
};

/// How long who waits for a poll leaves the processor to it.
pub(crate) const NAP: Delta = Delta::from_micros(100);

/// What works on the frames of a receive queue.
pub(crate) struct Work {
    /// What executes programs.
    pub(crate) core: Core<KernelMemory>,
    /// The flow of the frame that was handed up last.
    pub(crate) last: LastFlow,
    /// What puts frames together, if that was ever wanted.
    pub(crate) coalescer: Option<KBox<Coalescer>>,
    /// What is the next one for the poll.
    held: Option<Held>,
    /// How many were held so far. Wraps around.
    count: u32,
}

/// A frame that has met its program, and is not at its end.
pub(crate) struct Held {
    /// The frame, as it is on the wire.
    pub(crate) skb: SkBuff,
    /// The transmit queue that has sent it.
    pub(crate) queue: u16,
    /// When it arrived, if that was noted.
    pub(crate) arrived: Option<Stamp>,
    /// What the program has said.
    pub(crate) met: Met,
    /// Whether it stands for the host's own program, too.
    pub(crate) replaces_host: bool,
}

impl Work {
    /// Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(memory: &DeviceMemory) -> Result<Self> {
        let core = Core::new(&memory.source(), memory.limits()).map_err(|_| ENOMEM)?;
        Ok(Self {
            core,
            last: LastFlow::default(),
            coalescer: None,
            held: None,
            count: 0,
        })
    }

    /// Whether a frame is held.
    #[inline]
    pub(crate) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Holds a frame for the poll.
    #[inline]
    pub(crate) fn hold(&mut self, frame: Held) {
        self.held = Some(frame);
        self.count = self.count.wrapping_add(1);
    }

    /// Takes the frame that is held.
    #[inline]
    pub(crate) fn take_held(&mut self) -> Option<Held> {
        self.held.take()
    }

    /// The number of the frame that is held, if one is.
    pub(crate) fn held_as(&self) -> Option<u32> {
        self.held.as_ref().map(|_| self.count)
    }
}
