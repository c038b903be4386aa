// SPDX-License-Identifier: GPL-2.0

//! The program store: a program's instructions from the moment the host hands them over until they
//! are translated.
//!
//! Slots keep their number in the program as it was loaded, whatever is cut out later, and jump
//! offsets are kept in that numbering. So a jump needs no change when instructions between it and
//! its target go away, and every message names the instruction that the program's author knows.

use core::mem;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::check;
use crate::helper::Helper;
use crate::image::fingerprint;
use crate::insn::{class, jump, Insn, FRAME_POINTER};
use crate::limits::{Limits, MAX_CALL_DEPTH, MAX_FUNCTIONS, STACK_FRAME};
use crate::memory::{Memory, OutOfMemory};
use crate::numbered::numbered;
pub use crate::program::{ProgramKind, RegisterFacts, RegisterKind};
use crate::refusal::{Refusal, Rule};

/// The region that the pointer of a load or store was in whenever the verifier saw it.
///
/// Only a hint for translation: the device checks each address, so a wrong hint costs time and
/// nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hint {
    Unknown,
    Frame,
    Stack,
    Context,
    MapValue,
    Mixed,
}

impl Hint {
    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (a, b) if a == b => a,
            _ => Self::Mixed,
        }
    }
}

/// An instruction that is still in the program.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    /// The instruction; jump offsets count slots of the program as it was loaded.
    pub(crate) insn: Insn,
    /// Its number in the program as it was loaded.
    pub(crate) origin: u32,
    pub(crate) hint: Hint,
}

/// A function of the program, found when it was stored.
#[derive(Clone, Copy)]
struct Function {
    /// Its first slot.
    start: u32,
    /// Greatest number of active functions when it runs; 0 as long as no call of it was found.
    depth: u32,
}

/// The bits of an instruction.
const INSN_BITS: u64 = u64::BITS as u64;

/// One program in the store.
pub struct Source<M: Memory> {
    kind: ProgramKind,
    /// The instructions as they were loaded, as numbers. Memory may fail while others read it.
    original: M::Buffer<AtomicU64>,
    slots: M::Buffer<Slot>,
    /// How many of `slots` are left.
    len: usize,
    functions: M::Buffer<Function>,
    max_call_depth: usize,
}

impl<M: Memory> Source<M> {
    /// Stores a program of type `kind`. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: too long, no memory, or calls that lead nowhere. Whether the
    /// device has each instruction is checked by [`check_insn`](Self::check_insn) and by
    /// translation, not here.
    pub fn new(
        memory: &M,
        kind: ProgramKind,
        insns: impl ExactSizeIterator<Item = Insn>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let asked = insns.len();
        if asked == 0 {
            return Err(Refusal::program(Rule::EmptyProgram));
        }
        if asked > limits.max_insns {
            return Err(Refusal::program(Rule::TooManyInsns {
                asked,
                limit: limits.max_insns,
            }));
        }
        let no_memory = |_: OutOfMemory| {
            let asked = asked.saturating_mul(size_of::<Insn>().saturating_add(size_of::<Slot>()));
            Refusal::program(Rule::OutOfMemory { asked })
        };
        let mut insns = insns;
        let original = memory
            .allocate(asked, |_| {
                AtomicU64::new(insns.next().unwrap_or_default().to_bits())
            })
            .map_err(no_memory)?;
        let slot = |i: usize| Slot {
            insn: original.get(i).map(stored).unwrap_or_default(),
            origin: i as u32,
            hint: Hint::Unknown,
        };
        let slots = memory.allocate(asked, slot).map_err(no_memory)?;
        let calls = original.iter().map(stored).fold(0_usize, |calls, insn| {
            calls.wrapping_add(insn.is_local_call().into())
        });
        let none = Function {
            start: u32::MAX,
            depth: 0,
        };
        let len = calls.wrapping_add(1).min(MAX_FUNCTIONS);
        let mut functions = memory.allocate(len, |_| none).map_err(no_memory)?;
        find_functions(original.iter().map(stored), &mut functions)?;
        let max_call_depth = limits.max_call_depth.min(MAX_CALL_DEPTH);
        Ok(Self {
            kind,
            original,
            slots,
            len: asked,
            functions,
            max_call_depth,
        })
    }

    /// The instructions as they were loaded, as they lie in the store at this moment.
    pub fn original(&self) -> impl ExactSizeIterator<Item = Insn> + '_ {
        self.original.iter().map(stored)
    }

    /// A number that changes with each bit of the instructions as they lie in the store. It is found much
    /// faster than their digest.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(self.original().map(Insn::to_bits))
    }

    /// Has the memory of the store fail: inverts bit `bit` of the instructions as they were loaded,
    /// of which each has 64, least significant first as on the wire. What was translated before
    /// stays as it is.
    ///
    /// Gives whether there is such a bit.
    pub fn flip_bit(&self, bit: u64) -> bool {
        let index = usize::try_from(bit / INSN_BITS).ok();
        let Some(insn) = index.and_then(|index| self.original.get(index)) else {
            return false;
        };
        insn.fetch_xor(
            1_u64.rotate_left((bit % INSN_BITS) as u32),
            Ordering::Relaxed,
        );
        true
    }

    /// Bytes of device memory that it takes.
    pub fn memory(&self) -> usize {
        size_of_val(&*self.original)
            .saturating_add(size_of_val(&*self.slots))
            .saturating_add(size_of_val(&*self.functions))
    }

    /// The program's type.
    pub fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// Number of slots that are left.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no slot is left.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The instructions that are left, in order.
    pub(crate) fn slots(&self) -> &[Slot] {
        self.slots.get(..self.len).unwrap_or(&[])
    }

    /// Stack that the program needs, in bytes; known after [`finalize`](Self::finalize).
    pub(crate) fn stack_bytes(&self) -> u32 {
        let deepest = self
            .functions
            .iter()
            .map(|function| function.depth)
            .max()
            .unwrap_or(1);
        deepest.max(1).saturating_mul(STACK_FRAME as u32)
    }

    /// Checks instruction `idx` as the verifier visits it, and keeps what the verifier knows about
    /// its pointer.
    ///
    /// To be called before any [`remove_insns`](Self::remove_insns), as the kernel does.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with the instruction if the device does not have it.
    pub fn check_insn(&mut self, idx: usize, regs: &dyn RegisterFacts) -> Result<(), Refusal> {
        let len = self.len;
        let Some(slot) = self.slots.get_mut(idx) else {
            return Err(Refusal::program(Rule::Edit {
                off: idx,
                cnt: 1,
                len,
            }));
        };
        let refuse = |rule| Refusal::insn(idx, rule);
        check::check(self.kind, slot.insn).map_err(refuse)?;
        check::check_registers(self.kind, slot.insn, regs).map_err(refuse)?;
        if let Some(base) = slot.insn.base_register() {
            slot.hint = slot.hint.merge(hint_of(regs.kind(base)));
        }
        Ok(())
    }

    /// Puts `insn` in place of the instruction in slot `off`, counted without the removed ones. A
    /// jump offset in `insn` counts the same way.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there is no such slot, or the jump leads out of the program.
    pub fn replace_insn(&mut self, off: usize, insn: Insn) -> Result<(), Refusal> {
        let len = self.len;
        let outside = Refusal::program(Rule::Edit { off, cnt: 1, len });
        let origin = self.slots().get(off).ok_or(outside)?.origin;
        let mut insn = insn;
        if let Some(distance) = jump_distance(insn) {
            let target = (off as i64).saturating_add(distance).saturating_add(1);
            let rule = Rule::JumpTarget { target, len };
            let refusal = Refusal::insn(origin as usize, rule);
            let target = usize::try_from(target)
                .ok()
                .and_then(|target| self.slots().get(target));
            let target = target.ok_or(refusal)?.origin;
            let distance = i64::from(target)
                .wrapping_sub(i64::from(origin))
                .wrapping_sub(1);
            set_jump_distance(&mut insn, distance).ok_or(refusal)?;
        }
        if let Some(slot) = self.slots.get_mut(off) {
            slot.insn = insn;
        }
        Ok(())
    }

    /// Cuts out `cnt` slots from slot `off`, counted without the ones removed before.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there are no such slots; then nothing is cut out.
    pub fn remove_insns(&mut self, off: usize, cnt: usize) -> Result<(), Refusal> {
        let len = self.len;
        let end = off.checked_add(cnt).filter(|end| *end <= len);
        let end = end.ok_or(Refusal::program(Rule::Edit { off, cnt, len }))?;
        for from in end..len {
            let to = from.wrapping_sub(cnt);
            let Some(moved) = self.slots.get(from).copied() else {
                break;
            };
            if let Some(slot) = self.slots.get_mut(to) {
                *slot = moved;
            }
        }
        self.len = len.wrapping_sub(cnt);
        Ok(())
    }

    /// Checks the program as a whole, after the verifier has visited all of it.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if calls nest deeper than the device's stack, or a function calls itself.
    pub fn finalize(&mut self) -> Result<(), Refusal> {
        let limit = self.max_call_depth;
        for function in self.functions.iter_mut() {
            function.depth = u32::from(function.start == 0);
        }
        // Each round carries depths along one more call, so a program that passes is done after
        // `limit` rounds.
        let mut changed = true;
        while changed {
            changed = false;
            let mut caller = 0_usize;
            for (slot, insn) in numbered(self.original.iter().map(stored)) {
                if self
                    .functions
                    .get(caller.wrapping_add(1))
                    .is_some_and(|next| next.start as usize <= slot)
                {
                    caller = caller.wrapping_add(1);
                }
                let depth = self
                    .functions
                    .get(caller)
                    .map_or(0, |function| function.depth);
                if depth == 0 || !insn.is_local_call() {
                    continue;
                }
                let start = (slot as i64)
                    .wrapping_add(i64::from(insn.imm))
                    .wrapping_add(1);
                let callee = self
                    .functions
                    .iter_mut()
                    .find(|function| i64::from(function.start) == start);
                let Some(callee) = callee else { continue };
                if callee.depth > depth {
                    continue;
                }
                callee.depth = depth.wrapping_add(1);
                changed = true;
                if callee.depth as usize > limit {
                    return Err(Refusal::insn(slot, Rule::CallDepth { limit }));
                }
            }
        }
        Ok(())
    }
}

/// The instruction that lies in a place of the store.
fn stored(bits: &AtomicU64) -> Insn {
    Insn::from_bits(bits.load(Ordering::Relaxed))
}

/// Fills `functions` with the first slots of all functions, ascending; unused entries come last.
fn find_functions(
    insns: impl ExactSizeIterator<Item = Insn>,
    functions: &mut [Function],
) -> Result<(), Refusal> {
    let len = insns.len();
    let mut add = |start: u32| {
        // Insertion into an ascending list that ends in unused entries: what is larger moves on by
        // one.
        let mut carried = start;
        for function in functions.iter_mut() {
            if function.start == carried {
                return Ok(());
            }
            if function.start > carried {
                mem::swap(&mut function.start, &mut carried);
            }
        }
        if carried == u32::MAX {
            Ok(())
        } else {
            Err(Rule::TooManyFunctions {
                limit: MAX_FUNCTIONS,
            })
        }
    };
    add(0).map_err(Refusal::program)?;
    for (slot, insn) in (0..len).zip(insns).filter(|(_, insn)| insn.is_local_call()) {
        let target = (slot as i64)
            .wrapping_add(i64::from(insn.imm))
            .wrapping_add(1);
        let start = u32::try_from(target)
            .ok()
            .filter(|start| (*start as usize) < len);
        let start = start.ok_or(Refusal::insn(slot, Rule::JumpTarget { target, len }))?;
        add(start).map_err(|rule| Refusal::insn(slot, rule))?;
    }
    Ok(())
}

fn hint_of(kind: RegisterKind) -> Hint {
    match kind {
        RegisterKind::Ctx => Hint::Context,
        RegisterKind::Stack => Hint::Stack,
        RegisterKind::Packet | RegisterKind::PacketMeta => Hint::Frame,
        RegisterKind::MapValue => Hint::MapValue,
        _ => Hint::Mixed,
    }
}

impl Slot {
    /// The region that the slot's pointer most likely names. The frame pointer is in the stack,
    /// seen or not.
    pub(crate) fn region(&self) -> Hint {
        match self.insn.base_register() {
            Some(FRAME_POINTER) => Hint::Stack,
            _ => self.hint,
        }
    }

    /// Whether the instruction may change the frame's bytes or bounds.
    pub(crate) fn may_write_frame(&self) -> bool {
        let insn = self.insn;
        match insn.class() {
            class::ST | class::STX => {
                !matches!(self.region(), Hint::Stack | Hint::MapValue | Hint::Context)
            }
            _ => self.helper().is_some_and(Helper::writes_frame),
        }
    }

    /// Whether the instruction may make the frame longer than the room around it allows.
    pub(crate) fn may_grow_frame(&self) -> bool {
        self.helper().is_some_and(Helper::grows_frame)
    }

    /// Whether it matters to the instruction which processor runs it.
    pub(crate) fn may_locate(&self) -> bool {
        self.helper().is_some_and(Helper::locates)
    }

    /// The slot that the instruction jumps to, or calls, in the numbering of the program as it was
    /// loaded.
    pub(crate) fn target(&self) -> Option<i64> {
        let distance = jump_distance(self.insn)?;
        let origin = i64::from(self.origin);
        Some(origin.wrapping_add(distance).wrapping_add(1))
    }

    /// The helper that the instruction calls.
    fn helper(&self) -> Option<Helper> {
        let insn = self.insn;
        let is_call = insn.code == class::JMP | jump::CALL && insn.src() == 0;
        Helper::from_id(insn.imm).filter(|_| is_call)
    }
}

/// How many slots behind the next one a jump or local call leads.
fn jump_distance(insn: Insn) -> Option<i64> {
    let operation = insn.operation();
    match insn.class() {
        class::JMP32 if operation == jump::JA => Some(insn.imm.into()),
        class::JMP if operation == jump::CALL => insn.is_local_call().then_some(insn.imm.into()),
        class::JMP | class::JMP32 if operation != jump::EXIT => Some(insn.off.into()),
        _ => None,
    }
}

fn set_jump_distance(insn: &mut Insn, distance: i64) -> Option<()> {
    let is_long = insn.class() == class::JMP32 && insn.operation() == jump::JA;
    if is_long || insn.is_local_call() {
        insn.imm = distance.try_into().ok()?;
    } else {
        insn.off = distance.try_into().ok()?;
    }
    Some(())
}
