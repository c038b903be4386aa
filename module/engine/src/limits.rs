// SPDX-License-Identifier: GPL-2.0

//! What one device can hold and do. The driver may make a device smaller; every refusal names the
//! limit.

/// Instruction slots of one program in the program store.
pub const MAX_INSNS: usize = 65_536;
/// Operations of one device image.
pub const MAX_OPS: usize = 65_536;
/// Stack of one function, in bytes, as eBPF fixes it.
pub const STACK_FRAME: usize = 512;
/// Functions that may be active at once, the program itself included.
pub const MAX_CALL_DEPTH: usize = 8;
/// Functions of one program, the program itself included.
pub const MAX_FUNCTIONS: usize = 256;
/// Maps that one program can name.
pub const MAX_MAPS_PER_PROGRAM: usize = 64;
/// Entries of one map.
pub const MAX_MAP_ENTRIES: u32 = 1 << 20;
/// Bytes of a key.
pub const MAX_KEY_SIZE: u32 = 512;
/// Bytes of a value.
pub const MAX_VALUE_SIZE: u32 = 65_536;
/// Bytes of one map with all that the device keeps about it.
pub const MAX_MAP_BYTES: u64 = 1 << 30;
/// Memory of a device of full size, in bytes: for programs, maps, and the stacks that programs run on.
pub const DEVICE_MEMORY: u64 = 256 << 20;
/// Rules of receive steering of a device of full size: 16,384 for each of 64 ports.
pub const MAX_RULES: u64 = 1 << 20;
/// Raw tables of receive steering of a device of full size: 16 for each of 64 ports.
pub const MAX_RAW_TABLES: u64 = 1 << 10;
/// RSS contexts of a device of full size, beside the main ones of its ports: 64 for each of 64.
pub const MAX_CONTEXTS: u64 = 1 << 12;
/// Entries of the indirection tables of a device of full size: 512 for each context and each port.
pub const MAX_TABLE_ENTRIES: u64 = 512 * (MAX_CONTEXTS + 64);
/// Flows that the hosts of a device of full size steer by themselves: 4,096 for each of 64 ports.
pub const MAX_STEERED_FLOWS: u64 = 1 << 18;
/// Flows of which a receive queue lets frames wait to be put together with others. The kernel's GRO has places
/// for 64; its test of hardware GRO wants eight times as many.
pub const MAX_GRO_FLOWS: u64 = 512;
/// Instructions that a program may do again for one frame. Straight-line code is bounded by its
/// length, so only backward jumps and calls are charged: a jump with the instructions that it
/// leads back over, a call with those from the function's first one to the one that returns.
pub const INSN_BUDGET: u32 = 1 << 22;
/// Bytes in front of a frame that a program may claim with `bpf_xdp_adjust_head`, less
/// [`RESERVED_HEADROOM`].
pub const XDP_PACKET_HEADROOM: usize = 256;
/// Bytes at the start of the headroom that stay out of reach: where native XDP keeps its `struct
/// xdp_frame` on 64-bit hosts. The device reserves the same so that `bpf_xdp_adjust_head` fails at
/// the same offsets.
pub const RESERVED_HEADROOM: usize = 40;

/// Longest frame that a classifier's helpers make, in bytes: `BPF_SKB_MAX_LEN` of a 64-bit host with
/// pages of 4 KiB. Software moves a frame to a larger buffer when it needs one; the device has the
/// buffer that the driver lends, which should be as long as this for programs whose image
/// [grows frames](crate::image::Image::grows_frame).
pub const MAX_SKB_LEN: usize = 16_064;

/// The limits of one device; [`Limits::default`] gives the constants of this module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// See [`MAX_INSNS`].
    pub max_insns: usize,
    /// See [`MAX_OPS`].
    pub max_ops: usize,
    /// See [`MAX_CALL_DEPTH`]; larger values count as that.
    pub max_call_depth: usize,
    /// See [`MAX_MAPS_PER_PROGRAM`].
    pub max_maps_per_program: usize,
    /// See [`MAX_MAP_ENTRIES`].
    pub max_map_entries: u32,
    /// See [`MAX_KEY_SIZE`]; larger values count as that.
    pub max_key_size: u32,
    /// See [`MAX_VALUE_SIZE`].
    pub max_value_size: u32,
    /// See [`MAX_MAP_BYTES`].
    pub max_map_bytes: u64,
    /// See [`INSN_BUDGET`].
    pub insn_budget: u32,
}

impl Limits {
    /// The limits of a device of full size.
    pub const FULL: Self = Self {
        max_insns: MAX_INSNS,
        max_ops: MAX_OPS,
        max_call_depth: MAX_CALL_DEPTH,
        max_maps_per_program: MAX_MAPS_PER_PROGRAM,
        max_map_entries: MAX_MAP_ENTRIES,
        max_key_size: MAX_KEY_SIZE,
        max_value_size: MAX_VALUE_SIZE,
        max_map_bytes: MAX_MAP_BYTES,
        insn_budget: INSN_BUDGET,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::FULL
    }
}
