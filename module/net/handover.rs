// SPDX-License-Identifier: GPL-2.0

//! A ring by which one poll hands frames to another one: as they were sent, or written into host
//! memory, which need not be copied again.
//!
//! # Context, locks, life
//!
//! As of [`FrameRing`].

use crate::{
    bindings,
    ring::FrameRing,
    skbuff::{
        Described,
        Descriptor,
        FrameBuffer,
        SkBuff,
        Stamp, //
    }, //
};
use core::ops::Range;
use kernel::prelude::*;

/// A frame on its way from one poll to another.
pub enum Handed {
    /// In memory of its sender's.
    Sent(SkBuff),
    /// In a buffer, where it has these bytes. What lies before it is the metadata that it was handed
    /// over with.
    Written(FrameBuffer, Range<usize>),
}

/// What stands beside a frame in the ring. Nobody else can make one, nor copy it to another frame.
#[derive(Clone, Copy)]
struct Beside<D> {
    /// The length of the metadata, if the frame comes from a buffer.
    written: Option<u8>,
    note: D,
}

/// A ring of frames, each with a note.
///
/// # Invariants
///
/// A frame whose `written` is there comes from [`FrameBuffer::into_handed`], with metadata of that
/// length.
#[pin_data]
pub struct HandoverRing<D: Descriptor> {
    #[pin]
    ring: FrameRing<Beside<D>>,
}

impl<D: Descriptor> HandoverRing<D> {
    /// Makes a ring with `size` places.
    pub fn new(size: u32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            ring <- FrameRing::new(size),
        })
    }

    /// Puts a frame in that lies where it was sent, and when it arrived, if that was noted. Context:
    /// bottom halves off.
    ///
    /// # Errors
    ///
    /// There is no room, and the frame is freed as lost.
    pub fn push_sent(&self, skb: SkBuff, arrived: Option<Stamp>, note: D) -> Result<(), Full> {
        let written = None;
        self.push(skb, arrived, Beside { written, note })
    }

    /// Puts the frame in that is in `range` of `buffer`, with `metadata` bytes before it. Context:
    /// bottom halves off.
    ///
    /// # Errors
    ///
    /// As of [`Self::push_sent`].
    pub fn push_written(
        &self,
        buffer: FrameBuffer,
        range: Range<usize>,
        metadata: u8,
        arrived: Option<Stamp>,
        note: D,
    ) -> Result<(), Full> {
        let (skb, metadata) = buffer.into_handed(range, metadata);
        // INVARIANT: It comes from there.
        let written = Some(metadata);
        self.push(skb, arrived, Beside { written, note })
    }

    fn push(&self, skb: SkBuff, arrived: Option<Stamp>, beside: Beside<D>) -> Result<(), Full> {
        let frame = Described::new(skb, beside);
        self.ring.push(frame.into(), arrived).map_err(|_| Full)
    }

    /// Takes the oldest frame out, with the time when it arrived and its note. Context: bottom halves
    /// off.
    pub fn pop(&self) -> Option<(Handed, Option<Stamp>, D)> {
        let frame = self.ring.pop()?.next()?;
        let arrived = frame.arrived();
        let Beside { written, note } = frame.descriptor();
        let skb = frame.into_skb();
        // SAFETY: The skb is valid; its control buffer and its time are ours. What was in there means
        // nothing to the stack, which takes zeros for nothing.
        unsafe {
            (*skb.as_ptr()).cb = [0; bindings::OFFLOAD_NIC_SKB_CB_LEN as usize];
            (*skb.as_ptr()).__bindgen_anon_2.skb_mstamp_ns = 0;
        }
        let handed = match written {
            None => Handed::Sent(skb),
            Some(metadata) => {
                // SAFETY: By the type invariants. It was in the ring alone since.
                let (buffer, range) = unsafe { FrameBuffer::from_handed(skb, metadata) };
                Handed::Written(buffer, range)
            }
        };
        Some((handed, arrived, note))
    }

    /// Whether something is in it; see [`FrameRing::is_filled`]. Context: bottom halves off.
    #[inline]
    pub fn is_filled(&self) -> bool {
        self.ring.is_filled()
    }

    /// Gives the ring another size. Of what is in it the oldest stays; the rest is freed as lost, and
    /// `lost` gets the notes. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and the ring keeps the size that it has.
    pub fn resize(&self, size: u32, mut lost: impl FnMut(D)) -> Result {
        self.ring.resize(size, |frames| {
            for frame in frames {
                lost(frame.descriptor().note);
            }
        })
    }
}

/// There was no room for a frame.
#[derive(Clone, Copy, Debug)]
pub struct Full;
