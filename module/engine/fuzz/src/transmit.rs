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

/// The input that stands for `descriptor` and a frame whose first bytes, of which `linear` are, are
/// `bytes`.
pub fn encode(descriptor: &TxDescriptor, linear: u16, bytes: &[u8]) -> Vec<u8> {
    let (kind, start, offset) = match descriptor.checksum {
        TxChecksum::None => (0, 0, 0),
        TxChecksum::Internet { start, offset } => (1, start, offset),
        TxChecksum::Crc32c { start, offset } => (2, start, offset),
    };
    let flags = kind
        | u16::from(descriptor.capability == TxCapability::ProtocolSpecific) << 2
        | u16::from(descriptor.gso.is_some()) << 3
        | u16::from(descriptor.headers.inner.is_some()) << 4
        | u16::from(descriptor.vlan.is_some()) << 5;
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
        linear,
    ];
    let mut input: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    input.extend(bytes);
    input
}

/// The descriptor in `data`, how much of the frame is linear, and its first bytes.
pub fn decode(data: &[u8]) -> (TxDescriptor, usize, &[u8]) {
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
    let linear = input.number().into();
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
        },
        capability: match flags & 4 {
            0 => TxCapability::Agnostic,
            _ => TxCapability::ProtocolSpecific,
        },
        vlan: (flags & 32 != 0).then_some(0x8100_0001),
    };
    (descriptor, linear, input.0)
}

/// Takes `data` for a descriptor and a frame; says how many wire frames came of it, if it was not
/// refused.
///
/// # Panics
///
/// If wire frames are not what the plan promised, or payload changed.
pub fn transmit(data: &[u8]) -> Option<u32> {
    let (descriptor, linear, bytes) = decode(data);
    let mut frame = bytes.to_vec();
    frame.resize((descriptor.len as usize).min(MAX_FRAME), 0xc3);
    let _ = (verify(&frame), complete(&frame));
    let plan = TxPlan::new(&descriptor, &frame[..linear.min(frame.len())]).ok()?;
    assert_eq!(plan.layout(plan.frames()), None);
    if descriptor.len as usize > frame.len() {
        return Some(plan.frames());
    }
    let mut total = 0;
    let mut next = None;
    for index in 0..plan.frames() {
        let layout = plan.layout(index).expect("a wire frame of the plan");
        assert!(layout.header <= linear && !layout.payload.is_empty() || descriptor.len == 0);
        assert_eq!(next.unwrap_or(layout.header), layout.payload.start);
        next = Some(layout.payload.end);
        let payload = &frame[layout.payload];
        let mut wire = [&frame[..layout.header], payload].concat();
        assert_eq!(plan.finish(index, &mut wire), Ok(()));
        if descriptor.gso.is_some() {
            assert_eq!(&wire[layout.header..], payload);
        }
        total += wire.len() as u64;
    }
    assert_eq!(next, Some(frame.len()));
    assert_eq!(total, plan.wire_bytes());
    Some(plan.frames())
}
