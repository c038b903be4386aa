// SPDX-License-Identifier: GPL-2.0

//! The bytes that a program's digest is made of.
//!
//! They are those of its eBPF instructions as they are given to the kernel, with zeros for what
//! differs from load to load: the immediates of loads of maps. SHA-256 of them is `prog->digest` of
//! the kernel (`bpf_prog_calc_tag()`), of which the first 8 bytes are the tag that
//! `bpftool prog show` prints.

/// Bytes of an instruction slot, `struct bpf_insn`.
pub const INSN_SIZE: usize = 8;

/// `BPF_LD | BPF_IMM | BPF_DW`: the first slot of a 64-bit immediate.
const LD_IMM64: u8 = 0x18;
/// `BPF_PSEUDO_MAP_FD` and `BPF_PSEUDO_MAP_VALUE`: the immediate stands for a map, or for memory of
/// its value.
const PSEUDO_MAP: [u8; 2] = [1, 2];

/// The byte order of the machine that runs a program.
///
/// The instructions in its memory depend on it, and so does the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl ByteOrder {
    /// That of the machine that this was compiled for.
    pub const NATIVE: Self = if cfg!(target_endian = "little") {
        Self::Little
    } else {
        Self::Big
    };
}

/// Makes instructions canonical, one slot after the other.
#[derive(Clone, Debug)]
pub struct Canonical {
    order: ByteOrder,
    in_map_load: bool,
}

impl Canonical {
    /// Before the first slot of a program for machines of that byte order.
    pub const fn new(order: ByteOrder) -> Self {
        Self {
            order,
            in_map_load: false,
        }
    }

    /// The canonical bytes of the next slot, which is given as it lies in memory.
    ///
    /// What a load of a map has for immediates does not matter: a descriptor, an address or anything
    /// else.
    pub fn slot(&mut self, slot: [u8; INSN_SIZE]) -> [u8; INSN_SIZE] {
        let [code, registers, off0, off1, ..] = slot;
        // The bit field `src_reg` comes second: in the high half if the lowest bit comes first.
        let source = match self.order {
            ByteOrder::Little => registers >> 4,
            ByteOrder::Big => registers & 0x0f,
        };
        let second = self.in_map_load && [code, registers, off0, off1] == [0; 4];
        let first = !self.in_map_load && code == LD_IMM64 && PSEUDO_MAP.contains(&source);
        self.in_map_load = first;
        if first || second {
            [code, registers, off0, off1, 0, 0, 0, 0]
        } else {
            slot
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots as they come out.
    fn canonical<const N: usize>(order: ByteOrder, slots: [[u8; 8]; N]) -> [[u8; 8]; N] {
        let mut canonical = Canonical::new(order);
        slots.map(|slot| canonical.slot(slot))
    }

    const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];
    const SECOND: [u8; 8] = [0, 0, 0, 0, 9, 9, 9, 9];
    const ZEROS: [u8; 8] = [0; 8];

    #[test]
    fn immediates_of_maps_are_zeros() {
        for source in [1, 2] {
            let registers = (source << 4) | 1;
            let load = [LD_IMM64, registers, 0, 0, 1, 2, 3, 4];
            let zeroed = [LD_IMM64, registers, 0, 0, 0, 0, 0, 0];
            assert_eq!(
                canonical(ByteOrder::Little, [load, SECOND, load, SECOND, EXIT]),
                [zeroed, ZEROS, zeroed, ZEROS, EXIT]
            );
        }
    }

    #[test]
    fn the_halves_of_the_registers_follow_the_byte_order() {
        let load = [LD_IMM64, 0x21, 0, 0, 1, 2, 3, 4];
        let zeroed = [LD_IMM64, 0x21, 0, 0, 0, 0, 0, 0];
        assert_eq!(canonical(ByteOrder::Big, [load, SECOND]), [zeroed, ZEROS]);
        let other = [LD_IMM64, 0x14, 0, 0, 1, 2, 3, 4];
        assert_eq!(canonical(ByteOrder::Big, [other, SECOND]), [other, SECOND]);
    }

    #[test]
    fn other_immediates_stay() {
        let number = [LD_IMM64, 0x01, 0, 0, 1, 2, 3, 4];
        let function = [LD_IMM64, 0x41, 0, 0, 1, 2, 3, 4];
        let call = [0x85, 0x10, 0, 0, 7, 0, 0, 0];
        let all = [number, SECOND, function, SECOND, call, SECOND, EXIT];
        assert_eq!(canonical(ByteOrder::Little, all), all);
    }

    #[test]
    fn a_second_slot_is_one_only_if_it_is_empty() {
        let load = [LD_IMM64, 0x11, 0, 0, 1, 2, 3, 4];
        let zeroed = [LD_IMM64, 0x11, 0, 0, 0, 0, 0, 0];
        let odd = [0, 0x01, 0, 0, 9, 9, 9, 9];
        // The kernel does not look for a load in the slot behind one, whatever is there.
        assert_eq!(
            canonical(ByteOrder::Little, [load, odd, load, load, load, SECOND]),
            [zeroed, odd, zeroed, load, zeroed, ZEROS]
        );
    }
}
