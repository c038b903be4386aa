// SPDX-License-Identifier: GPL-2.0

//! The interpreter: one `match` over the operations.

use core::ops::Deref;

use super::machine::{Machine, Returned, Stop};
use super::{alu, CallFrame, Services};
use crate::address;
use crate::fault::FaultCause;
use crate::insn::{atomic, FRAME_POINTER};
use crate::limits::STACK_FRAME;
use crate::map::Map;
use crate::memory::Memory;
use crate::op::{Code, Op};

/// r0 to r10, and five that no program can name, so that four bits always are a register.
type Registers = [u64; 16];

#[inline(always)]
fn get(registers: &Registers, number: u8) -> u64 {
    registers[usize::from(number & 15)]
}

#[inline(always)]
fn set(registers: &mut Registers, number: u8, value: u64) {
    registers[usize::from(number & 15)] = value;
}

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// Runs `ops` from the first one until the program returns or can't go on.
    pub(super) fn run(&mut self, ops: &[Op]) -> Result<Returned, Stop> {
        let mut registers: Registers = [0; 16];
        let r = &mut registers;
        set(r, 1, address::CONTEXT);
        set(
            r,
            FRAME_POINTER,
            address::STACK.wrapping_add(STACK_FRAME as u64),
        );
        let mut depth = 0_usize;
        let mut pc = 0_usize;

        macro_rules! stop {
            ($cause:expr, $address:expr) => {
                return Err(Stop {
                    op: pc,
                    cause: $cause,
                    address: $address,
                })
            };
        }

        loop {
            let Some(op) = ops.get(pc) else {
                stop!(FaultCause::InvalidOperation, 0)
            };

            // dst = f(a, b), dst = f(a, imm), dst = f(a).
            macro_rules! reg {
                ($f:path) => {
                    set(r, op.dst, $f(get(r, op.a), get(r, op.b)))
                };
            }
            macro_rules! imm {
                ($f:path) => {
                    set(r, op.dst, $f(get(r, op.a), op.imm))
                };
            }
            macro_rules! one {
                (|$a:ident| $value:expr) => {{
                    let $a = get(r, op.a);
                    set(r, op.dst, $value)
                }};
            }
            macro_rules! load {
                ($method:ident, $type:ty) => {
                    load!($method, $type, |value| value)
                };
                ($method:ident, $type:ty, |$value:ident| $extended:expr) => {{
                    let address = get(r, op.a).wrapping_add(op.offset());
                    match self.$method::<$type>(address) {
                        Ok($value) => set(r, op.dst, $extended),
                        Err(cause) => stop!(cause, address),
                    }
                }};
            }
            macro_rules! store {
                ($method:ident, $type:ty, $value:expr) => {{
                    let address = get(r, op.a).wrapping_add(op.offset());
                    if let Err(cause) = self.$method::<$type>(address, $value) {
                        stop!(cause, address);
                    }
                }};
            }
            macro_rules! jump {
                () => {{
                    let target = op.extra as usize;
                    if target <= pc {
                        // What lies between is done again.
                        let again = pc.wrapping_sub(target).wrapping_add(1) as u32;
                        match self.budget.checked_sub(again) {
                            Some(left) => self.budget = left,
                            None => stop!(FaultCause::BudgetSpent, 0),
                        }
                    }
                    pc = target;
                    continue;
                }};
            }
            macro_rules! jump_if {
                (|$a:ident, $b:ident| $cond:expr, Reg) => {{
                    let ($a, $b) = (get(r, op.a), get(r, op.b));
                    if $cond {
                        jump!();
                    }
                }};
                (|$a:ident, $b:ident| $cond:expr, Imm) => {{
                    let ($a, $b) = (get(r, op.a), op.imm);
                    if $cond {
                        jump!();
                    }
                }};
            }
            macro_rules! add_then_jump_if {
                (|$a:ident, $b:ident| $cond:expr) => {{
                    let $a = get(r, op.a).wrapping_add(op.imm);
                    set(r, op.dst, $a);
                    let $b = get(r, op.b);
                    if $cond {
                        jump!();
                    }
                }};
            }
            macro_rules! load_then_jump_if {
                ($type:ty, |$a:ident, $b:ident| $cond:expr) => {{
                    let address = get(r, op.a).wrapping_add((op.imm as i64 >> 32) as u64);
                    let $a = match self.load_frame::<$type>(address) {
                        Ok(value) => value,
                        Err(cause) => stop!(cause, address),
                    };
                    set(r, op.dst, $a);
                    let $b = u64::from(op.imm as u32);
                    if $cond {
                        jump!();
                    }
                }};
            }
            macro_rules! atomic {
                ($type:ty) => {{
                    let address = get(r, op.a).wrapping_add(op.offset());
                    if let Err(cause) = self.read_modify_write::<$type>(r, op, address) {
                        stop!(cause, address);
                    }
                }};
            }

            match op.code {
                Code::AddReg => reg!(alu::add),
                Code::AddImm => imm!(alu::add),
                Code::Add32Reg => reg!(alu::add32),
                Code::Add32Imm => imm!(alu::add32),
                Code::SubReg => reg!(alu::sub),
                Code::SubImm => imm!(alu::sub),
                Code::Sub32Reg => reg!(alu::sub32),
                Code::Sub32Imm => imm!(alu::sub32),
                Code::MulReg => reg!(alu::mul),
                Code::MulImm => imm!(alu::mul),
                Code::Mul32Reg => reg!(alu::mul32),
                Code::Mul32Imm => imm!(alu::mul32),
                Code::DivReg => reg!(alu::div),
                Code::DivImm => imm!(alu::div),
                Code::Div32Reg => reg!(alu::div32),
                Code::Div32Imm => imm!(alu::div32),
                Code::SdivReg => reg!(alu::sdiv),
                Code::SdivImm => imm!(alu::sdiv),
                Code::Sdiv32Reg => reg!(alu::sdiv32),
                Code::Sdiv32Imm => imm!(alu::sdiv32),
                Code::ModReg => reg!(alu::modulo),
                Code::ModImm => imm!(alu::modulo),
                Code::Mod32Reg => reg!(alu::modulo32),
                Code::Mod32Imm => imm!(alu::modulo32),
                Code::SmodReg => reg!(alu::smod),
                Code::SmodImm => imm!(alu::smod),
                Code::Smod32Reg => reg!(alu::smod32),
                Code::Smod32Imm => imm!(alu::smod32),
                Code::OrReg => reg!(alu::or),
                Code::OrImm => imm!(alu::or),
                Code::Or32Reg => reg!(alu::or32),
                Code::Or32Imm => imm!(alu::or32),
                Code::AndReg => reg!(alu::and),
                Code::AndImm => imm!(alu::and),
                Code::And32Reg => reg!(alu::and32),
                Code::And32Imm => imm!(alu::and32),
                Code::XorReg => reg!(alu::xor),
                Code::XorImm => imm!(alu::xor),
                Code::Xor32Reg => reg!(alu::xor32),
                Code::Xor32Imm => imm!(alu::xor32),
                Code::LshReg => reg!(alu::lsh),
                Code::LshImm => imm!(alu::lsh),
                Code::Lsh32Reg => reg!(alu::lsh32),
                Code::Lsh32Imm => imm!(alu::lsh32),
                Code::RshReg => reg!(alu::rsh),
                Code::RshImm => imm!(alu::rsh),
                Code::Rsh32Reg => reg!(alu::rsh32),
                Code::Rsh32Imm => imm!(alu::rsh32),
                Code::ArshReg => reg!(alu::arsh),
                Code::ArshImm => imm!(alu::arsh),
                Code::Arsh32Reg => reg!(alu::arsh32),
                Code::Arsh32Imm => imm!(alu::arsh32),

                Code::Mov => one!(|a| a),
                Code::Mov32 => one!(|a| u64::from(a as u32)),
                Code::MovSigned8 => one!(|a| a as i8 as u64),
                Code::MovSigned16 => one!(|a| a as i16 as u64),
                Code::MovSigned32 => one!(|a| a as i32 as u64),
                Code::Mov32Signed8 => one!(|a| u64::from(a as i8 as u32)),
                Code::Mov32Signed16 => one!(|a| u64::from(a as i16 as u32)),
                Code::Neg => one!(|a| a.wrapping_neg()),
                Code::Neg32 => one!(|a| u64::from((a as u32).wrapping_neg())),
                Code::Swap16 => one!(|a| u64::from((a as u16).swap_bytes())),
                Code::Swap32 => one!(|a| u64::from((a as u32).swap_bytes())),
                Code::Swap64 => one!(|a| a.swap_bytes()),
                Code::Zext16 => one!(|a| u64::from(a as u16)),
                Code::Const => set(r, op.dst, op.imm),
                Code::MapAddress => set(r, op.dst, address::of_map(op.imm as u16)),

                Code::Load8 => load!(load, u8),
                Code::Load16 => load!(load, u16),
                Code::Load32 => load!(load, u32),
                Code::Load64 => load!(load, u64),
                Code::LoadFrame8 => load!(load_frame, u8),
                Code::LoadFrame16 => load!(load_frame, u16),
                Code::LoadFrame32 => load!(load_frame, u32),
                Code::LoadFrame64 => load!(load_frame, u64),
                Code::LoadStack8 => load!(load_stack, u8),
                Code::LoadStack16 => load!(load_stack, u16),
                Code::LoadStack32 => load!(load_stack, u32),
                Code::LoadStack64 => load!(load_stack, u64),
                Code::LoadMap8 => load!(load_map, u8),
                Code::LoadMap16 => load!(load_map, u16),
                Code::LoadMap32 => load!(load_map, u32),
                Code::LoadMap64 => load!(load_map, u64),
                Code::LoadSigned8 => load!(load, u8, |value| value as i8 as u64),
                Code::LoadSigned16 => load!(load, u16, |value| value as i16 as u64),
                Code::LoadSigned32 => load!(load, u32, |value| value as i32 as u64),
                Code::LoadContext32 => {
                    let address = get(r, op.a).wrapping_add(op.offset());
                    let field = self.load_context(address.wrapping_sub(address::CONTEXT));
                    match field.or_else(|_| self.load::<u32>(address)) {
                        Ok(value) => set(r, op.dst, value),
                        Err(cause) => stop!(cause, address),
                    }
                }

                Code::Store8Reg => store!(store, u8, get(r, op.b)),
                Code::Store16Reg => store!(store, u16, get(r, op.b)),
                Code::Store32Reg => store!(store, u32, get(r, op.b)),
                Code::Store64Reg => store!(store, u64, get(r, op.b)),
                Code::Store8Imm => store!(store, u8, op.imm),
                Code::Store16Imm => store!(store, u16, op.imm),
                Code::Store32Imm => store!(store, u32, op.imm),
                Code::Store64Imm => store!(store, u64, op.imm),
                Code::StoreStack8Reg => store!(store_stack, u8, get(r, op.b)),
                Code::StoreStack16Reg => store!(store_stack, u16, get(r, op.b)),
                Code::StoreStack32Reg => store!(store_stack, u32, get(r, op.b)),
                Code::StoreStack64Reg => store!(store_stack, u64, get(r, op.b)),
                Code::StoreStack8Imm => store!(store_stack, u8, op.imm),
                Code::StoreStack16Imm => store!(store_stack, u16, op.imm),
                Code::StoreStack32Imm => store!(store_stack, u32, op.imm),
                Code::StoreStack64Imm => store!(store_stack, u64, op.imm),

                Code::Atomic32 => atomic!(u32),
                Code::Atomic64 => atomic!(u64),
                Code::LoadAcquire8 => load!(load_acquire, u8),
                Code::LoadAcquire16 => load!(load_acquire, u16),
                Code::LoadAcquire32 => load!(load_acquire, u32),
                Code::LoadAcquire64 => load!(load_acquire, u64),
                Code::StoreRelease8 => store!(store_release, u8, get(r, op.b)),
                Code::StoreRelease16 => store!(store_release, u16, get(r, op.b)),
                Code::StoreRelease32 => store!(store_release, u32, get(r, op.b)),
                Code::StoreRelease64 => store!(store_release, u64, get(r, op.b)),

                Code::Ja => jump!(),
                Code::JeqReg => jump_if!(|a, b| a == b, Reg),
                Code::JeqImm => jump_if!(|a, b| a == b, Imm),
                Code::Jeq32Reg => jump_if!(|a, b| (a as u32) == b as u32, Reg),
                Code::Jeq32Imm => jump_if!(|a, b| (a as u32) == b as u32, Imm),
                Code::JneReg => jump_if!(|a, b| a != b, Reg),
                Code::JneImm => jump_if!(|a, b| a != b, Imm),
                Code::Jne32Reg => jump_if!(|a, b| (a as u32) != b as u32, Reg),
                Code::Jne32Imm => jump_if!(|a, b| (a as u32) != b as u32, Imm),
                Code::JgtReg => jump_if!(|a, b| a > b, Reg),
                Code::JgtImm => jump_if!(|a, b| a > b, Imm),
                Code::Jgt32Reg => jump_if!(|a, b| (a as u32) > b as u32, Reg),
                Code::Jgt32Imm => jump_if!(|a, b| (a as u32) > b as u32, Imm),
                Code::JgeReg => jump_if!(|a, b| a >= b, Reg),
                Code::JgeImm => jump_if!(|a, b| a >= b, Imm),
                Code::Jge32Reg => jump_if!(|a, b| (a as u32) >= b as u32, Reg),
                Code::Jge32Imm => jump_if!(|a, b| (a as u32) >= b as u32, Imm),
                Code::JltReg => jump_if!(|a, b| a < b, Reg),
                Code::JltImm => jump_if!(|a, b| a < b, Imm),
                Code::Jlt32Reg => jump_if!(|a, b| (a as u32) < b as u32, Reg),
                Code::Jlt32Imm => jump_if!(|a, b| (a as u32) < b as u32, Imm),
                Code::JleReg => jump_if!(|a, b| a <= b, Reg),
                Code::JleImm => jump_if!(|a, b| a <= b, Imm),
                Code::Jle32Reg => jump_if!(|a, b| (a as u32) <= b as u32, Reg),
                Code::Jle32Imm => jump_if!(|a, b| (a as u32) <= b as u32, Imm),
                Code::JsetReg => jump_if!(|a, b| a & b != 0, Reg),
                Code::JsetImm => jump_if!(|a, b| a & b != 0, Imm),
                Code::Jset32Reg => jump_if!(|a, b| (a as u32) & b as u32 != 0, Reg),
                Code::Jset32Imm => jump_if!(|a, b| (a as u32) & b as u32 != 0, Imm),
                Code::JsgtReg => jump_if!(|a, b| (a as i64) > b as i64, Reg),
                Code::JsgtImm => jump_if!(|a, b| (a as i64) > b as i64, Imm),
                Code::Jsgt32Reg => jump_if!(|a, b| (a as i32) > b as i32, Reg),
                Code::Jsgt32Imm => jump_if!(|a, b| (a as i32) > b as i32, Imm),
                Code::JsgeReg => jump_if!(|a, b| (a as i64) >= b as i64, Reg),
                Code::JsgeImm => jump_if!(|a, b| (a as i64) >= b as i64, Imm),
                Code::Jsge32Reg => jump_if!(|a, b| (a as i32) >= b as i32, Reg),
                Code::Jsge32Imm => jump_if!(|a, b| (a as i32) >= b as i32, Imm),
                Code::JsltReg => jump_if!(|a, b| (a as i64) < b as i64, Reg),
                Code::JsltImm => jump_if!(|a, b| (a as i64) < b as i64, Imm),
                Code::Jslt32Reg => jump_if!(|a, b| (a as i32) < b as i32, Reg),
                Code::Jslt32Imm => jump_if!(|a, b| (a as i32) < b as i32, Imm),
                Code::JsleReg => jump_if!(|a, b| (a as i64) <= b as i64, Reg),
                Code::JsleImm => jump_if!(|a, b| (a as i64) <= b as i64, Imm),
                Code::Jsle32Reg => jump_if!(|a, b| (a as i32) <= b as i32, Reg),
                Code::Jsle32Imm => jump_if!(|a, b| (a as i32) <= b as i32, Imm),

                Code::AddJgt => add_then_jump_if!(|a, b| a > b),
                Code::AddJge => add_then_jump_if!(|a, b| a >= b),
                Code::AddJlt => add_then_jump_if!(|a, b| a < b),
                Code::AddJle => add_then_jump_if!(|a, b| a <= b),
                Code::LoadFrame8Jeq => load_then_jump_if!(u8, |a, b| a == b),
                Code::LoadFrame16Jeq => load_then_jump_if!(u16, |a, b| a == b),
                Code::LoadFrame32Jeq => load_then_jump_if!(u32, |a, b| a == b),
                Code::LoadFrame8Jne => load_then_jump_if!(u8, |a, b| a != b),
                Code::LoadFrame16Jne => load_then_jump_if!(u16, |a, b| a != b),
                Code::LoadFrame32Jne => load_then_jump_if!(u32, |a, b| a != b),

                Code::CallLocal => {
                    let cost = (op.imm as u32).saturating_add(1);
                    let Some(left) = self.budget.checked_sub(cost) else {
                        stop!(FaultCause::BudgetSpent, 0)
                    };
                    self.budget = left;
                    let Some(frame) = self.calls.get_mut(depth.wrapping_add(1)) else {
                        stop!(FaultCause::CallDepth, 0)
                    };
                    let saved = [get(r, 6), get(r, 7), get(r, 8), get(r, 9)];
                    *frame = CallFrame {
                        return_to: pc.wrapping_add(1) as u32,
                        saved,
                    };
                    depth = depth.wrapping_add(1);
                    let stack_top = get(r, FRAME_POINTER).wrapping_add(STACK_FRAME as u64);
                    set(r, FRAME_POINTER, stack_top);
                    pc = op.extra as usize;
                    continue;
                }
                Code::CallHelper => {
                    let arguments = [get(r, 1), get(r, 2), get(r, 3), get(r, 4), get(r, 5)];
                    match self.call_helper(op.imm, arguments) {
                        Ok(value) => set(r, 0, value),
                        Err((cause, address)) => stop!(cause, address),
                    }
                }
                Code::Exit => {
                    if depth == 0 {
                        return Ok(Returned {
                            op: pc,
                            value: get(r, 0),
                        });
                    }
                    let Some(frame) = self.calls.get(depth) else {
                        stop!(FaultCause::CallDepth, 0)
                    };
                    for (number, value) in (6..).zip(frame.saved) {
                        set(r, number, value);
                    }
                    depth = depth.wrapping_sub(1);
                    let stack_top = get(r, FRAME_POINTER).wrapping_sub(STACK_FRAME as u64);
                    set(r, FRAME_POINTER, stack_top);
                    pc = frame.return_to as usize;
                    continue;
                }
            }
            pc = pc.wrapping_add(1);
        }
    }

    /// An atomic operation; the old value goes to where the operation says.
    fn read_modify_write<N: super::machine::Number>(
        &mut self,
        r: &mut Registers,
        op: &Op,
        address: u64,
    ) -> Result<(), FaultCause> {
        let operation = op.imm as i32;
        let operand = get(r, op.b);
        if operation == atomic::CMPXCHG {
            let mask = u64::MAX >> 64_u32.wrapping_sub(8 * N::BYTES as u32);
            let expected = get(r, 0) & mask;
            let old =
                self.atomic::<N>(address, |old| if old == expected { operand } else { old })?;
            set(r, 0, old);
            return Ok(());
        }
        let old = match operation & !atomic::FETCH {
            atomic::ADD => self.atomic::<N>(address, |old| old.wrapping_add(operand))?,
            atomic::OR => self.atomic::<N>(address, |old| old | operand)?,
            atomic::AND => self.atomic::<N>(address, |old| old & operand)?,
            atomic::XOR => self.atomic::<N>(address, |old| old ^ operand)?,
            _ if operation == atomic::XCHG => self.atomic::<N>(address, |_| operand)?,
            _ => return Err(FaultCause::InvalidOperation),
        };
        if operation & atomic::FETCH != 0 {
            set(r, op.b, old);
        }
        Ok(())
    }
}
