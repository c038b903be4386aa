// SPDX-License-Identifier: GPL-2.0

//! The programs, read from what `llvm-objdump` printed of them.

use engine::insn::{pseudo, Insn};

/// One program as `programs/listings.sh` left it.
pub(crate) struct Listing {
    pub(crate) name: &'static str,
    pub(crate) insns: Vec<Insn>,
}

macro_rules! listings {
    ($($name:literal)*) => {
        /// All programs, in the order of the report.
        pub(crate) fn all() -> Vec<Listing> {
            vec![$(Listing {
                name: $name,
                insns: read(include_str!(concat!("../../programs/", $name, ".lst"))),
            }),*]
        }
    };
}

listings! {
    "drop" "parse" "lookup" "checksum" "balancer" "counter" "straight" "loops"
    "router" "keyed_hash" "options" "extensions"
}

/// The instructions of a listing. Each program has at most one map, number 0.
fn read(text: &str) -> Vec<Insn> {
    let mut insns: Vec<Insn> = Vec::new();
    for line in text.lines() {
        if line.contains("R_BPF_64_64") {
            let second = insns.len() - 2;
            let map = &mut insns[second];
            *map = Insn::new(map.code, map.dst(), pseudo::MAP_FD, 0, 0);
            continue;
        }
        let Some(bytes) = line.split('\t').nth(1).and_then(hex_bytes) else {
            continue;
        };
        for insn in bytes.chunks(8) {
            let insn = insn.try_into().expect("instructions of eight bytes");
            insns.push(Insn::from_le_bytes(insn));
        }
    }
    insns
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let byte = |digits| u8::from_str_radix(digits, 16).ok();
    text.split_whitespace().map(byte).collect()
}
