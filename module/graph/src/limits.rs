// SPDX-License-Identifier: GPL-2.0

//! How large a graph may be.

/// Nodes.
pub const NODES: usize = 1024;
/// Entries of all tables together.
pub const ENTRIES: usize = 16_384;
/// Records of each other kind.
pub const RECORDS: usize = 4096;
/// Headers that a parser may count: what the kernel's own dissector has is 15.
pub const HEADERS: u8 = 64;
/// Bytes of a header that a node may read: the stack of a flow dissector must have room for them.
pub const HEADER_BYTES: u16 = 128;
/// Bytes of a header, with options and optional fields: what two bytes and a multiplier can tell.
pub const HEADER_LENGTH: u32 = 4096;
/// Offset of a header. With the longest one behind it, it is below 64 KiB: what the kernel's keys can
/// tell, and what its verifier lets be added to a pointer into a frame.
pub const OFFSET: u16 = 0xe000;
/// Entries of a list of type, length and value that are looked at.
pub const TLVS: u8 = 64;
/// Bytes of the canonical form.
pub const BYTES: usize = 256 * 1024;
