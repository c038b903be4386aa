// SPDX-License-Identifier: GPL-2.0

//! Every message of a refusal, as its user reads it: what was asked for, the rule, the limit and the
//! value where the rule has them, and what to do instead. That a refusal comes where it should is
//! shown in `refusals.rs`, `program.rs`, `tc_pipeline.rs` and by the maps' model.

use engine::errno::{E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP};
use engine::map::MapError;
use engine::refusal::{Refusal, Rule};
use engine::store::ProgramKind;

#[test]
fn refusals_of_programs() {
    let table = [
        (Rule::EmptyProgram, EINVAL, "the program has no instructions"),
        (
            Rule::TooManyInsns { asked: 70_000, limit: 65_536 },
            E2BIG,
            "program has 70000 instructions, the device stores at most 65536; unroll and inline less",
        ),
        (
            Rule::TooManyOps { asked: 70_001, limit: 65_536 },
            E2BIG,
            "program needs 70001 device operations, the device stores at most 65536; \
             unroll and inline less",
        ),
        (
            Rule::OutOfMemory { asked: 4_096 },
            ENOMEM,
            "no device memory for the program: 4096 bytes asked for; \
             free maps or programs of this device",
        ),
        (
            Rule::UnknownInsn { code: 0xff },
            EINVAL,
            "code 0xff is not an instruction of the device",
        ),
        (
            Rule::MalformedInsn { code: 0xb7, field: "registers are r0 to r10" },
            EINVAL,
            "code 0xb7: registers are r0 to r10",
        ),
        (
            Rule::KernelFunction { id: 77 },
            EOPNOTSUPP,
            "call of kernel function with BTF id 77: the device has helpers only, \
             no kernel functions",
        ),
        (
            Rule::TailCall,
            EOPNOTSUPP,
            "call bpf_tail_call#12: unknown func to this device: it has no program arrays; \
             use bpf-to-bpf calls",
        ),
        (
            Rule::IndirectCall,
            EOPNOTSUPP,
            "call through a register: the device calls helpers and functions of the program only",
        ),
        (
            Rule::ContextStore,
            EOPNOTSUPP,
            "store to the context: the device takes none but of 32 bits to rx_queue_index, \
             by which a program chooses the receive queue",
        ),
        (
            Rule::ContextField { name: "hash", offset: 68, reason: "why" },
            EOPNOTSUPP,
            "__sk_buff.hash (offset 68): why",
        ),
        (
            Rule::RedirectIngress,
            EOPNOTSUPP,
            "bpf_redirect#23 with BPF_F_INGRESS: the device can send a frame by a port, \
             it can't have one receive it; use flags 0",
        ),
        (
            Rule::RedirectFlags,
            EOPNOTSUPP,
            "bpf_redirect#23 with flags that are no constant: the device takes 0 only, \
             which must be known when the program is loaded",
        ),
        (
            Rule::IndirectJump,
            EOPNOTSUPP,
            "jump through a register: the device has no jump tables",
        ),
        (
            Rule::PacketLoad,
            EOPNOTSUPP,
            "legacy packet load (LD_ABS, LD_IND): XDP programs read the packet through xdp_md.data",
        ),
        (
            Rule::PseudoImmediate { src: 2 },
            EOPNOTSUPP,
            "64-bit immediate with source register 2: address of a map value: global variables \
             are not offloaded, use a map and bpf_map_lookup_elem",
        ),
        (
            Rule::ForeignMap,
            EINVAL,
            "the map does not live in this device; create it with this device as map_ifindex",
        ),
        (
            Rule::TooManyMaps { asked: 65, limit: 64 },
            E2BIG,
            "map number 65 of the program, the device lets a program name at most 64; \
             put more into one map",
        ),
        (
            Rule::JumpTarget { target: -3, len: 2 },
            EINVAL,
            "jump to slot -3, where no instruction begins (the program has 2 slots)",
        ),
        (
            Rule::FallsOffEnd,
            EINVAL,
            "execution runs past the last instruction",
        ),
        (
            Rule::TooManyFunctions { limit: 256 },
            E2BIG,
            "program has more than 256 functions, which is what the device stores; inline some",
        ),
        (
            Rule::CallDepth { limit: 8 },
            E2BIG,
            "calls nest deeper than the device's 8 stack frames, or a function calls itself; \
             inline some",
        ),
        (
            Rule::Edit { off: 3, cnt: 2, len: 4 },
            EINVAL,
            "edit of 2 slots from slot 3: the stored program has 4",
        ),
    ];
    for (rule, errno, text) in table {
        assert_eq!(Refusal::program(rule).errno(), errno, "{text}");
        assert_eq!(Refusal::program(rule).to_string(), text);
        assert_eq!(
            Refusal::insn(9, rule).to_string(),
            format!("insn 9: {text}")
        );
    }
    let helper = |kind| Refusal::insn(4, Rule::UnknownHelper { id: 51, kind }).to_string();
    for kind in [ProgramKind::Xdp, ProgramKind::SchedCls] {
        let text = helper(kind);
        let start = "insn 4: call bpf_redirect_map#51: unknown func to this device (helpers: bpf_";
        assert!(text.starts_with(start) && text.ends_with(')'), "{text}");
    }
}

#[test]
fn refusals_of_maps() {
    for (error, errno, text) in [
        (MapError::NotFound, ENOENT, "no such element"),
        (MapError::Exists, EEXIST, "the element exists"),
        (
            MapError::Full { max_entries: 16 },
            E2BIG,
            "no room: the map has 16 elements",
        ),
        (
            MapError::DeleteFromArray,
            EINVAL,
            "elements of an array can't be deleted",
        ),
        (
            MapError::UpdateFlags { asked: 4 },
            EINVAL,
            "update flags 0x4: the device knows BPF_ANY, BPF_NOEXIST and BPF_EXIST",
        ),
        (
            MapError::Length {
                asked: 3,
                expected: 4,
            },
            EINVAL,
            "3 bytes given, the map's length is 4",
        ),
        (
            MapError::OutOfMemory { asked: 8_192 },
            ENOMEM,
            "no device memory for the map: 8192 bytes asked for; \
             free maps or programs of this device",
        ),
        (
            MapError::CreateFlags { asked: 1 },
            EINVAL,
            "map flags 0x1: the device takes no map flags",
        ),
        (
            MapError::Zero {
                field: "max_entries",
            },
            EINVAL,
            "max_entries is 0",
        ),
        (
            MapError::ArrayKeySize { asked: 8 },
            EINVAL,
            "array key_size is 8, must be 4",
        ),
        (
            MapError::Limit {
                field: "key_size",
                asked: 513,
                limit: 512,
            },
            E2BIG,
            "key_size is 513, the device takes at most 512",
        ),
    ] {
        assert_eq!(error.errno(), errno, "{text}");
        assert_eq!(error.to_string(), text);
    }
}
