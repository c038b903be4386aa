// SPDX-License-Identifier: GPL-2.0

//! What must hold for any transmit descriptor and any frame: it is refused, or each wire frame has
//! the bytes that were promised, and payload stays as it is.

use engine::descriptor::{
    Gso, GsoKind, InnerHeaders, TxCapability, TxChecksum, TxDescriptor, TxHeaders,
};
use engine::receive_checksum::{complete, verify};
use engine::transmit::TxPlan;

/// Longest frame that is tried.
const MAX_FRAME: usize = 4096;

/// Numbers from the front of the input; 0 where it ends.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn number(&mut self) -> u16 {
        let (number, rest) = match self.0 {
            [low, high, rest @ ..] => (u16::from_le_bytes([*low, *high]), rest),
            rest => (0, &rest[..0]),
        };
        self.0 = rest;
        number
    }

    fn wide(&mut self) -> u32 {
        u32::from(self.number()) | u32::from(self.number()) << 16
    }
}

/// What is to be sent, and how the host has it in memory.
pub struct Request<'a> {
    /// What the device is asked to do.
    pub descriptor: TxDescriptor,
    /// How many bytes of the frame are linear.
    pub linear: u16,
    /// The lengths of fragments.
    pub fragments: Vec<u16>,
    /// The first bytes of the frame.
    pub bytes: &'a [u8],
}

/// The input that stands for a request.
pub fn encode(request: &Request<'_>) -> Vec<u8> {
    let Request {
        descriptor,
        linear,
        fragments,
        bytes,
    } = request;
    let (kind, start, offset) = match descriptor.checksum {
        TxChecksum::None => (0, 0, 0),
        TxChecksum::Internet { start, offset } => (1, start, offset),
        TxChecksum::Crc32c { start, offset } => (2, start, offset),
    };
    let flags = kind
        | u16::from(descriptor.capability == TxCapability::ProtocolSpecific) << 2
        | u16::from(descriptor.gso.is_some()) << 3
        | u16::from(descriptor.headers.inner.is_some()) << 4
        | u16::from(!fragments.is_empty()) << 6
        | u16::from(descriptor.headers.labelled.is_some()) << 7;
    let gso = descriptor.gso.unwrap_or(Gso {
        size: 0,
        segs: 0,
        kind: GsoKind::default(),
    });
    let inner = descriptor.headers.inner.unwrap_or_default();
    let (len, bits) = (descriptor.len, gso.kind.0);
    let numbers = [
        flags,
        len as u16,
        (len >> 16) as u16,
        start,
        offset,
        gso.size,
        bits as u16,
        (bits >> 16) as u16,
        descriptor.headers.network,
        descriptor.headers.transport,
        inner.network,
        inner.transport,
        *linear,
    ];
    let mut numbers = numbers.to_vec();
    if !fragments.is_empty() {
        numbers.push(fragments.len() as u16);
        numbers.extend(fragments);
    }
    numbers.extend(descriptor.headers.labelled);
    let mut input: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    input.extend(*bytes);
    input
}

/// The request in `data`.
pub fn decode(data: &[u8]) -> Request<'_> {
    let mut input = Input(data);
    let flags = input.number();
    let len = input.wide();
    let (start, offset) = (input.number(), input.number());
    let gso = Gso {
        size: input.number(),
        segs: 0,
        kind: GsoKind(input.wide()),
    };
    let (network, transport) = (input.number(), input.number());
    let inner = InnerHeaders {
        network: input.number(),
        transport: input.number(),
    };
    let linear = input.number();
    let fragments = match flags & 64 {
        0 => 0,
        _ => usize::from(input.number()).min(input.0.len() / 2),
    };
    let fragments = (0..fragments).map(|_| input.number()).collect();
    let labelled = (flags & 128 != 0).then(|| input.number());
    let descriptor = TxDescriptor {
        len,
        queue: 0,
        checksum: match flags & 3 {
            1 => TxChecksum::Internet { start, offset },
            2 => TxChecksum::Crc32c { start, offset },
            _ => TxChecksum::None,
        },
        gso: (flags & 8 != 0).then_some(gso),
        headers: TxHeaders {
            network,
            transport,
            inner: (flags & 16 != 0).then_some(inner),
            labelled,
        },
        capability: match flags & 4 {
            0 => TxCapability::Agnostic,
            _ => TxCapability::ProtocolSpecific,
        },
    };
    Request {
        descriptor,
        linear,
        fragments,
        bytes: input.0,
    }
}

/// Takes `data` for a descriptor and a frame; says how many wire frames came of it, if it was not
/// refused.
///
/// # Panics
///
/// If wire frames are not what the plan promised, or payload changed.
pub fn transmit(data: &[u8]) -> Option<u32> {
    let Request {
        descriptor,
        linear,
        fragments,
        bytes,
    } = decode(data);
    let linear = usize::from(linear);
    let fragments = || fragments.iter().copied().map(u32::from);
    let mut frame = bytes.to_vec();
    frame.resize((descriptor.len as usize).min(MAX_FRAME), 0xc3);
    let _ = (verify(&frame), complete(&frame));
    let plan = TxPlan::new(&descriptor, &frame[..linear.min(frame.len())], fragments()).ok()?;
    if descriptor.len as usize > frame.len() {
        return Some(plan.frames());
    }
    let (mut count, mut total, mut next) = (0, 0, None);
    for wire_frame in plan.wire_frames(fragments()) {
        let (header, payload) = (wire_frame.header, wire_frame.payload.clone());
        assert!(header <= linear && !payload.is_empty() || descriptor.len == 0);
        assert_eq!(next.unwrap_or(header), payload.start);
        next = Some(payload.end);
        let payload = &frame[payload];
        let mut wire = [&frame[..header], payload].concat();
        assert_eq!(plan.finish(&wire_frame, &mut wire), Ok(()));
        if descriptor.gso.is_some() {
            assert_eq!(&wire[header..], payload);
        }
        count += 1;
        total += wire.len() as u64;
    }
    assert_eq!(next, Some(frame.len()));
    assert_eq!((count, total), (plan.frames(), plan.wire_bytes()));
    Some(count)
}
