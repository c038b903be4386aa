// SPDX-License-Identifier: GPL-2.0

//! What the device is given of a frame, and what software does before.

use super::{
    offloads::TxOffloads,
    TxQueue, //
};
use crate::profile::Profile;
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
    transmit::{
        TxPlan,
        TxRefusal, //
    },
};
use net::{
    netdev::MAX_SEGMENTS,
    skbuff::{
        gso,
        Fragment,
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

/// What the device does to a frame that lies on the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Nothing: the bytes are those of the wire.
    Nothing,
    /// What the descriptor asks for.
    Agnostic,
    /// What it makes of the headers.
    ProtocolSpecific,
}

impl Treatment {
    const ALL: [Self; 3] = [Self::Nothing, Self::Agnostic, Self::ProtocolSpecific];

    /// The treatment that was noted for `frame`.
    #[inline]
    pub(crate) fn of(frame: &SkBuff) -> Self {
        let number = usize::from(frame.note());
        *Self::ALL.get(number).unwrap_or(&Self::Nothing)
    }

    /// Notes it for `frame`.
    #[inline]
    pub(super) fn note(self, frame: &mut SkBuff) {
        frame.set_note(self as u8);
    }

    /// As a device that does what, it is to treat the frame, if it is to do anything.
    #[inline]
    pub(crate) const fn capability(self) -> Option<TxCapability> {
        match self {
            Self::Nothing => None,
            Self::Agnostic => Some(TxCapability::Agnostic),
            Self::ProtocolSpecific => Some(TxCapability::ProtocolSpecific),
        }
    }
}

/// What the driver tells the device about a frame.
pub(crate) fn descriptor(
    skb: &SkBuff,
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
        queue: skb.queue(),
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
        vlan: request
            .vlan
            .map(|(tci, protocol)| u32::from(protocol) << 16 | u32::from(tci)),
    }
}

/// The lengths of the fragments that a frame's list has, for the device: 0 for one that does not lie in
/// one piece, which it does not take.
#[inline]
pub(crate) fn fragments(skb: &SkBuff) -> impl Iterator<Item = u32> + '_ {
    // CAST: The length of an skb has 32 bits.
    let len = |fragment: Fragment<'_>| fragment.linear().map_or(0, |bytes| bytes.len() as u32);
    skb.fragments().map(len)
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
    offloads: &'a TxOffloads,
    profile: Profile,
    treatment: Treatment,
    /// Whether software has made something else of it, so that the stack can't have it back.
    pub(super) is_replaced: bool,
    /// What it takes of the queue's room: skbs.
    pub(super) skbs: u32,
    /// What the device does.
    pub(super) done: DeviceWork,
}

/// What the device does of a frame of the stack.
#[derive(Default)]
pub(super) struct DeviceWork {
    /// Frames on the wire.
    pub(super) frames: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Frames that it fills a checksum in.
    pub(super) checksums: u64,
    /// Super-frames that it cuts.
    pub(super) gso_packets: u64,
    /// Their bytes.
    pub(super) gso_bytes: u64,
    /// What it makes of them.
    pub(super) gso_wire_packets: u64,
    /// And the bytes of that.
    pub(super) gso_wire_bytes: u64,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(tx: &'a TxQueue, profile: Profile) -> Self {
        Self {
            offloads: &tx.offloads,
            profile,
            treatment: match profile {
                Profile::Programmable => Treatment::Agnostic,
                Profile::Legacy | Profile::LegacyUnchecked => Treatment::ProtocolSpecific,
                Profile::None => Treatment::Nothing,
            },
            is_replaced: false,
            skbs: 0,
            done: DeviceWork::default(),
        }
    }
}

impl Transmitter for Outgoing<'_> {
    type Plan = TxPlan;

    fn capabilities(&self) -> Capabilities {
        capabilities(self.profile)
    }

    fn plan(&self, frame: &SkBuff, request: &OffloadRequest) -> Result<TxPlan, Reason> {
        let capability = self.treatment.capability().ok_or(Reason::NotOffered)?;
        let descriptor = descriptor(frame, request, capability);
        let plan = TxPlan::new(&descriptor, frame.linear(), fragments(frame)).map_err(reason)?;
        // They are made in one go. The stack does not know the number for each of its frames.
        if plan.frames() > MAX_SEGMENTS {
            return Err(Reason::TooManySegments);
        }
        Ok(plan)
    }

    fn to_device(&mut self, frame: &mut SkBuff, work: Work, plan: TxPlan) {
        self.treatment.note(frame);
        let (frames, bytes) = (u64::from(plan.frames()), plan.wire_bytes());
        let done = &mut self.done;
        self.skbs = self.skbs.saturating_add(1);
        done.frames = done.frames.saturating_add(frames);
        done.bytes = done.bytes.saturating_add(bytes);
        match work {
            Work::Checksum => done.checksums = done.checksums.saturating_add(1),
            Work::Segmentation => {
                // A frame of the stack is cut once.
                done.gso_packets = 1;
                done.gso_bytes = frame.len() as u64;
                done.gso_wire_packets = frames;
                done.gso_wire_bytes = bytes;
            }
        }
    }

    fn to_wire(&mut self, frame: &mut SkBuff) {
        Treatment::Nothing.note(frame);
        self.skbs = self.skbs.saturating_add(1);
        self.done.frames = self.done.frames.saturating_add(1);
        self.done.bytes = self.done.bytes.saturating_add(frame.len() as u64);
    }

    fn by_software(&mut self, frame: &SkBuff, work: Work, reason: Reason) {
        self.is_replaced |= work == Work::Segmentation || frame.is_shared();
        self.offloads.count_software(work, reason);
    }
}
