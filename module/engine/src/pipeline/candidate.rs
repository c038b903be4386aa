// SPDX-License-Identifier: GPL-2.0

//! Frames that may be put together with others, by where their bytes lie.

use super::wire::{Lost, Owned, Shared};
use super::Receiver;
use crate::checksum::sum_of;
use crate::descriptor::{RxDescriptor, TxChecksum, TxDescriptor};
use crate::frame::ETH_HLEN;
use crate::receive_checksum::RxChecksum;
use crate::transmit::TxPlan;

/// A frame that is ready for the host.
pub(super) trait Candidate<D: Receiver>: Sized {
    /// Its first bytes, at least those of its headers.
    fn first(&self) -> &[u8];

    /// What the device says of it.
    fn descriptor(&self) -> &RxDescriptor;

    /// The checksum that is still open.
    fn open(&self) -> TxChecksum;

    /// Has it be as it is on the wire, which nobody need know of a frame that goes behind another one.
    ///
    /// # Errors
    ///
    /// The frame is lost.
    fn settle(&mut self) -> Result<(), Lost>;

    /// It goes to the host, settled.
    fn to_host(self, device: &mut D);

    /// It waits, settled, as number `slot`.
    fn hold(self, device: &mut D, slot: u16);

    /// What is behind its first `header` bytes goes behind the one that waits as number `slot`. Gives it back
    /// if there is no memory for that; then nothing has changed.
    fn append(self, device: &mut D, slot: u16, header: usize) -> Result<(), Self>;
}

/// A frame in memory of the receiver's.
pub(super) struct Written<'a, O> {
    pub(super) frame: O,
    pub(super) descriptor: &'a RxDescriptor,
}

impl<D: Receiver> Candidate<D> for Written<'_, D::Owned> {
    #[inline]
    fn first(&self) -> &[u8] {
        self.frame.bytes()
    }

    #[inline]
    fn descriptor(&self) -> &RxDescriptor {
        self.descriptor
    }

    #[inline]
    fn open(&self) -> TxChecksum {
        TxChecksum::None
    }

    #[inline]
    fn settle(&mut self) -> Result<(), Lost> {
        Ok(())
    }

    #[inline]
    fn to_host(self, device: &mut D) {
        device.to_host(self.frame, self.descriptor);
    }

    #[inline]
    fn hold(self, device: &mut D, slot: u16) {
        device.hold(slot, self.frame, self.descriptor);
    }

    #[inline]
    fn append(self, device: &mut D, slot: u16, header: usize) -> Result<(), Self> {
        let Self { frame, descriptor } = self;
        let appended = device.append(slot, frame, descriptor, header);
        appended.map_err(|frame| Self { frame, descriptor })
    }
}

/// A frame whose payload lies where its sender has it, and whose checksum is still open.
pub(super) struct Open<'a, S> {
    pub(super) frame: S,
    pub(super) checksum: TxChecksum,
    /// Without what a checksum says.
    // Lent, so that little is moved, and lies on the stack.
    pub(super) descriptor: &'a mut RxDescriptor,
}

impl<D: Receiver> Candidate<D> for Open<'_, D::Shared> {
    #[inline]
    fn first(&self) -> &[u8] {
        self.frame.header()
    }

    #[inline]
    fn descriptor(&self) -> &RxDescriptor {
        self.descriptor
    }

    #[inline]
    fn open(&self) -> TxChecksum {
        self.checksum
    }

    #[inline(never)]
    fn settle(&mut self) -> Result<(), Lost> {
        let payload = sum_of(self.frame.payload());
        let sent = TxDescriptor {
            len: self.descriptor.len,
            checksum: self.checksum,
            ..TxDescriptor::default()
        };
        let header = self.frame.header_mut();
        let behind = TxPlan::new(&sent, header, [])
            .and_then(|plan| plan.finish_apart(header, payload, ETH_HLEN))
            .map_err(|_| Lost::Unplanned)?;
        self.descriptor.checksum = RxChecksum::Complete(behind.fold());
        Ok(())
    }

    #[inline]
    fn to_host(self, device: &mut D) {
        device.shared_to_host(self.frame, self.descriptor);
    }

    #[inline]
    fn hold(self, device: &mut D, slot: u16) {
        device.hold_shared(slot, self.frame, self.descriptor);
    }

    #[inline]
    fn append(mut self, device: &mut D, slot: u16, header: usize) -> Result<(), Self> {
        match device.append_shared(slot, self.frame, header) {
            Ok(()) => Ok(()),
            Err(frame) => {
                self.frame = frame;
                Err(self)
            }
        }
    }
}
