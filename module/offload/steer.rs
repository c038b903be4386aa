// SPDX-License-Identifier: GPL-2.0

//! What a device says of the way of a frame that arrives.

use offload_uapi::netlink::{
    FlowType,
    HashLevel,
    SteerReason,
    Symmetry, //
};

/// How a device steers a frame.
#[derive(Clone, Copy, Debug)]
pub struct Steered {
    /// Why it goes where it goes.
    pub reason: SteerReason,
    /// The receive queue; `None` if it is dropped.
    pub queue: Option<u32>,
    /// Location of the rule that it fits, or the priority of the entry of a raw table.
    pub rule: Option<u32>,
    /// Number of the raw table that has the entry.
    pub table: Option<u16>,
    /// Number of the RSS context by which it was hashed, or dropped for its type.
    pub context: u32,
    /// Index in the context's indirection table, if that has named the queue, and the table's length.
    pub entry: Option<(u32, u32)>,
    /// What kind of frame it is; `None` if the device has not looked.
    pub flow: Option<FlowType>,
    /// Its hash, if it has anything that is hashed.
    pub hash: Option<Hashed>,
    /// Whether a program of the device sees it next.
    pub programmed: bool,
}

/// The hash of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Hashed {
    /// The number.
    pub value: u32,
    /// What it tells apart.
    pub level: HashLevel,
    /// What of the frame is hashed: `RXH_*` of `linux/ethtool.h`.
    pub fields: u32,
    /// What was done to the fields.
    pub symmetry: Symmetry,
}
