// SPDX-License-Identifier: GPL-2.0

//! What a device says of its parser, and of what that makes of a frame.

use net::flow_dissector::KEYS;
pub use offload_uapi::netlink::ParseVerdict;
use offload_uapi::netlink::DEVICE_FIELDS;

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
