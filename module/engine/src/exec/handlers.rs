// SPDX-License-Identifier: GPL-2.0

//! What each operation does.

use core::marker::PhantomData;
use core::ops::Deref;

use super::alu;
use super::flow::Flow;
use super::machine::{Handler, Machine, Number};
use super::services::Services;
use crate::address;
use crate::hash_step::HashStep;
use crate::map::Map;
use crate::memory::Memory;
use crate::op::{Code, Op, Register};

/// The registers with the arguments of a helper.
const ARGUMENTS: [Register; 5] = [
    Register::R1,
    Register::R2,
    Register::R3,
    Register::R4,
    Register::R5,
];

/// The functions of all operations, for one kind of surroundings.
pub(super) struct Table<M, R, S>(PhantomData<(M, R, S)>);

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Table<M, R, S> {
    /// Indexed by operation.
    pub(super) const HANDLERS: [Handler<R, S>; Code::ALL.len()] = {
        let mut handlers = [Self::handler(Code::Exit); Code::ALL.len()];
        let mut number = 0;
        while number < handlers.len() {
            handlers[number] = Self::handler(Code::ALL[number]);
            number += 1;
        }
        handlers
    };

    const fn handler(code: Code) -> Handler<R, S> {
        match code {
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
            Code::LshOr => |machine, op, rest| {
                let shifted = alu::lsh(machine.get(op.a), op.imm);
                machine.set(op.dst, shifted | machine.get(op.b));
                machine.next(rest)
            },
            Code::LshOr32 => |machine, op, rest| {
                let shifted = alu::lsh32(machine.get(op.a), op.imm);
                machine.set(op.dst, alu::or32(shifted, machine.get(op.b)));
                machine.next(rest)
            },
            Code::LshAnd32 => |machine, op, rest| {
                let shifted = alu::lsh32(machine.get(op.a), u64::from(op.second()));
                machine.set(op.dst, alu::and32(shifted, op.constant()));
                machine.next(rest)
            },
            Code::RshLshOr32 => |machine, op, rest| {
                let right = alu::rsh32(machine.get(op.a), u64::from(op.second()));
                machine.set(op.b, right);
                let left = alu::lsh32(machine.get_by_bits(op.imm >> 16), op.imm & 31);
                machine.set(op.dst, left | right);
                machine.next(rest)
            },
            Code::XorSub32 => |machine, op, rest| {
                let xor = machine.get(op.a) ^ machine.get(op.b);
                machine.set(op.dst, alu::sub32(xor, machine.get_by_bits(op.imm >> 16)));
                machine.next(rest)
            },
            Code::XorAdd32Imm => |machine, op, rest| {
                let xor = machine.get(op.a) ^ machine.get(op.b);
                machine.set(op.dst, alu::add32(xor, op.imm));
                machine.next(rest)
            },
            Code::XorRshSub32 => |machine, op, rest| {
                let number = machine.get(op.b);
                let shifted = alu::rsh32(number, op.imm);
                let xor = machine.get(op.a) ^ number;
                machine.set(op.b, shifted);
                machine.set(op.dst, alu::sub32(xor, shifted));
                machine.next(rest)
            },
            Code::HashSteps => |machine, op, rest| {
                let mut number = machine.get(op.a) as u32;
                let mut steps = op.imm;
                let rotated = loop {
                    let rotated = number.rotate_left(HashStep::left(steps));
                    let minuend = machine.get_by_bits(HashStep::minuend_bits(steps)) as u32;
                    number = (minuend ^ number).wrapping_sub(rotated);
                    machine.set_by_bits(HashStep::dst_bits(steps), number.into());
                    steps >>= HashStep::BITS;
                    if steps == 0 {
                        break rotated;
                    }
                };
                machine.set(op.b, rotated.into());
                machine.next(rest)
            },
            Code::Const => |machine, op, rest| {
                machine.set(op.dst, op.imm);
                machine.next(rest)
            },
            Code::MapAddress => |machine, op, rest| {
                machine.set(op.dst, address::of_map(op.imm as u16));
                machine.next(rest)
            },

            Code::Load8 => load!(load, u8),
            Code::Load16 => load!(load, u16),
            Code::Load32 => load!(load, u32),
            Code::Load64 => load!(load, u64),
            Code::LoadFrame8 => quick_load!(load_frame, u8),
            Code::LoadFrame16 => quick_load!(load_frame, u16),
            Code::LoadFrame32 => quick_load!(load_frame, u32),
            Code::LoadFrame64 => quick_load!(load_frame, u64),
            Code::LoadStack8 => quick_load!(load_stack, u8),
            Code::LoadStack16 => quick_load!(load_stack, u16),
            Code::LoadStack32 => quick_load!(load_stack, u32),
            Code::LoadStack64 => quick_load!(load_stack, u64),
            Code::LoadMap8 => quick_load!(load_map, u8),
            Code::LoadMap16 => quick_load!(load_map, u16),
            Code::LoadMap32 => quick_load!(load_map, u32),
            Code::LoadMap64 => quick_load!(load_map, u64),
            Code::LoadSigned8 => load!(load, u8, |value| value as i8 as u64),
            Code::LoadSigned16 => load!(load, u16, |value| value as i16 as u64),
            Code::LoadSigned32 => load!(load, u32, |value| value as i32 as u64),

            Code::LoadFrame16Add => load_then_combine!(u16, |b, value| alu::add(b, value)),
            Code::LoadFrame32Add => load_then_combine!(u32, |b, value| alu::add(b, value)),
            Code::LoadFrame32Xor => load_then_combine!(u32, |b, value| alu::xor32(b, value)),
            Code::LoadFrame16LshOr32 => {
                load_then!(u16, machine, op, machine.address(op), |value, rest| {
                    let shifted = alu::lsh32(value, op.imm);
                    machine.set(op.dst, alu::or32(shifted, machine.get(op.b)));
                    machine.next(rest)
                })
            }
            Code::Gather16 => gather!(u16),
            Code::Gather32 => gather!(u32),
            Code::CopyNeighbour => |machine, op, rest| machine.copy_neighbour(op, rest),
            Code::CopyMap => |machine, op, rest| machine.copy_from_map(op, rest),
            Code::CopyStack32 => |machine, op, rest| machine.copy_to_stack::<u64>(op, rest),
            Code::CopyStack16 => |machine, op, rest| machine.copy_to_stack::<u32>(op, rest),
            Code::IncrementMap64 => |machine, op, rest| machine.increment(op, rest),
            Code::LoadBounds => |machine, op, rest| machine.load_bounds(op, rest),
            Code::LookUp => |machine, op, rest| machine.look_up(op, rest),

            Code::StoreLookUp => |machine, op, rest| machine.store_then_look_up(op, rest),
            Code::LoadHalves32 => |machine, op, rest| machine.load_halves(op, rest),

            Code::LoadContext32 => |machine, op, rest| {
                let field = machine.address(op).wrapping_sub(address::CONTEXT);
                match machine.context.load_word(machine.frame, field) {
                    Some(value) => {
                        machine.set(op.dst, value);
                        machine.next(rest)
                    }
                    None => machine.slow_load::<u32>(op, rest),
                }
            },

            Code::Store8Reg => store!(store, u8, |machine, op| machine.get(op.b)),
            Code::Store16Reg => store!(store, u16, |machine, op| machine.get(op.b)),
            Code::Store32Reg => store!(store, u32, |machine, op| machine.get(op.b)),
            Code::Store64Reg => store!(store, u64, |machine, op| machine.get(op.b)),
            Code::Store8Imm => store!(store, u8, |machine, op| op.imm),
            Code::Store16Imm => store!(store, u16, |machine, op| op.imm),
            Code::Store32Imm => store!(store, u32, |machine, op| op.imm),
            Code::Store64Imm => store!(store, u64, |machine, op| op.imm),
            Code::StoreStack8Reg => quick_store!(store_stack, u8, |machine, op| machine.get(op.b)),
            Code::StoreStack16Reg => {
                quick_store!(store_stack, u16, |machine, op| machine.get(op.b))
            }
            Code::StoreStack32Reg => {
                quick_store!(store_stack, u32, |machine, op| machine.get(op.b))
            }
            Code::StoreStack64Reg => {
                quick_store!(store_stack, u64, |machine, op| machine.get(op.b))
            }
            Code::StoreStack8Imm => quick_store!(store_stack, u8, |machine, op| op.imm),
            Code::StoreStack16Imm => quick_store!(store_stack, u16, |machine, op| op.imm),
            Code::StoreStack32Imm => quick_store!(store_stack, u32, |machine, op| op.imm),
            Code::StoreStack64Imm => quick_store!(store_stack, u64, |machine, op| op.imm),
            Code::StoreFrame8Reg => quick_store!(store_frame, u8, |machine, op| machine.get(op.b)),
            Code::StoreFrame16Reg => {
                quick_store!(store_frame, u16, |machine, op| machine.get(op.b))
            }
            Code::StoreFrame32Reg => {
                quick_store!(store_frame, u32, |machine, op| machine.get(op.b))
            }
            Code::StoreFrame64Reg => {
                quick_store!(store_frame, u64, |machine, op| machine.get(op.b))
            }
            Code::StoreFrame8Imm => quick_store!(store_frame, u8, |machine, op| op.imm),
            Code::StoreFrame16Imm => quick_store!(store_frame, u16, |machine, op| op.imm),
            Code::StoreFrame32Imm => quick_store!(store_frame, u32, |machine, op| op.imm),
            Code::StoreFrame64Imm => quick_store!(store_frame, u64, |machine, op| op.imm),
            Code::StoreMap8Reg => quick_store!(store_map, u8, |machine, op| machine.get(op.b)),
            Code::StoreMap16Reg => quick_store!(store_map, u16, |machine, op| machine.get(op.b)),
            Code::StoreMap32Reg => quick_store!(store_map, u32, |machine, op| machine.get(op.b)),
            Code::StoreMap64Reg => quick_store!(store_map, u64, |machine, op| machine.get(op.b)),
            Code::StoreMap8Imm => quick_store!(store_map, u8, |machine, op| op.imm),
            Code::StoreMap16Imm => quick_store!(store_map, u16, |machine, op| op.imm),
            Code::StoreMap32Imm => quick_store!(store_map, u32, |machine, op| op.imm),
            Code::StoreMap64Imm => quick_store!(store_map, u64, |machine, op| op.imm),

            Code::Atomic32 => |machine, op, rest| machine.read_modify_write::<u32>(op, rest),
            Code::Atomic64 => |machine, op, rest| machine.read_modify_write::<u64>(op, rest),
            Code::LoadAcquire8 => load!(load_acquire, u8),
            Code::LoadAcquire16 => load!(load_acquire, u16),
            Code::LoadAcquire32 => load!(load_acquire, u32),
            Code::LoadAcquire64 => load!(load_acquire, u64),
            Code::StoreRelease8 => store!(store_release, u8, |machine, op| machine.get(op.b)),
            Code::StoreRelease16 => store!(store_release, u16, |machine, op| machine.get(op.b)),
            Code::StoreRelease32 => store!(store_release, u32, |machine, op| machine.get(op.b)),
            Code::StoreRelease64 => store!(store_release, u64, |machine, op| machine.get(op.b)),

            Code::LoadAbsolute8 => |machine, op, rest| machine.load_packet::<u8>(op, 0, rest),
            Code::LoadAbsolute16 => |machine, op, rest| machine.load_packet::<u16>(op, 0, rest),
            Code::LoadAbsolute32 => |machine, op, rest| machine.load_packet::<u32>(op, 0, rest),
            Code::LoadIndirect8 => packet_load!(u8),
            Code::LoadIndirect16 => packet_load!(u16),
            Code::LoadIndirect32 => packet_load!(u32),

            Code::Ja => |machine, op, rest| machine.jump(op, rest),
            Code::JeqReg => jump_if!(Reg, |a, b| a == b),
            Code::JeqImm => jump_if!(Imm, |a, b| a == b),
            Code::Jeq32Reg => jump_if!(Reg, |a, b| (a as u32) == b as u32),
            Code::Jeq32Imm => jump_if!(Imm, |a, b| (a as u32) == b as u32),
            Code::JneReg => jump_if!(Reg, |a, b| a != b),
            Code::JneImm => jump_if!(Imm, |a, b| a != b),
            Code::Jne32Reg => jump_if!(Reg, |a, b| (a as u32) != b as u32),
            Code::Jne32Imm => jump_if!(Imm, |a, b| (a as u32) != b as u32),
            Code::JgtReg => jump_if!(Reg, |a, b| a > b),
            Code::JgtImm => jump_if!(Imm, |a, b| a > b),
            Code::Jgt32Reg => jump_if!(Reg, |a, b| (a as u32) > b as u32),
            Code::Jgt32Imm => jump_if!(Imm, |a, b| (a as u32) > b as u32),
            Code::JgeReg => jump_if!(Reg, |a, b| a >= b),
            Code::JgeImm => jump_if!(Imm, |a, b| a >= b),
            Code::Jge32Reg => jump_if!(Reg, |a, b| (a as u32) >= b as u32),
            Code::Jge32Imm => jump_if!(Imm, |a, b| (a as u32) >= b as u32),
            Code::JltReg => jump_if!(Reg, |a, b| a < b),
            Code::JltImm => jump_if!(Imm, |a, b| a < b),
            Code::Jlt32Reg => jump_if!(Reg, |a, b| (a as u32) < b as u32),
            Code::Jlt32Imm => jump_if!(Imm, |a, b| (a as u32) < b as u32),
            Code::JleReg => jump_if!(Reg, |a, b| a <= b),
            Code::JleImm => jump_if!(Imm, |a, b| a <= b),
            Code::Jle32Reg => jump_if!(Reg, |a, b| (a as u32) <= b as u32),
            Code::Jle32Imm => jump_if!(Imm, |a, b| (a as u32) <= b as u32),
            Code::JsetReg => jump_if!(Reg, |a, b| a & b != 0),
            Code::JsetImm => jump_if!(Imm, |a, b| a & b != 0),
            Code::Jset32Reg => jump_if!(Reg, |a, b| (a as u32) & b as u32 != 0),
            Code::Jset32Imm => jump_if!(Imm, |a, b| (a as u32) & b as u32 != 0),
            Code::JsgtReg => jump_if!(Reg, |a, b| (a as i64) > b as i64),
            Code::JsgtImm => jump_if!(Imm, |a, b| (a as i64) > b as i64),
            Code::Jsgt32Reg => jump_if!(Reg, |a, b| (a as i32) > b as i32),
            Code::Jsgt32Imm => jump_if!(Imm, |a, b| (a as i32) > b as i32),
            Code::JsgeReg => jump_if!(Reg, |a, b| (a as i64) >= b as i64),
            Code::JsgeImm => jump_if!(Imm, |a, b| (a as i64) >= b as i64),
            Code::Jsge32Reg => jump_if!(Reg, |a, b| (a as i32) >= b as i32),
            Code::Jsge32Imm => jump_if!(Imm, |a, b| (a as i32) >= b as i32),
            Code::JsltReg => jump_if!(Reg, |a, b| (a as i64) < b as i64),
            Code::JsltImm => jump_if!(Imm, |a, b| (a as i64) < b as i64),
            Code::Jslt32Reg => jump_if!(Reg, |a, b| (a as i32) < b as i32),
            Code::Jslt32Imm => jump_if!(Imm, |a, b| (a as i32) < b as i32),
            Code::JsleReg => jump_if!(Reg, |a, b| (a as i64) <= b as i64),
            Code::JsleImm => jump_if!(Imm, |a, b| (a as i64) <= b as i64),
            Code::Jsle32Reg => jump_if!(Reg, |a, b| (a as i32) <= b as i32),
            Code::Jsle32Imm => jump_if!(Imm, |a, b| (a as i32) <= b as i32),

            Code::AddJgt => add_then_jump_if!(|a, b| a > b),
            Code::AddJge => add_then_jump_if!(|a, b| a >= b),
            Code::AddJlt => add_then_jump_if!(|a, b| a < b),
            Code::AddJle => add_then_jump_if!(|a, b| a <= b),
            Code::AddJneImm => change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| v != b),
            Code::AddJltImm => change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| v < b),
            Code::AddJne32Imm => {
                change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| (v as u32) != b as u32)
            }
            Code::AddJlt32Imm => {
                change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| (v as u32) < b as u32)
            }
            Code::Add32Jne32Imm => {
                change_then_jump_if!(|a, c| alu::add32(a, c), |v, b| (v as u32) != b as u32)
            }
            Code::Add32Jlt32Imm => {
                change_then_jump_if!(|a, c| alu::add32(a, c), |v, b| (v as u32) < b as u32)
            }
            Code::MovJeqNull => mov_then_jump_if!(|a| a == 0),
            Code::MovJneNull => mov_then_jump_if!(|a| a != 0),
            Code::AndJeqImm => {
                change_then_jump_if!(|a, c| a & u64::from(c as u16), |v, b| v == b)
            }
            Code::AndJltImm => {
                change_then_jump_if!(|a, c| a & u64::from(c as u16), |v, b| v < b)
            }
            Code::AndJneImm => {
                change_then_jump_if!(|a, c| a & u64::from(c as u16), |v, b| v != b)
            }
            Code::LoadFrame8Jeq => load_then_jump_if!(u8, |a, b| a == b),
            Code::LoadFrame16Jeq => load_then_jump_if!(u16, |a, b| a == b),
            Code::LoadFrame32Jeq => load_then_jump_if!(u32, |a, b| a == b),
            Code::LoadFrame8Jne => load_then_jump_if!(u8, |a, b| a != b),
            Code::LoadFrame16Jne => load_then_jump_if!(u16, |a, b| a != b),
            Code::LoadFrame32Jne => load_then_jump_if!(u32, |a, b| a != b),

            Code::LoadFrame8AndJeq => load_and_then_jump_if!(u8, |a, b| a == b),
            Code::LoadFrame16AndJeq => load_and_then_jump_if!(u16, |a, b| a == b),
            Code::LoadFrame8AndJne => load_and_then_jump_if!(u8, |a, b| a != b),
            Code::LoadFrame16AndJne => load_and_then_jump_if!(u16, |a, b| a != b),
            Code::LoadFrame8AndJlt => load_and_then_jump_if!(u8, |a, b| a < b),
            Code::LoadFrame16AndJlt => load_and_then_jump_if!(u16, |a, b| a < b),

            Code::LoadFrame8JneBoth => {
                load_then_jump_if!(u8, |a, b| a != b & 0xff && a != b >> 8 & 0xff)
            }
            Code::Gather16Jeq => |machine, op, rest| machine.gather_then_jump(op, rest, true),
            Code::Gather16Jne => |machine, op, rest| machine.gather_then_jump(op, rest, false),

            Code::LoadBoundsJgt => |machine, op, rest| machine.load_bounds_then_jump(op, rest),
            Code::JeqElseJne => |machine, op, rest| machine.choose(op, rest, machine.get(op.a)),
            Code::JeqElseJne32 => {
                |machine, op, rest| machine.choose(op, rest, machine.get(op.a) & 0xffff_ffff)
            }

            Code::CallLocal => |machine, op, rest| machine.call_local(op, rest),
            Code::CallHelper => |machine, op, rest| {
                let arguments = ARGUMENTS.map(|register| machine.get(register));
                match machine.call_helper(op.imm, arguments) {
                    Ok(value) => {
                        machine.set(Register::R0, value);
                        machine.next(rest)
                    }
                    Err((cause, address)) => machine.fail(cause, address, rest),
                }
            },
            Code::Exit => |machine, _, rest| machine.exit(rest),
        }
    }
}

impl<M: Memory, R: Deref<Target = Map<M>>, S: Services> Machine<'_, '_, R, S> {
    /// The address that `op` accesses.
    #[inline(always)]
    pub(super) fn address(&self, op: &Op) -> u64 {
        self.get(op.a).wrapping_add(op.offset())
    }

    #[cold]
    #[inline(never)]
    fn slow_load<N: Number>(&mut self, op: &Op, rest: &[Op]) -> Flow {
        let address = self.address(op);
        match self.load::<N>(address) {
            Ok(value) => {
                self.set(op.dst, value);
                self.next(rest)
            }
            Err(cause) => self.fail(cause, address, rest),
        }
    }

    /// A load that is not from the frame, and then what `finish` does.
    #[cold]
    #[inline(never)]
    fn slow_load_then<N: Number>(
        &mut self,
        op: &Op,
        rest: &[Op],
        address: u64,
        finish: impl FnOnce(&mut Self, &Op, &[Op], u64) -> Flow,
    ) -> Flow {
        match self.load::<N>(address) {
            Ok(value) => finish(self, op, rest, value),
            Err(cause) => self.fail(cause, address, rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn slow_store<N: Number>(&mut self, op: &Op, value: u64, rest: &[Op]) -> Flow {
        let address = self.address(op);
        match self.store::<N>(address, value) {
            Ok(()) => self.next(rest),
            Err(cause) => self.fail(cause, address, rest),
        }
    }
}
