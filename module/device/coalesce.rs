// SPDX-License-Identifier: GPL-2.0

//! Frames that wait in a receive queue for others that go up with them, where the host's memory has them.

use crate::{
    host::Receive,
    memory::{
        DeviceMemory,
        KernelMemory, //
    },
    originals::Originals, //
};
use engine::{
    coalesce::{
        Expected,
        Flows,
        Pair, //
    },
    descriptor::{
        Gso,
        InnerHeaders,
        RxDescriptor,
        TxChecksum,
        TxDescriptor, //
    },
    resources::Resource, //
};
use kernel::prelude::*;
use net::{
    machine::random_u64,
    napi::PollContext,
    skbuff::{
        Aggregate,
        Checksum,
        GsoRequest,
        OffloadRequest, //
    }, //
};

/// What puts the frames of a queue together.
pub(crate) struct Coalescer {
    /// The flows of which frames wait for more.
    pub(crate) flows: Flows<KernelMemory>,
    /// What the next frame of the last one of them looks like.
    pub(crate) expected: Expected,
    /// Those frames.
    pub(crate) aggregates: Aggregates,
    /// What a program is shown of them.
    pub(crate) pair: Pair,
}

impl Coalescer {
    /// As large as the device has it. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(memory: &DeviceMemory) -> Result<Self> {
        let slots = memory.resources().usage(Resource::GroFlows).size;
        let slots = u16::try_from(slots).unwrap_or(u16::MAX);
        Ok(Self {
            flows: Flows::new(&memory.source(), slots, random_u64()).map_err(|_| ENOMEM)?,
            expected: Expected::default(),
            aggregates: Aggregates::new(slots)?,
            pair: Pair::default(),
        })
    }

    /// Forgets the frames that wait for more; how many they were on the wire.
    pub(crate) fn forget(&mut self) -> u64 {
        let mut frames = 0_u64;
        while let Some((slot, _)) = self.flows.oldest() {
            drop(self.aggregates.take(slot));
            let held = self.flows.remove(slot);
            let held = held.map_or(0, |held| held.coalesced().frames.into());
            frames = frames.saturating_add(held);
        }
        frames
    }
}

/// A frame that waits.
pub(crate) struct Waiting {
    pub(crate) frame: Aggregate,
    /// What the device says of the first frame.
    pub(crate) descriptor: RxDescriptor,
    /// The frames that it is put together of, if the host wants to compare them.
    originals: Option<KBox<Originals>>,
}

impl Waiting {
    /// `frame`, of which the device says `descriptor`, alone.
    #[inline]
    pub(crate) fn new(frame: Aggregate, descriptor: &RxDescriptor) -> Self {
        Self {
            frame,
            descriptor: *descriptor,
            originals: None,
        }
    }

    /// Whether the frames are kept that it is put together of.
    #[inline]
    pub(crate) fn has_originals(&self) -> bool {
        self.originals.is_some()
    }

    /// Keeps the first frame if none was kept, and `next`, which goes behind it.
    fn keep(&mut self, next: (&[u8], &RxDescriptor), context: &PollContext<'_>) -> Result {
        let originals = match &mut self.originals {
            Some(originals) => originals,
            none => {
                let new = KBox::new(Originals::default(), GFP_ATOMIC | __GFP_NOWARN)?;
                let originals = none.insert(new);
                originals.keep(self.frame.first(), &self.descriptor, context)?;
                originals
            }
        };
        originals.keep(next.0, next.1, context)
    }

    /// Keeps them no more.
    fn forget(&mut self, context: &PollContext<'_>) {
        if let Some(originals) = self.originals.take() {
            KBox::into_inner(originals).consume_in(context);
        }
    }

    /// Memory that they take, in bytes, about.
    fn kept(&self) -> usize {
        self.originals
            .as_ref()
            .map_or(0, |originals| originals.size())
    }
}

/// The most memory, in bytes, about, that a queue takes for frames that are kept to be compared.
const MOST_KEPT: usize = 4 << 20;

/// Those of a queue, by the numbers that the engine gives them.
pub(crate) struct Aggregates {
    all: KVVec<Option<Waiting>>,
    /// Memory that the frames take that they are put together of.
    kept: usize,
}

impl Aggregates {
    /// Room for `slots` of them. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new(slots: u16) -> Result<Self> {
        let mut all = KVVec::with_capacity(slots.into(), GFP_KERNEL)?;
        for _ in 0..slots {
            all.push(None, GFP_KERNEL)?;
        }
        Ok(Self { all, kept: 0 })
    }

    /// The one with number `slot`.
    #[inline]
    pub(crate) fn get(&self, slot: u16) -> Option<&Waiting> {
        self.all.get(usize::from(slot))?.as_ref()
    }

    /// As [`Self::get`], to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u16) -> Option<&mut Waiting> {
        self.all.get_mut(usize::from(slot))?.as_mut()
    }

    /// Has `waiting` wait as number `slot`.
    #[inline]
    pub(crate) fn put(&mut self, slot: u16, waiting: Waiting) {
        if let Some(place) = self.all.get_mut(usize::from(slot)) {
            *place = Some(waiting);
        }
    }

    /// Takes the one with number `slot`, and the frames that were kept of it.
    #[inline]
    pub(crate) fn take(&mut self, slot: u16) -> Option<(Waiting, Option<KBox<Originals>>)> {
        let mut waiting = self.all.get_mut(usize::from(slot))?.take()?;
        if !waiting.has_originals() {
            return Some((waiting, None));
        }
        self.kept = self.kept.saturating_sub(waiting.kept());
        let originals = waiting.originals.take();
        Some((waiting, originals))
    }

    /// Keeps `next`, which is about to go behind the one with number `slot`, if the frames of that are kept, or
    /// if it is alone and the host wants its frames kept. Without memory none of them is. Context: NAPI poll.
    pub(crate) fn keep(
        &mut self,
        slot: u16,
        next: (&[u8], &RxDescriptor),
        host: &mut dyn Receive,
        context: &PollContext<'_>,
    ) {
        let most = MOST_KEPT.saturating_sub(self.kept);
        let Some(waiting) = self.get_mut(slot) else {
            return;
        };
        let is_wanted =
            waiting.has_originals() || (waiting.frame.is_one() && host.wants_originals());
        if !is_wanted {
            return;
        }
        let before = waiting.kept();
        let kept = waiting.keep(next, context);
        let now = waiting.kept();
        if kept.is_err() || now.saturating_sub(before) > most {
            waiting.forget(context);
            host.lacks_originals();
        }
        let now = waiting.kept();
        self.kept = self.kept.saturating_sub(before).saturating_add(now);
    }

    /// What was kept last of the one with number `slot` has not gone behind it. Context: NAPI poll.
    pub(crate) fn forget_last(&mut self, slot: u16, context: &PollContext<'_>) {
        let Some(waiting) = self.get_mut(slot) else {
            return;
        };
        let before = waiting.kept();
        if let Some(originals) = &mut waiting.originals {
            originals.forget_last(context);
        }
        let now = waiting.kept();
        self.kept = self.kept.saturating_sub(before).saturating_add(now);
    }
}

/// How the stack is told what was made of several frames.
pub(crate) fn request(made: &TxDescriptor) -> OffloadRequest {
    OffloadRequest {
        checksum: match made.checksum {
            TxChecksum::Internet { start, offset } => Some(Checksum {
                start,
                offset,
                is_crc32c: false,
            }),
            TxChecksum::None | TxChecksum::Crc32c { .. } => None,
        },
        gso: made.gso.map(|Gso { size, segs, kind }| GsoRequest {
            size,
            segs,
            kind: kind.0,
        }),
        network: made.headers.network,
        transport: made.headers.transport,
        inner: made
            .headers
            .inner
            .map(|InnerHeaders { network, transport }| (network, transport)),
        labelled: None,
    }
}
