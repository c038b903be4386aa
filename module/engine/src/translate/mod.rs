// SPDX-License-Identifier: GPL-2.0

//! From eBPF instructions to operations of the device.
//!
//! Lowering makes one plain operation of each instruction. Fusion is a pass over what it made, which
//! puts fewer operations in their place and shortcuts in front of some, and can be left out: a program
//! does the same without it, only slower. Instructions may be fused only where no jump enters between
//! them, so where jumps lead is found before; targets are set last, when all operations have their
//! place.
//!
//! A fault names an instruction, whatever is fused: only the first one in an operation can fault.

mod fuse;
mod gather;
mod lower;
mod maps;
mod shortcut;

use crate::check;
use crate::image::{Header, Image, Parts};
use crate::limits::Limits;
use crate::memory::{Memory, OutOfMemory};
use crate::op::{Code, Op};
use crate::refusal::{Refusal, Rule};
use crate::store::{ProgramKind, Slot, Source};
use maps::MapTable;

/// Where a slot of the program as it was loaded has gone.
#[derive(Clone, Copy)]
struct Place {
    /// The first operation at or after the slot.
    op: u32,
    /// Whether a jump or call leads here.
    is_target: bool,
}

/// Whether translation fuses operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fusion {
    /// As the device does it.
    #[default]
    On,
    /// Each instruction is an operation of its own: to see what fusion is worth, and to find out whose
    /// mistake a wrong result is.
    Off,
}

impl<M: Memory> Image<M> {
    /// Translates a stored program, with [fusion](Fusion). Process context; may sleep.
    ///
    /// `digest` is the SHA-256 of the program, as the kernel defines it; the image only carries it.
    /// `maps` is asked once for each instruction that names a map, with the instruction's 64-bit
    /// immediate, and gives the map's index in the program's map table.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with the instruction that the device can't execute, or the limit that the
    /// program exceeds.
    pub fn translate(
        memory: &M,
        source: &Source<M>,
        digest: [u8; 32],
        maps: &mut dyn FnMut(u64) -> Option<u16>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        Self::translate_with(memory, source, digest, maps, limits, Fusion::On)
    }

    /// As [`translate`](Self::translate), with fusion or without it.
    ///
    /// # Errors
    ///
    /// As there. Without fusion a program has at least as many operations, so that the limit of them
    /// may be exceeded.
    pub fn translate_with(
        memory: &M,
        source: &Source<M>,
        digest: [u8; 32],
        maps: &mut dyn FnMut(u64) -> Option<u16>,
        limits: &Limits,
        fusion: Fusion,
    ) -> Result<Self, Refusal> {
        let slots = source.slots();
        let asked = slots.len();
        let no_memory = |_: OutOfMemory| {
            let each = size_of::<Op>().saturating_add(size_of::<u32>());
            Refusal::program(Rule::OutOfMemory {
                asked: asked.saturating_mul(each),
            })
        };
        let length = source.original().len().wrapping_add(1);
        let nowhere = Place {
            op: u32::MAX,
            is_target: false,
        };
        let mut places = memory.allocate(length, |_| nowhere).map_err(no_memory)?;
        find_targets(source, &mut places)?;

        let filler = Op::new(Code::Exit, 0, 0, 0, 0);
        let mut plain = memory.allocate(asked, |_| filler).map_err(no_memory)?;
        let mut maps = MapTable::new(maps, limits.max_maps_per_program);
        lower_all(source, &mut maps, &mut plain)?;

        // An operation for each slot, and the shortcuts in front of some of them.
        let most = asked.saturating_add(asked / shortcut::FEWEST);
        let mut out = Output::<M> {
            ops: memory.allocate(most, |_| filler).map_err(no_memory)?,
            origins: memory.allocate(most, |_| 0_u32).map_err(no_memory)?,
            len: 0,
            block: 0,
        };
        let mut walk = Walk {
            kind: source.kind(),
            slots,
            plain: &plain,
            places: &places,
            at: 0,
            end: slots.len(),
        };
        match fusion {
            Fusion::On => walk.fuse_all(&mut out),
            Fusion::Off => walk.copy_all(&mut out),
        }
        let Output {
            ops,
            origins,
            len: count,
            ..
        } = out;
        let used_maps = maps.used();
        if count > limits.max_ops {
            return Err(Refusal::program(Rule::TooManyOps {
                asked: count,
                limit: limits.max_ops,
            }));
        }
        let ops = memory
            .allocate(count, |i| ops.get(i).copied().unwrap_or(filler))
            .map_err(no_memory)?;
        let origins = memory
            .allocate(count, |i| origins.get(i).copied().unwrap_or(0))
            .map_err(no_memory)?;
        let mut parts: Parts<M> = Parts { ops, origins };

        place_ops(&parts.origins, &mut places);
        set_targets(&mut parts, slots, &places)?;
        set_shortcut_targets(&mut parts);
        let ends = parts.ops.last().is_some_and(|op| op.code.ends_block());
        if !ends {
            return Err(Refusal::program(Rule::FallsOffEnd));
        }
        let header = Header {
            digest,
            maps: used_maps,
            kind: source.kind(),
            writes_frame: slots.iter().any(Slot::may_write_frame),
            grows_frame: slots.iter().any(Slot::may_grow_frame),
            locates: slots.iter().any(Slot::may_locate),
            stack_bytes: source.stack_bytes(),
            slots: source.original().len() as u32,
        };
        Image::from_parts(memory, header, parts).map_err(no_memory)
    }
}

/// Checks and lowers all instructions: to `plain` at the place of each, where what belongs to the second
/// slot of a 64-bit immediate is of no account.
fn lower_all<M: Memory>(
    source: &Source<M>,
    maps: &mut MapTable<'_>,
    plain: &mut [Op],
) -> Result<(), Refusal> {
    let mut rest = source.slots();
    let mut to = plain;
    while let Some((slot, behind)) = rest.split_first() {
        let refuse = |rule| Refusal::insn(slot.origin as usize, rule);
        check::check(source.kind(), slot.insn).map_err(refuse)?;
        let is_wide = slot.insn.is_ld_imm64();
        let op = if is_wide {
            let second = behind.first().map(|slot| slot.insn);
            lower::ld_imm64(slot.insn, second, maps)
        } else {
            lower::lower(slot)
        };
        let op = op.map_err(refuse)?;
        let taken = if is_wide { 2 } else { 1 };
        rest = rest.get(taken..).unwrap_or(&[]);
        if let Some(first) = to.first_mut() {
            *first = op;
        }
        to = to.get_mut(taken..).unwrap_or_default();
    }
    Ok(())
}

/// What the pass over the plain operations writes.
struct Output<M: Memory> {
    ops: M::Buffer<Op>,
    origins: M::Buffer<u32>,
    len: usize,
    /// The first one of the last operations that no jump leads into the midst of.
    block: usize,
}

impl<M: Memory> Output<M> {
    fn push(&mut self, op: Op, origin: u32) {
        if let (Some(to), Some(from)) = (self.ops.get_mut(self.len), self.origins.get_mut(self.len))
        {
            *to = op;
            *from = origin;
            self.len = self.len.wrapping_add(1);
        }
    }

    /// As `push`; what follows is not merged with what comes before.
    fn start(&mut self, op: Op, origin: u32) {
        self.block = self.len;
        self.push(op, origin);
    }

    /// As `push`, or instead of the last operations if they and `op` can be fewer.
    fn push_or_merge(&mut self, op: Op, origin: u32) {
        let (mut op, mut origin) = (op, origin);
        while let Some((last, last_at)) = self.last(1) {
            let before = self.last(2);
            let three = before.and_then(|(before, _)| fuse::merge_three(&before, &last, &op));
            if let Some(both) = fuse::merge(&last, &op) {
                (op, origin) = (both, last_at);
                self.len = self.len.wrapping_sub(1);
            } else if let Some(((first, second), (_, before_at))) = three.zip(before) {
                self.len = self.len.wrapping_sub(2);
                op = second;
                origin = before_at;
                if let Some(first) = first {
                    self.push(first, before_at);
                    origin = last_at;
                }
            } else {
                break;
            }
        }
        self.push(op, origin);
    }

    /// The operation `back` operations from the end, and its origin, if what follows may be merged
    /// with it.
    fn last(&self, back: usize) -> Option<(Op, u32)> {
        let index = self.len.checked_sub(back)?;
        let (op, origin) = (self.ops.get(index)?, self.origins.get(index)?);
        (index >= self.block).then_some((*op, *origin))
    }

    /// Has the shortcut `index` pass over all that were written after it.
    fn pass_over(&mut self, index: usize) {
        let skip = self.len.wrapping_sub(index).wrapping_sub(1);
        let map = self.len.checked_sub(2).and_then(|map| self.ops.get(map));
        let named = map.map_or(0, |map| map.imm as u16);
        if let Some(op) = self.ops.get_mut(index) {
            op.imm |= shortcut::passing_over(skip as u8);
            if matches!(op.code, Code::LookUp | Code::StoreLookUp) {
                // The map is named last but the call.
                op.imm |= u64::from(named);
            }
        }
    }
}

/// The place of the pass in the program.
struct Walk<'a> {
    kind: ProgramKind,
    slots: &'a [Slot],
    /// For each slot, what its instruction was lowered to.
    plain: &'a [Op],
    places: &'a [Place],
    at: usize,
    /// Where what is fused has to end.
    end: usize,
}

impl<'a> Walk<'a> {
    /// The slot `ahead` slots after the current one.
    fn slot(&self, ahead: usize) -> Option<&'a Slot> {
        self.slots.get(self.at.wrapping_add(ahead))
    }

    /// The slots from the current one on.
    fn rest(&self) -> &'a [Slot] {
        self.slots.get(self.at..).unwrap_or(&[])
    }

    /// Writes all operations as they are.
    fn copy_all<M: Memory>(&mut self, out: &mut Output<M>) {
        while let Some((slot, op)) = self.plain_op() {
            out.start(op, slot.origin);
        }
    }

    /// Writes all operations, fused.
    fn fuse_all<M: Memory>(&mut self, out: &mut Output<M>) {
        while let Some(slot) = self.slot(0) {
            if let Some((op, end)) = shortcut::find(self.kind, self.rest()) {
                let index = out.len;
                out.start(op, slot.origin);
                self.end = self.at.wrapping_add(end);
                while self.at < self.end && self.step(out).is_some() {}
                self.end = self.slots.len();
                out.pass_over(index);
                out.block = out.len;
            } else if self.step(out).is_none() {
                return;
            }
        }
    }

    /// Writes one operation, with what can be fused with it, and moves on.
    fn step<M: Memory>(&mut self, out: &mut Output<M>) -> Option<()> {
        let is_fusible = self.fusible().is_some();
        let (slot, mut op) = self.plain_op()?;
        while let Some(fused) = self.fusible().and_then(|next| {
            let plain = self.plain.get(self.at)?;
            // What is wide is fused with nothing in front of it.
            fuse::fuse(&op, slot, next, plain, self.slot(1))
        }) {
            op = fused;
            self.at = self.at.wrapping_add(1);
        }
        if is_fusible {
            out.push_or_merge(op, slot.origin);
        } else {
            out.start(op, slot.origin);
        }
        Some(())
    }

    /// The plain operation at the current place and its slot; moves on.
    fn plain_op(&mut self) -> Option<(&'a Slot, Op)> {
        let (slot, op) = (self.slot(0)?, *self.plain.get(self.at)?);
        let taken = if slot.insn.is_ld_imm64() { 2 } else { 1 };
        self.at = self.at.wrapping_add(taken);
        Some((slot, op))
    }

    /// The slot at the current place if it can be fused with what comes before: it is there, and no
    /// jump leads to it.
    fn fusible(&self) -> Option<&'a Slot> {
        let slot = self.slot(0).filter(|_| self.at < self.end)?;
        let place = self.places.get(slot.origin as usize)?;
        Some(slot).filter(|_| !place.is_target)
    }
}

fn find_targets<M: Memory>(source: &Source<M>, places: &mut [Place]) -> Result<(), Refusal> {
    let len = source.original().len();
    let mut second_half = false;
    for slot in source.slots() {
        if second_half {
            second_half = false;
            continue;
        }
        second_half = slot.insn.is_ld_imm64();
        let Some(target) = slot.target() else {
            continue;
        };
        let place = usize::try_from(target).ok().filter(|target| *target < len);
        let place = place.and_then(|target| places.get_mut(target));
        let refusal = Refusal::insn(slot.origin as usize, Rule::JumpTarget { target, len });
        place.ok_or(refusal)?.is_target = true;
    }
    for pair in source.slots().windows(2) {
        let [first, second] = pair else { continue };
        let place = places
            .get(second.origin as usize)
            .filter(|_| first.insn.is_ld_imm64());
        if place.is_some_and(|place| place.is_target) {
            let rule = Rule::JumpTarget {
                target: second.origin.into(),
                len,
            };
            return Err(Refusal::insn(second.origin as usize, rule));
        }
    }
    // A jump to a removed instruction goes on with the first one behind it that is left.
    let mut slots = source.slots().iter().rev().peekable();
    let mut next_left = None;
    for origin in (0..len).rev() {
        if let Some(slot) = slots.next_if(|slot| slot.origin as usize == origin) {
            next_left = Some(slot.origin as usize);
        }
        let is_target = places.get(origin).is_some_and(|place| place.is_target);
        if let Some(place) = next_left
            .filter(|_| is_target)
            .and_then(|left| places.get_mut(left))
        {
            place.is_target = true;
        }
    }
    Ok(())
}

/// Notes for every slot the first operation at or after it.
fn place_ops(origins: &[u32], places: &mut [Place]) {
    let mut next = u32::MAX;
    let mut ops = origins;
    let mut origin = places.len();
    while let Some(before) = origin.checked_sub(1) {
        origin = before;
        // Two operations have one origin where the first of them is a shortcut.
        while let Some((_, others)) = ops
            .split_last()
            .filter(|(first, _)| **first as usize == origin)
        {
            next = others.len() as u32;
            ops = others;
        }
        if let Some(place) = places.get_mut(origin) {
            place.op = next;
        }
    }
}

/// Sets the targets of all jumps and calls.
fn set_targets<M: Memory>(
    parts: &mut Parts<M>,
    slots: &[Slot],
    places: &[Place],
) -> Result<(), Refusal> {
    let ops = parts.ops.len();
    let mut rest = slots.iter().peekable();
    let following = parts.origins.iter().skip(1).copied().chain([u32::MAX]);
    for (op, end) in parts.ops.iter_mut().zip(following) {
        // The jump is the last instruction that went into the operation.
        let mut last = None;
        while let Some(slot) = rest.next_if(|slot| slot.origin < end) {
            last = Some(slot);
        }
        let Some(slot) = last.filter(|_| op.code.has_target()) else {
            continue;
        };
        let target = slot.target().unwrap_or(-1);
        let rule = Rule::JumpTarget {
            target,
            len: places.len().wrapping_sub(1),
        };
        let place = usize::try_from(target)
            .ok()
            .and_then(|target| places.get(target));
        let place = place.filter(|place| (place.op as usize) < ops);
        op.extra = place.ok_or(Refusal::insn(slot.origin as usize, rule))?.op;
    }
    Ok(())
}

/// Has shortcuts jump where the jumps that they stand for lead: the last ones of what they pass
/// over, and, of two, the first ones.
fn set_shortcut_targets<M: Memory>(parts: &mut Parts<M>) {
    let mut rest: &mut [Op] = &mut parts.ops;
    let mut next = 0_u32;
    while let Some((op, behind)) = rest.split_first_mut() {
        next = next.wrapping_add(1);
        if op.code.is_jumping_shortcut() {
            let last = op.skip().checked_sub(1).and_then(|last| behind.get(last));
            op.extra = last.map_or(op.extra, |last| last.extra);
        }
        if matches!(op.code, Code::JeqElseJne | Code::JeqElseJne32) {
            let ahead = behind
                .first()
                .map_or(0, |first| first.extra.wrapping_sub(next));
            op.imm |= u64::from(ahead as u16) << 48;
        }
        rest = behind;
    }
}
