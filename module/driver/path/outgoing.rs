// SPDX-License-Identifier: GPL-2.0

//! What the device is given of a frame, and what software does before.

use super::segments::Segments;
use crate::port::{
    DeviceWork,
    Port,
    TxOffloads,
    TxQueue,
    MAX_SEGMENTS, //
};
use device::{
    profile::Profile,
    send::{
        fragments,
        plan, //
    }, //
};
use engine::{
    descriptor::{
        Gso,
        GsoKind,
        InnerHeaders,
        TxCapability,
        TxChecksum,
        TxDescriptor,
        TxHeaders, //
    },
    mac::Burst,
    transmit::{
        TxPlan,
        TxRefusal, //
    },
};
use kernel::prelude::*;
use net::{
    rcu,
    skbuff::{
        gso,
        OffloadRequest,
        SkBuff, //
    }, //
};
use offload::transmit::{
    Capabilities,
    Checksums,
    Reason,
    Transmitter,
    Work, //
};

/// What a device that finds TCP itself can cut.
const LEGACY_GSO: u32 = gso::TCPV4 | gso::TCPV6 | gso::TCP_ECN | gso::TCP_FIXEDID | gso::DODGY;

/// What the driver tells the device about a frame.
#[inline]
fn descriptor(
    skb: &SkBuff,
    queue: u16,
    request: &OffloadRequest,
    capability: TxCapability,
) -> TxDescriptor {
    let checksum = match request.checksum {
        None => TxChecksum::None,
        Some(checksum) if checksum.is_crc32c => TxChecksum::Crc32c {
            start: checksum.start,
            offset: checksum.offset,
        },
        Some(checksum) => TxChecksum::Internet {
            start: checksum.start,
            offset: checksum.offset,
        },
    };
    TxDescriptor {
        // CAST: A frame is shorter than 4 GiB: `sk_buff` counts in 32 bits.
        len: skb.len() as u32,
        queue,
        checksum,
        gso: request.gso.map(|gso| Gso {
            size: gso.size,
            segs: gso.segs,
            kind: GsoKind(gso.kind),
        }),
        headers: TxHeaders {
            network: request.network,
            transport: request.transport,
            inner: request
                .inner
                .map(|(network, transport)| InnerHeaders { network, transport }),
            labelled: request.labelled,
        },
        capability,
    }
}

/// What a device with `profile` can do.
const fn capabilities(profile: Profile) -> Capabilities {
    let (checksums, gso_kinds) = match profile {
        // The device's plan tells what it can't cut.
        Profile::Programmable => (Checksums::Agnostic, u32::MAX),
        Profile::Legacy => (Checksums::ProtocolSpecific, LEGACY_GSO),
        Profile::LegacyUnchecked => (Checksums::ProtocolSpecificUnchecked, LEGACY_GSO),
        Profile::None => (Checksums::None, 0),
    };
    Capabilities {
        checksums,
        gso_kinds,
    }
}

/// Why software does what the device has refused.
const fn reason(refusal: TxRefusal) -> Reason {
    match refusal {
        TxRefusal::FragmentList | TxRefusal::Fragments => Reason::FragmentList,
        TxRefusal::IpFragmentation => Reason::IpFragments,
        TxRefusal::Esp => Reason::Encrypted,
        TxRefusal::NestedTunnels => Reason::NestedTunnels,
        TxRefusal::HeadersNotLinear => Reason::HeaderNotLinear,
        TxRefusal::ProtocolSpecific => Reason::Transport,
        TxRefusal::RemoteChecksum | TxRefusal::Fcoe | TxRefusal::Kind => Reason::Kind,
        _ => Reason::Malformed,
    }
}

/// One frame of the stack on its way to the cable, and what it will have been once it is there.
pub(super) struct Outgoing<'a> {
    port: &'a Port,
    guard: &'a rcu::Guard,
    offloads: &'a TxOffloads,
    profile: Profile,
    queue: u16,
    /// What is made of it, if software cuts it and a program is asked.
    segments: Option<KBox<Segments<'a>>>,
    /// Whether software has made something else of it, so that the stack can't have it back.
    pub(super) is_replaced: bool,
    /// What it takes of the queue's room: skbs.
    pub(super) skbs: u32,
    /// What goes on the wire.
    pub(super) burst: Burst,
    /// What the device does.
    pub(super) done: DeviceWork,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(port: &'a Port, tx: &'a TxQueue, queue: u16, guard: &'a rcu::Guard) -> Self {
        Self {
            port,
            guard,
            offloads: &tx.offloads,
            profile: port.hardware.profile(),
            queue,
            segments: None,
            is_replaced: false,
            skbs: 0,
            burst: Burst::default(),
            done: DeviceWork::default(),
        }
    }

    /// Counts a frame that takes room of the queue's.
    fn count(&mut self) {
        self.skbs = self.skbs.saturating_add(1);
    }
}

impl Transmitter for Outgoing<'_> {
    type Descriptor = TxDescriptor;

    fn capabilities(&self) -> Capabilities {
        capabilities(self.profile)
    }

    fn to_device(
        &mut self,
        frame: &SkBuff,
        request: &OffloadRequest,
        work: Work,
        told: &mut TxDescriptor,
    ) -> Result<(), Reason> {
        let capability = self.profile.tx_capability().ok_or(Reason::NotOffered)?;
        *told = descriptor(frame, self.queue, request, capability);
        match work {
            Work::Checksum => {
                TxPlan::check_whole(told, frame.linear()).map_err(reason)?;
                self.burst.add(frame.linear(), frame.len(), 1);
                self.done.checksums = self.done.checksums.saturating_add(1);
            }
            Work::Segmentation => {
                // What the device does without its program is not what the policy permits.
                let port = self.port;
                if port.gso.is_missed_by(port.interface.current_policy()) {
                    return Err(Reason::NotOffered);
                }
                let plan = &plan(frame, told);
                let plan = plan.as_ref().map_err(|refusal| reason(*refusal))?;
                // They are made in one go. The stack does not know the number for each of its frames.
                if plan.frames() > MAX_SEGMENTS.into() {
                    return Err(Reason::TooManySegments);
                }
                self.burst.add_cut(frame.linear(), plan, fragments(frame));
                // A frame of the stack is cut once.
                let done = &mut self.done;
                done.gso_packets = 1;
                done.gso_bytes = frame.len() as u64;
                done.gso_wire_packets = plan.frames().into();
                done.gso_wire_bytes = plan.wire_bytes();
            }
        }
        self.count();
        Ok(())
    }

    fn to_wire(&mut self, frame: &SkBuff, told: &mut TxDescriptor) {
        self.count();
        self.burst.add(frame.linear(), frame.len(), 1);
        *told = TxDescriptor::of_wire_frame(frame.len(), self.queue);
    }

    fn by_software(&mut self, frame: &SkBuff, work: Work, reason: Reason) {
        self.is_replaced |= work == Work::Segmentation || frame.is_shared();
        self.offloads.count_software(work, reason);
        if work == Work::Segmentation {
            let asked = || {
                let request = frame.offload_request();
                descriptor(frame, self.queue, &request, TxCapability::Agnostic)
            };
            self.segments = Segments::of(frame, asked, (self.port, self.queue), self.guard);
        }
    }

    fn segmented(&mut self, segment: SkBuff) -> SkBuff {
        match &mut self.segments {
            Some(segments) => segments.next(segment),
            None => segment,
        }
    }
}
