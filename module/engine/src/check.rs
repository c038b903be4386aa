// SPDX-License-Identifier: GPL-2.0

//! Which instructions the device has: one instruction at a time, without the rest of the program.

use crate::helper::{Helper, BPF_F_INGRESS};
use crate::insn::{alu, atomic, class, jump, mode, pseudo, size, Insn, FRAME_POINTER, SRC_REG};
use crate::program::{ProgramKind, RegisterFacts, RegisterKind};
use crate::refusal::Rule;
use crate::skb;

const BPF_TAIL_CALL: i32 = 12;

/// Offset of `rx_queue_index` in `struct xdp_md`: the one field that a program may write.
const XDP_MD_RX_QUEUE_INDEX: i64 = 16;

/// Checks that the device can execute `insn` in a program of type `kind`.
///
/// # Errors
///
/// The rule that refuses it.
pub(crate) fn check(kind: ProgramKind, insn: Insn) -> Result<(), Rule> {
    let code = insn.code;
    let field = |field| Err(Rule::MalformedInsn { code, field });
    if insn.dst() > FRAME_POINTER || insn.src() > FRAME_POINTER {
        return field("registers are r0 to r10");
    }
    match insn.class() {
        class::ALU | class::ALU64 => check_alu(insn)?,
        class::JMP | class::JMP32 => check_jump(kind, insn)?,
        class::LD => check_ld(kind, insn)?,
        class::LDX => match insn.mode() {
            mode::MEM => {}
            mode::MEMSX if code & size::DW != size::DW => {}
            _ => return Err(Rule::UnknownInsn { code }),
        },
        class::ST if insn.mode() != mode::MEM => return Err(Rule::UnknownInsn { code }),
        class::STX => match insn.mode() {
            mode::MEM => {}
            mode::ATOMIC => check_atomic(insn)?,
            _ => return Err(Rule::UnknownInsn { code }),
        },
        _ => {}
    }
    let writes_dst = matches!(
        insn.class(),
        class::ALU | class::ALU64 | class::LDX | class::LD
    );
    if writes_dst && insn.dst() == FRAME_POINTER {
        return field("the frame pointer r10 is read-only");
    }
    Ok(())
}

/// Checks what the device can't do with `insn` because of what the verifier knows about the
/// registers.
///
/// # Errors
///
/// The rule that refuses it.
pub(crate) fn check_registers(
    kind: ProgramKind,
    insn: Insn,
    regs: &dyn RegisterFacts,
) -> Result<(), Rule> {
    let in_context = insn
        .base_register()
        .filter(|base| regs.kind(*base) == RegisterKind::Ctx);
    if let Some(base) = in_context {
        let is_store = matches!(insn.class(), class::ST | class::STX);
        let at = i64::from(insn.off).saturating_add(regs.offset(base).into());
        let chooses_queue = at == XDP_MD_RX_QUEUE_INDEX
            && insn.mode() == mode::MEM
            && insn.code & size::DW == size::W;
        return match kind {
            ProgramKind::Xdp if is_store && !chooses_queue => Err(Rule::ContextStore),
            ProgramKind::Xdp => Ok(()),
            ProgramKind::SchedCls => skb::check_access(insn, at),
        };
    }
    let is_redirect = insn.code == class::JMP | jump::CALL
        && insn.src() == 0
        && insn.imm == Helper::Redirect as i32;
    if !is_redirect || kind != ProgramKind::SchedCls {
        return Ok(());
    }
    match regs.kind(2) {
        RegisterKind::Scalar {
            constant: Some(BPF_F_INGRESS),
        } => Err(Rule::RedirectIngress),
        // Flags that the kernel does not know either make it give TC_ACT_SHOT.
        RegisterKind::Scalar { constant: Some(_) } => Ok(()),
        _ => Err(Rule::RedirectFlags),
    }
}

fn check_alu(insn: Insn) -> Result<(), Rule> {
    let code = insn.code;
    let field = |field| Err(Rule::MalformedInsn { code, field });
    let is_reg = code & SRC_REG != 0;
    let is_64 = insn.class() == class::ALU64;
    match insn.operation() {
        alu::ADD
        | alu::SUB
        | alu::MUL
        | alu::OR
        | alu::AND
        | alu::LSH
        | alu::RSH
        | alu::XOR
        | alu::ARSH
            if insn.off != 0 =>
        {
            field("the offset of this operation must be 0")
        }
        alu::DIV | alu::MOD if insn.off != 0 && insn.off != 1 => {
            field("the offset of a division must be 0 (unsigned) or 1 (signed)")
        }
        alu::NEG if is_reg || insn.off != 0 => field("negation has neither source nor offset"),
        alu::MOV if is_reg => match insn.off {
            0 | 8 | 16 => Ok(()),
            32 if is_64 => Ok(()),
            _ => field("the offset of a move must be 0, 8, 16, or 32 (64-bit only)"),
        },
        alu::MOV if insn.off != 0 => field("the offset of a move of an immediate must be 0"),
        alu::END if insn.off != 0 => field("the offset of a byte swap must be 0"),
        alu::END if is_64 && is_reg => Err(Rule::UnknownInsn { code }),
        alu::END if !matches!(insn.imm, 16 | 32 | 64) => {
            field("a byte swap has width 16, 32 or 64")
        }
        0xe0 | 0xf0 => Err(Rule::UnknownInsn { code }),
        _ => Ok(()),
    }
}

fn check_jump(kind: ProgramKind, insn: Insn) -> Result<(), Rule> {
    let code = insn.code;
    let is_32 = insn.class() == class::JMP32;
    let is_reg = code & SRC_REG != 0;
    match insn.operation() {
        jump::JA if is_reg => Err(if is_32 {
            Rule::UnknownInsn { code }
        } else {
            Rule::IndirectJump
        }),
        jump::CALL if is_32 => Err(Rule::UnknownInsn { code }),
        jump::CALL if is_reg => Err(Rule::IndirectCall),
        jump::CALL => check_call(kind, insn),
        jump::EXIT if is_32 || is_reg => Err(Rule::UnknownInsn { code }),
        0xe0 | 0xf0 => Err(Rule::UnknownInsn { code }),
        _ => Ok(()),
    }
}

fn check_call(kind: ProgramKind, insn: Insn) -> Result<(), Rule> {
    match insn.src() {
        pseudo::CALL => Ok(()),
        pseudo::KFUNC_CALL => Err(Rule::KernelFunction { id: insn.imm }),
        0 if insn.imm == BPF_TAIL_CALL => Err(Rule::TailCall),
        0 if Helper::for_kind(insn.imm, kind).is_some() => Ok(()),
        0 => Err(Rule::UnknownHelper { id: insn.imm, kind }),
        _ => Err(Rule::MalformedInsn {
            code: insn.code,
            field: "the source of a call must be 0 (helper) or 1 (function of the program)",
        }),
    }
}

fn check_ld(kind: ProgramKind, insn: Insn) -> Result<(), Rule> {
    let code = insn.code;
    match insn.mode() {
        mode::IMM if insn.is_ld_imm64() => match insn.src() {
            0 | pseudo::MAP_FD | pseudo::MAP_IDX => Ok(()),
            src => Err(Rule::PseudoImmediate { src }),
        },
        mode::ABS | mode::IND if code & size::DW == size::DW => Err(Rule::UnknownInsn { code }),
        mode::ABS | mode::IND if kind == ProgramKind::Xdp => Err(Rule::PacketLoad),
        mode::ABS | mode::IND => {
            let source = insn.mode() == mode::IND || insn.src() == 0;
            if insn.dst() == 0 && insn.off == 0 && source {
                Ok(())
            } else {
                Err(Rule::MalformedInsn {
                    code,
                    field: "a packet load has neither destination nor offset, \
                            an absolute one no source",
                })
            }
        }
        _ => Err(Rule::UnknownInsn { code }),
    }
}

fn check_atomic(insn: Insn) -> Result<(), Rule> {
    let code = insn.code;
    let is_wide = matches!(code & size::DW, size::W | size::DW);
    match insn.imm {
        atomic::LOAD_ACQUIRE | atomic::STORE_RELEASE => Ok(()),
        _ if !is_wide => Err(Rule::UnknownInsn { code }),
        atomic::XCHG | atomic::CMPXCHG => Ok(()),
        other
            if matches!(
                other & !atomic::FETCH,
                atomic::ADD | atomic::OR | atomic::AND | atomic::XOR
            ) =>
        {
            Ok(())
        }
        _ => Err(Rule::MalformedInsn {
            code,
            field: "unknown atomic operation",
        }),
    }
}
