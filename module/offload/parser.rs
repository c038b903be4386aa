// SPDX-License-Identifier: GPL-2.0

//! What a device says of its parser, and what that and the kernel make of a frame.

use crate::Policy;
use kernel::prelude::*;
use net::flow_dissector::{
    Attached,
    Dissected,
    KEYS, //
};
use offload_uapi::netlink::DEVICE_FIELDS;
pub use offload_uapi::netlink::{
    ParseVerdict,
    ParserLevel, //
};
use parse_graph::{
    Carrier,
    Field, //
};

/// The parser of a device.
pub struct Parser<'a> {
    /// The graph's file, as it was flashed.
    pub blob: &'a [u8],
    /// SHA-256 of the graph's canonical form.
    pub digest: [u8; 32],
    /// SHA-256 of the flow dissector that the device has made of it.
    pub reproduced: [u8; 32],
    /// SHA-256 of the flow dissector that the file names, if it does.
    pub attested: Option<[u8; 32]>,
    /// Nodes of the graph.
    pub nodes: u32,
    /// Entries of its tables.
    pub entries: u32,
    /// Headers that are counted.
    pub max_headers: u32,
    /// Bytes of the device's memory that it takes.
    pub memory: usize,
    /// What speaks for it.
    pub level: ParserLevel,
    /// Whether the interface's policy takes that for enough.
    pub is_permitted: bool,
    /// The release of the kernel that its graph was tested against, if it was.
    pub release: Option<&'static CStr>,
    /// Frames that the interface has handed up without the hash that was wanted of them.
    pub withheld: u64,
}

/// What may speak for a parser.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// SHA-256 of the flow dissector that was made of its graph in this kernel.
    pub reproduced: &'a [u8; 32],
    /// That of the one which the graph's file names, if it does.
    pub attested: Option<&'a [u8; 32]>,
    /// Whether it was tested against the code of this kernel.
    pub is_tested: bool,
}

impl Evidence<'_> {
    /// What speaks for the parser while the kernel dissects by `attached`, or by its own code. Any context.
    #[inline]
    pub fn level(&self, attached: Option<&Attached<'_>>) -> ParserLevel {
        let Some(attached) = attached else {
            return if self.is_tested {
                ParserLevel::Tested
            } else {
                ParserLevel::Claimed
            };
        };
        let digest = attached.digest();
        if !attached.is_self_contained() {
            ParserLevel::Claimed
        } else if digest == self.reproduced {
            ParserLevel::Reproduced
        } else if self.attested == Some(digest) {
            ParserLevel::Attested
        } else {
            ParserLevel::Claimed
        }
    }
}

/// Whether `policy` lets a device tell what it has parsed, when `level` speaks for it.
#[inline]
pub fn permits(policy: Policy, level: ParserLevel) -> bool {
    match level {
        ParserLevel::Claimed => false,
        // Nothing has been compared.
        ParserLevel::Tested => policy == Policy::Report,
        ParserLevel::Attested | ParserLevel::Reproduced => true,
    }
}

/// What a device's parser has found in a frame.
pub struct Parsed<'a> {
    /// How it stopped.
    pub verdict: ParseVerdict,
    /// As `struct bpf_flow_keys`.
    pub keys: [u8; KEYS],
    /// The fields of a graph that only a device has.
    pub fields: [u8; DEVICE_FIELDS],
    /// The nodes of its way: for each its number and the offset of its header, of two bytes each, little
    /// endian.
    pub steps: &'a [u8],
}

/// How the kernel has stopped, in the words of a device.
pub(crate) fn kernel_verdict(kernel: &Dissected) -> ParseVerdict {
    if kernel.is_okay {
        ParseVerdict::Okay
    } else {
        ParseVerdict::Fail
    }
}

/// What the kernel tells of what only a device's graph has fields for.
pub(crate) fn fields_of(kernel: &Dissected) -> [u8; DEVICE_FIELDS] {
    let mut fields = [0; DEVICE_FIELDS];
    for (at, bytes) in [
        (Field::VlanTpid, kernel.vlan),
        (Field::GreKey, kernel.gre_key),
    ] {
        let Carrier::Device(at) = at.carrier() else {
            continue;
        };
        // A tag's number lies behind its protocol in both.
        if let Some(place) = fields
            .get_mut(usize::from(at)..)
            .and_then(|from| from.first_chunk_mut())
        {
            *place = bytes;
        }
    }
    fields
}
