// SPDX-License-Identifier: GPL-2.0

//! Frames that wait in a receive queue for others that go up with them, where the host's memory has them.

use engine::descriptor::{
    Gso,
    InnerHeaders,
    RxDescriptor,
    TxChecksum,
    TxDescriptor, //
};
use kernel::prelude::*;
use net::skbuff::{
    Aggregate,
    Checksum,
    GsoRequest,
    OffloadRequest, //
};

/// A frame that waits.
pub(crate) struct Waiting {
    pub(crate) frame: Aggregate,
    /// What the device says of the first frame.
    pub(crate) descriptor: RxDescriptor,
}

/// Those of a queue, by the numbers that the engine gives them.
pub(crate) struct Aggregates(KVVec<Option<Waiting>>);

impl Aggregates {
    /// Room for `slots` of them. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(slots: u16) -> Result<Self> {
        let mut all = KVVec::with_capacity(slots.into(), GFP_KERNEL)?;
        for _ in 0..slots {
            all.push(None, GFP_KERNEL)?;
        }
        Ok(Self(all))
    }

    /// The one with number `slot`.
    #[inline]
    pub(crate) fn get(&self, slot: u16) -> Option<&Waiting> {
        self.0.get(usize::from(slot))?.as_ref()
    }

    /// As [`Self::get`], to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u16) -> Option<&mut Waiting> {
        self.0.get_mut(usize::from(slot))?.as_mut()
    }

    /// Has `waiting` wait as number `slot`.
    #[inline]
    pub(crate) fn put(&mut self, slot: u16, waiting: Waiting) {
        if let Some(place) = self.0.get_mut(usize::from(slot)) {
            *place = Some(waiting);
        }
    }

    /// Takes the one with number `slot`.
    #[inline]
    pub(crate) fn take(&mut self, slot: u16) -> Option<Waiting> {
        self.0.get_mut(usize::from(slot))?.take()
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
