// SPDX-License-Identifier: GPL-2.0

//! Stands in for the module of `net` of this name: what a frame leaves to the device.

use engine::descriptor::{TxChecksum, TxDescriptor};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Checksum {
    pub(crate) start: u16,
    pub(crate) offset: u16,
    pub(crate) is_crc32c: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct GsoRequest {
    pub(crate) size: u16,
    pub(crate) kind: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OffloadRequest {
    pub(crate) checksum: Option<Checksum>,
    pub(crate) gso: Option<GsoRequest>,
    pub(crate) network: u16,
    pub(crate) inner: Option<(u16, u16)>,
}

pub(crate) const GSO_BY_FRAGS: u16 = 0xffff;

pub(crate) mod gso {
    use engine::descriptor::GsoKind;

    pub(crate) const SCTP: u32 = GsoKind::SCTP.0;
    pub(crate) const ESP: u32 = GsoKind::ESP.0;
    pub(crate) const UDP: u32 = GsoKind::UDP.0;
    pub(crate) const FRAGLIST: u32 = GsoKind::FRAGLIST.0;
}

impl From<&TxDescriptor> for OffloadRequest {
    fn from(descriptor: &TxDescriptor) -> Self {
        let checksum = |start, offset, is_crc32c| Checksum {
            start,
            offset,
            is_crc32c,
        };
        Self {
            checksum: match descriptor.checksum {
                TxChecksum::None => None,
                TxChecksum::Internet { start, offset } => Some(checksum(start, offset, false)),
                TxChecksum::Crc32c { start, offset } => Some(checksum(start, offset, true)),
            },
            gso: descriptor.gso.map(|gso| GsoRequest {
                size: gso.size,
                kind: gso.kind.0,
            }),
            network: descriptor.headers.network,
            inner: descriptor
                .headers
                .inner
                .map(|inner| (inner.network, inner.transport)),
        }
    }
}
