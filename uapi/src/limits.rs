// SPDX-License-Identifier: GPL-2.0

//! What a NIC has and how far it goes.

/// Smallest MTU in bytes: what every IPv4 link must carry (RFC 791, section 3.2).
pub const MIN_MTU: u32 = 68;
/// Largest MTU in bytes.
pub const MAX_MTU: u32 = 9_216;
/// Largest value of the module parameter `nics`.
pub const MAX_NICS: u32 = 64;
/// Largest value of the module parameter `ports`.
pub const MAX_PORTS: u32 = 64;
/// Largest value of the module parameter `queues`.
pub const MAX_QUEUES: u32 = 128;
/// Smallest size of a ring, in frames.
pub const MIN_RING: u32 = 64;
/// Largest size of a ring, in frames.
pub const MAX_RING: u32 = 8_192;
/// Size of a ring unless `ethtool -G` says otherwise, in frames.
pub const DEFAULT_RING: u32 = 512;
/// Largest `hds-thresh`, in bytes: the longest frame, with two VLAN tags.
pub const MAX_HDS_THRESHOLD: u32 = MAX_MTU + 14 + 2 * 4;
/// For how long an interrupt may wait for other frames, in microseconds.
pub const MAX_COALESCED_USECS: u32 = 65_535;
/// For how many frames an interrupt may wait.
pub const MAX_COALESCED_FRAMES: u32 = MAX_RING;
/// Fewest entries of an indirection table.
pub const MIN_INDIRECTION: u32 = 64;
/// Most entries of an indirection table. It has at least four for each queue in use.
pub const MAX_INDIRECTION: u32 = 4 * MAX_QUEUES;
/// Configurations of receive-side scaling that a port may have beside the main one.
pub const MAX_CONTEXTS: u32 = 64;
/// Locations of a port's rules of receive flow classification.
pub const MAX_RULES: u32 = 16_384;
/// Raw tables of a port.
pub const MAX_RAW_TABLES: u32 = 16;
/// Bytes of the name of a raw table.
pub const MAX_RAW_NAME: u32 = 31;
/// Fields of the key of a raw table.
pub const MAX_RAW_FIELDS: u32 = 8;
/// Bytes of the key of a raw table.
pub const MAX_RAW_KEY: u32 = 64;
/// Largest number of the occurrence of a node that a field of a raw table looks at.
pub const MAX_RAW_OCCURRENCE: u32 = 16;
/// Bytes at the beginning of a frame in which raw tables look for their fields.
pub const RAW_BYTES: u32 = 256;
/// Rules in all raw tables of a port.
pub const MAX_RAW_RULES: u32 = 16_384;
/// Largest offset of the two bytes of a payload that a rule looks at (`user-def`), in bytes.
pub const MAX_PAYLOAD_OFFSET: u8 = 62;
/// Addresses of each kind, unicast and multicast, that the filter of a port has beside the port's own.
/// While there are more, the port takes all frames of that kind.
pub const MAX_FILTER_ADDRESSES: u32 = 1_024;
/// Memory of a NIC for programs and maps, in bytes.
pub const DEVICE_MEMORY: u64 = 256 << 20;
