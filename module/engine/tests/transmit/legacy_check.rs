// SPDX-License-Identifier: GPL-2.0

//! What a driver gives to a device that looks for the checksum itself comes out as software would
//! send it, whoever has made the frame.

use engine::descriptor::{GsoKind, TxCapability, TxChecksum, TxDescriptor};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::offload::transmit::decision::{
    check_checksum, check_segmentation, Capabilities, Checksums,
};
use crate::offload::transmit::reason::Reason;
use crate::packet::{Extension, Ip, Link, Packet, Transport};
use crate::skbuff::OffloadRequest;
use crate::{headers_of, random, transmit};

const LEGACY: Capabilities = Capabilities {
    checksums: Checksums::ProtocolSpecific,
    gso_kinds: GsoKind::TCPV4
        .and(GsoKind::TCPV6)
        .and(GsoKind::TCP_ECN)
        .and(GsoKind::TCP_FIXEDID)
        .and(GsoKind::DODGY)
        .0,
};

/// A frame and what is to be done to it.
#[derive(Clone, Debug)]
struct Request {
    descriptor: TxDescriptor,
    bytes: Vec<u8>,
    linear: usize,
}

impl Request {
    /// As the stack would leave it.
    fn new(packet: &Packet, size: Option<u16>) -> Self {
        let bytes = packet.unfinished(size.map_or(packet.payload.len(), usize::from));
        Self {
            descriptor: packet.descriptor(size),
            linear: headers_of(packet, &bytes),
            bytes,
        }
    }

    fn check(&self) -> Result<(), Reason> {
        let request = OffloadRequest::from(&self.descriptor);
        let (headers, len) = (&self.bytes[..self.linear], self.bytes.len());
        match (&request.gso, &request.checksum) {
            (Some(gso), _) => check_segmentation(&request, gso, headers, len, &LEGACY),
            (None, Some(checksum)) => check_checksum(&request, checksum, headers, len, &LEGACY),
            (None, None) => Ok(()),
        }
    }

    fn sent_by(&self, capability: TxCapability) -> Option<Vec<Vec<u8>>> {
        let descriptor = TxDescriptor {
            capability,
            len: self.bytes.len() as u32,
            ..self.descriptor
        };
        transmit(&descriptor, &self.bytes, self.linear).ok()
    }

    fn start_and_offset(&mut self) -> (&mut u16, &mut u16) {
        match &mut self.descriptor.checksum {
            TxChecksum::Internet { start, offset } => (start, offset),
            other => panic!("{other:?}: all have a checksum to be filled in"),
        }
    }

    fn field(&mut self) -> Option<&mut [u8; 2]> {
        let (start, offset) = self.start_and_offset();
        let at = usize::from(*start) + usize::from(*offset);
        self.bytes.get_mut(at..)?.first_chunk_mut()
    }
}

/// What a packet socket or a virtual machine may have done otherwise than the stack.
#[derive(Clone, Debug)]
enum Change {
    Seed([u8; 2]),
    IpLength(u16),
    Start(u16),
    Offset(u16),
    Behind(Vec<u8>),
    Cut(usize),
    Byte(prop::sample::Index, u8),
}

impl Change {
    fn apply(&self, request: &mut Request) {
        match self {
            Self::Seed(seed) => {
                if let Some(field) = request.field() {
                    *field = *seed;
                }
            }
            Self::IpLength(more) => {
                let network = usize::from(request.descriptor.headers.network);
                let is_v6 = request.bytes[network] >> 4 == 6;
                let at = network + if is_v6 { 4 } else { 2 };
                let field = &mut request.bytes[at..at + 2];
                let len = u16::from_be_bytes([field[0], field[1]]).wrapping_add(*more);
                field.copy_from_slice(&len.to_be_bytes());
            }
            Self::Start(more) => {
                let start = request.start_and_offset().0;
                *start = start.wrapping_add(*more);
            }
            Self::Offset(other) => *request.start_and_offset().1 = *other,
            Self::Behind(bytes) => request.bytes.extend(bytes),
            Self::Cut(len) => {
                let left = request.bytes.len().saturating_sub(*len).max(40);
                request.bytes.truncate(left);
                request.linear = request.linear.min(request.bytes.len());
            }
            Self::Byte(at, byte) => {
                let at = at.index(request.linear);
                request.bytes[at] = *byte;
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<[u8; 2]>().prop_map(Change::Seed),
        Just(Change::Seed([0; 2])),
        Just(Change::Seed([0xff; 2])),
        prop_oneof![-20_i16..20, any::<i16>()].prop_map(|more| Change::IpLength(more as u16)),
        (-4_i16..4).prop_map(|more| Change::Start(more as u16)),
        (0_u16..20).prop_map(Change::Offset),
        vec(prop_oneof![Just(0), any::<u8>()], 1..20).prop_map(Change::Behind),
        (1_usize..40).prop_map(Change::Cut),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_the_device_gets_it_sends_as_software_does(
        packet in random::packet(),
        len in prop_oneof![0_usize..40, 0_usize..3000],
        size in proptest::option::of(1_u16..1500),
        seed in any::<u64>(),
        changes in vec(change(), 0..3),
    ) {
        let packet = Packet { payload: random::payload(len, seed), ..packet };
        let size = size.filter(|size| usize::from(*size) < len && len / usize::from(*size) < 100);
        let mut request = Request::new(&packet, size);
        for change in &changes {
            change.apply(&mut request);
        }
        if request.check().is_ok() {
            // A driver leaves to software what the device then does not take.
            if let Some(sent) = request.sent_by(TxCapability::ProtocolSpecific) {
                prop_assert_eq!(Some(sent), request.sent_by(TxCapability::Agnostic));
            }
        }
    }

    /// The check is not one that refuses all.
    #[test]
    fn plain_packets_of_the_stack_are_for_the_device(
        link in random::link(),
        mut ip in random::ip(),
        transport in random::transport(),
        len in 0_usize..3000,
        size in proptest::option::of(1_u16..1500),
        seed in any::<u64>(),
    ) {
        let link = match link {
            Link::Mpls(_) => Link::Ethernet,
            link => link,
        };
        ip.extensions.clear();
        let size = size
            .filter(|size| usize::from(*size) < len && len / usize::from(*size) < 100)
            .filter(|_| matches!(transport, Transport::Tcp { accurate_ecn: false, .. }));
        let packet = Packet { link, outer: None, ip, transport, payload: random::payload(len, seed) };
        let request = Request::new(&packet, size);
        prop_assert_eq!(request.check(), Ok(()));
        let sent = request.sent_by(TxCapability::ProtocolSpecific);
        prop_assert!(sent.is_some());
        prop_assert_eq!(sent, request.sent_by(TxCapability::Agnostic));
    }
}

/// The frames for which the check was made, each with the reason that it gives; the device would send
/// something else than software.
#[test]
fn what_the_device_would_get_wrong() {
    let tcp = Transport::Tcp {
        sequence: 1,
        flags: 0x10,
        words: 0,
        accurate_ecn: false,
    };
    for ip in [Ip::v4(1), Ip::v6(1)] {
        for transport in [Transport::Udp, tcp.clone()] {
            for link in [Link::Ethernet, Link::Vlan, Link::QinQ] {
                let packet = Packet {
                    link,
                    outer: None,
                    ip: ip.clone(),
                    transport: transport.clone(),
                    payload: vec![1, 2, 3, 4],
                };
                for (change, reason) in [
                    (Change::Seed([0; 2]), Reason::PseudoHeader),
                    (Change::Seed([0x12, 0x34]), Reason::PseudoHeader),
                    (Change::IpLength(1), Reason::Length),
                    (Change::IpLength(u16::MAX), Reason::Length),
                    (Change::Behind(vec![0, 7]), Reason::Length),
                    (Change::Cut(1), Reason::Length),
                ] {
                    let mut request = Request::new(&packet, None);
                    change.apply(&mut request);
                    let what = format!("{change:?} of {packet:?}");
                    assert_eq!(request.check(), Err(reason), "{what}");
                    let sent = request.sent_by(TxCapability::ProtocolSpecific);
                    let software = request.sent_by(TxCapability::Agnostic);
                    assert!(sent.is_some() && software.is_some(), "{what}");
                    assert_ne!(sent, software, "{what}");
                }
                let cut_seed = Change::Seed([0; 2]);
                let mut request = Request::new(&packet, Some(2));
                if transport == tcp {
                    assert_eq!(request.check(), Ok(()));
                    cut_seed.apply(&mut request);
                    assert_eq!(request.check(), Err(Reason::PseudoHeader));
                } else {
                    assert_eq!(request.check(), Err(Reason::Kind));
                }
            }
        }
    }
    let mut routed = Packet {
        link: Link::Ethernet,
        outer: None,
        ip: Ip::v6(1),
        transport: Transport::Udp,
        payload: Vec::new(),
    };
    routed.ip.extensions = vec![Extension::Segments([0xfc; 16])];
    let refused = Request::new(&routed, None).check();
    assert_eq!(refused, Err(Reason::RoutingHeader));
}
