// SPDX-License-Identifier: GPL-2.0

//! The part of eBPF that flow dissectors are made of, with memory in regions that no access may leave.
//!
//! It is strict: what the verifier would refuse, as far as one run shows it, is a panic here.

use engine::insn::{alu, class, jump, mode, size, Insn, SRC_REG};

use crate::model::Keys;

/// What a register has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    Nothing,
    Number(u64),
    Context,
    Keys,
    /// So many bytes from the first one of the linear part.
    Packet(i64),
    /// Behind its last one.
    PacketEnd,
    /// So many bytes from the frame pointer.
    Stack(i64),
}

/// A frame, of which the first `linear` bytes can be read directly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) linear: usize,
}

/// What a run gives.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What the program returned.
    pub(crate) code: u32,
    /// How many instructions were executed.
    pub(crate) insns: usize,
    /// How many times the helper was called.
    pub(crate) calls: usize,
}

/// Bytes of the stack.
const STACK: i64 = 512;

struct Machine<'a> {
    packet: Packet<'a>,
    keys: &'a mut Keys,
    registers: [Value; 11],
    /// What was stored, by byte: the value of the whole slot for a pointer.
    stack: Vec<Option<u8>>,
    spilled: Vec<(i64, Value)>,
    calls: usize,
}

/// Runs `program` on `packet`.
pub(crate) fn run(program: &[Insn], packet: Packet<'_>, keys: &mut Keys) -> Ran {
    let mut machine = Machine {
        packet,
        keys,
        registers: [Value::Nothing; 11],
        stack: vec![None; STACK as usize],
        spilled: Vec::new(),
        calls: 0,
    };
    machine.registers[1] = Value::Context;
    machine.registers[10] = Value::Stack(0);
    let (mut at, mut insns) = (0_usize, 0);
    loop {
        insns += 1;
        assert!(insns < 1_000_000, "it does not come to an end");
        let insn = program[at];
        at += 1;
        match machine.step(insn) {
            Step::Next => {}
            Step::Jump => at = at.checked_add_signed(insn.off.into()).expect("no jump out"),
            Step::Exit => break,
        }
    }
    let Value::Number(code) = machine.registers[0] else {
        panic!("it returns {:?}", machine.registers[0]);
    };
    Ran {
        code: code as u32,
        insns,
        calls: machine.calls,
    }
}

enum Step {
    Next,
    Jump,
    Exit,
}

impl Machine<'_> {
    fn number(&self, register: u8) -> u64 {
        match self.registers[usize::from(register)] {
            Value::Number(number) => number,
            other => panic!("r{register} is no number: {other:?}"),
        }
    }

    /// The second operand.
    fn operand(&self, insn: Insn) -> Value {
        if insn.code & SRC_REG != 0 {
            let value = self.registers[usize::from(insn.src())];
            assert_ne!(value, Value::Nothing, "r{} has nothing", insn.src());
            value
        } else {
            Value::Number(i64::from(insn.imm) as u64)
        }
    }

    fn step(&mut self, insn: Insn) -> Step {
        match insn.class() {
            class::ALU64 => self.alu64(insn),
            class::ALU => self.alu32(insn),
            class::LDX => self.load(insn),
            class::ST | class::STX => self.store(insn),
            class::JMP if insn.operation() == jump::EXIT => return Step::Exit,
            class::JMP if insn.operation() == jump::JA => return Step::Jump,
            class::JMP if insn.operation() == jump::CALL => self.call(insn),
            class::JMP | class::JMP32 if self.holds(insn) => return Step::Jump,
            class::JMP | class::JMP32 => {}
            _ => panic!("{insn:?}"),
        }
        Step::Next
    }

    fn alu64(&mut self, insn: Insn) {
        let operand = self.operand(insn);
        let place = &mut self.registers[usize::from(insn.dst())];
        *place = match (insn.operation(), *place, operand) {
            (alu::MOV, _, value) => value,
            (alu::ADD, Value::Number(a), Value::Number(b)) => Value::Number(a.wrapping_add(b)),
            (alu::ADD, Value::Packet(at), Value::Number(b)) => Value::Packet(at + b as i64),
            (alu::ADD, Value::Stack(at), Value::Number(b)) => Value::Stack(at + b as i64),
            (_, place, operand) => panic!("{insn:?} of {place:?} and {operand:?}"),
        };
    }

    fn alu32(&mut self, insn: Insn) {
        let a = self.number(insn.dst()) as u32;
        let result = if insn.operation() == alu::END {
            assert_ne!(insn.code & SRC_REG, 0, "to big endian");
            match insn.imm {
                16 => u32::from((a as u16).swap_bytes()),
                32 => a.swap_bytes(),
                bits => panic!("{bits} bits"),
            }
        } else {
            let Value::Number(b) = self.operand(insn) else {
                panic!("{insn:?} of a pointer");
            };
            let b = b as u32;
            match insn.operation() {
                alu::ADD => a.wrapping_add(b),
                alu::MUL => a.wrapping_mul(b),
                alu::AND => a & b,
                alu::OR => a | b,
                alu::LSH if b < 32 => a << b,
                alu::RSH if b < 32 => a >> b,
                _ => panic!("{insn:?}"),
            }
        };
        self.registers[usize::from(insn.dst())] = Value::Number(result.into());
    }

    fn holds(&self, insn: Insn) -> bool {
        let left = self.registers[usize::from(insn.dst())];
        let (left, right) = match (left, self.operand(insn)) {
            (Value::Number(a), Value::Number(b)) if insn.class() == class::JMP32 => {
                (u64::from(a as u32), u64::from(b as u32))
            }
            (Value::Packet(at), Value::PacketEnd) => (
                u64::try_from(at).expect("no header before"),
                self.packet.linear as u64,
            ),
            (left, right) => panic!("{insn:?} of {left:?} and {right:?}"),
        };
        match insn.operation() {
            jump::JEQ => left == right,
            jump::JNE => left != right,
            jump::JGT => left > right,
            jump::JGE => left >= right,
            jump::JLT => left < right,
            jump::JLE => left <= right,
            jump::JSET => left & right != 0,
            _ => panic!("{insn:?}"),
        }
    }

    /// The range of a region of `len` bytes that begins at `first`.
    fn within(first: i64, at: i64, bytes: usize, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(at - first).unwrap_or_else(|_| panic!("{at} is before it"));
        assert!(start + bytes <= len, "{bytes} at {at} is behind {len}");
        start..start + bytes
    }

    fn load(&mut self, insn: Insn) {
        assert_eq!(insn.mode(), mode::MEM);
        let bytes = usize::from(size::bytes(insn.code));
        let off = i64::from(insn.off);
        let base = self.registers[usize::from(insn.src())];
        let read: Vec<u8> = match base {
            Value::Context => {
                self.registers[usize::from(insn.dst())] = match (off, bytes) {
                    (76, 4) => Value::Packet(0),
                    (80, 4) => Value::PacketEnd,
                    (144, 8) => Value::Keys,
                    other => panic!("no field of the context: {other:?}"),
                };
                return;
            }
            Value::Keys => self.keys[Self::within(0, off, bytes, self.keys.len())].to_vec(),
            Value::Packet(at) => {
                let linear = &self.packet.frame[..self.packet.linear];
                linear[Self::within(0, at + off, bytes, linear.len())].to_vec()
            }
            Value::Stack(at) => {
                let at = at + off;
                assert_eq!(
                    at.rem_euclid(bytes as i64),
                    0,
                    "{insn:?} at {at} is not aligned"
                );
                let spilled = self.spilled.iter().find(|(slot, _)| *slot == at);
                if let (Some((_, value)), 8) = (spilled, bytes) {
                    self.registers[usize::from(insn.dst())] = *value;
                    return;
                }
                let range = Self::within(-STACK, at, bytes, self.stack.len());
                let read = self.stack[range].iter().copied().collect::<Option<_>>();
                read.unwrap_or_else(|| panic!("{insn:?} at {at}: nothing was stored there"))
            }
            _ => panic!("{insn:?} from {base:?}"),
        };
        let number = read
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.registers[usize::from(insn.dst())] = Value::Number(number);
    }

    fn store(&mut self, insn: Insn) {
        assert_eq!(insn.mode(), mode::MEM);
        let bytes = usize::from(size::bytes(insn.code));
        let off = i64::from(insn.off);
        let value = if insn.class() == class::ST {
            Value::Number(i64::from(insn.imm) as u64)
        } else {
            self.registers[usize::from(insn.src())]
        };
        assert_ne!(
            value,
            Value::Nothing,
            "{insn:?}: r{} has nothing",
            insn.src()
        );
        let base = self.registers[usize::from(insn.dst())];
        match (base, value) {
            (Value::Keys, Value::Number(number)) => {
                let range = Self::within(0, off, bytes, self.keys.len());
                self.keys[range].copy_from_slice(&number.to_le_bytes()[..bytes]);
            }
            (Value::Stack(at), value) => {
                let at = at + off;
                assert_eq!((at % 8, bytes), (0, 8), "only registers are stored");
                self.forget(at, bytes);
                self.spilled.push((at, value));
            }
            _ => panic!("{insn:?} to {base:?}"),
        }
    }

    /// What was on the stack is overwritten.
    fn forget(&mut self, at: i64, bytes: usize) {
        self.spilled
            .retain(|(slot, _)| slot + 8 <= at || *slot >= at + bytes as i64);
        let range = Self::within(-STACK, at, bytes, self.stack.len());
        self.stack[range].fill(None);
    }

    /// `bpf_skb_load_bytes`
    fn call(&mut self, insn: Insn) {
        assert_eq!(insn.imm, 26, "no other helper");
        self.calls += 1;
        assert_eq!(self.registers[1], Value::Context);
        let offset = self.number(2) as u32 as usize;
        let Value::Stack(to) = self.registers[3] else {
            panic!("{:?} is no place on the stack", self.registers[3]);
        };
        let len = self.number(4) as usize;
        assert!(len > 0);
        self.forget(to, len);
        let range = Self::within(-STACK, to, len, self.stack.len());
        let found = self.packet.frame.get(offset..offset + len);
        let found = found.filter(|_| offset <= 0xffff);
        for (n, place) in self.stack[range].iter_mut().enumerate() {
            *place = Some(found.map_or(0, |bytes| bytes[n]));
        }
        let code = if found.is_some() { 0 } else { -14_i64 };
        self.registers[0] = Value::Number(code as u64);
        self.registers[1..=5].fill(Value::Nothing);
    }
}

/// That each instruction can be come to, no jump leads out, and none goes on behind the last one.
pub(crate) fn check(program: &[Insn]) {
    let mut seen = vec![false; program.len()];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        assert!(at < program.len(), "it leads to {at} of {}", program.len());
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let insn = program[at];
        let is_jump = matches!(insn.class(), class::JMP | class::JMP32);
        let (goes_on, jumps) = match insn.operation() {
            jump::EXIT if is_jump => (false, false),
            jump::JA if is_jump => (false, true),
            jump::CALL if is_jump => (true, false),
            _ => (true, is_jump),
        };
        if goes_on {
            open.push(at + 1);
        }
        if jumps {
            let to = (at + 1).checked_add_signed(insn.off.into());
            open.push(to.expect("a jump to the front of the program"));
        }
    }
    let missed: Vec<_> = (0..seen.len()).filter(|at| !seen[*at]).collect();
    assert!(missed.is_empty(), "nothing leads to {missed:?}");
}
