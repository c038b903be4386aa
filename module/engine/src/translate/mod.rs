// SPDX-License-Identifier: GPL-2.0

//! From eBPF instructions to operations of the device.
//!
//! Two walks over the program: one finds where jumps lead, because instructions may be fused only
//! where no jump enters between them; the second lowers instructions and fuses neighbours. Jump
//! targets are translated last, when all operations have their place.

mod fuse;
mod lower;

use crate::check;
use crate::image::{Header, Image, Parts};
use crate::insn::Insn;
use crate::limits::Limits;
use crate::memory::{Memory, OutOfMemory};
use crate::op::{Code, Op};
use crate::refusal::{Refusal, Rule};
use crate::store::{jump_distance, Slot, Source};

/// Where a slot of the program as it was loaded has gone.
#[derive(Clone, Copy)]
struct Place {
    /// The first operation at or after the slot.
    op: u32,
    /// Whether a jump or call leads here.
    is_target: bool,
}

impl<M: Memory> Image<M> {
    /// Translates a stored program. Process context; may sleep.
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
        let mut ops = memory.allocate(asked, |_| filler).map_err(no_memory)?;
        let mut origins = memory.allocate(asked, |_| 0_u32).map_err(no_memory)?;
        let mut maps = MapTable {
            resolve: maps,
            limit: limits.max_maps_per_program,
            used: 0,
        };
        let mut walk = Walk {
            slots,
            places: &places,
            at: 0,
        };
        let mut out = ops.iter_mut().zip(origins.iter_mut());
        let mut count = 0_usize;
        while let Some(slot) = walk.slot(0) {
            // No more operations than slots: each takes at least one.
            let Some((op, origin)) = out.next() else {
                break;
            };
            *op = walk.next_op(&mut maps)?;
            *origin = slot.origin;
            count = count.wrapping_add(1);
        }
        let used_maps = maps.used;
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
        let ends = parts.ops.last().is_some_and(|op| op.code.ends_block());
        if !ends {
            return Err(Refusal::program(Rule::FallsOffEnd));
        }
        let header = Header {
            digest,
            maps: used_maps,
            writes_frame: slots.iter().any(Slot::may_write_frame),
            stack_bytes: source.stack_bytes(),
            slots: source.original().len() as u32,
        };
        Image::from_parts(memory, header, parts).map_err(no_memory)
    }
}

/// The maps of a program as translation meets them.
struct MapTable<'a> {
    resolve: &'a mut dyn FnMut(u64) -> Option<u16>,
    limit: usize,
    /// One more than the greatest index met.
    used: u16,
}

impl MapTable<'_> {
    fn index(&mut self, immediate: u64) -> Result<u16, Rule> {
        let index = (self.resolve)(immediate).ok_or(Rule::ForeignMap)?;
        let asked = usize::from(index).wrapping_add(1);
        if asked > self.limit || index == u16::MAX {
            return Err(Rule::TooManyMaps {
                asked,
                limit: self.limit,
            });
        }
        self.used = self.used.max(index.wrapping_add(1));
        Ok(index)
    }
}

/// The second walk's place in the program.
struct Walk<'a> {
    slots: &'a [Slot],
    places: &'a [Place],
    at: usize,
}

impl<'a> Walk<'a> {
    /// The slot `ahead` slots after the current one.
    fn slot(&self, ahead: usize) -> Option<&'a Slot> {
        self.slots.get(self.at.wrapping_add(ahead))
    }

    /// The slot at the current place if it can be fused with what comes before: it is there, and no
    /// jump leads to it.
    fn fusible(&self) -> Option<&'a Slot> {
        let slot = self.slot(0)?;
        let place = self.places.get(slot.origin as usize)?;
        Some(slot).filter(|_| !place.is_target)
    }

    /// Lowers one operation and moves on.
    fn next_op(&mut self, maps: &mut MapTable<'_>) -> Result<Op, Refusal> {
        let Some(slot) = self.slot(0) else {
            return Err(Refusal::program(Rule::FallsOffEnd));
        };
        let refuse = |rule| Refusal::insn(slot.origin as usize, rule);
        check::check(slot.insn).map_err(refuse)?;
        if slot.insn.is_ld_imm64() {
            let second = self.slot(1).map(|slot| slot.insn);
            let op = lower::ld_imm64(slot.insn, second, maps).map_err(refuse)?;
            self.at = self.at.wrapping_add(2);
            return Ok(op);
        }
        let mut op = lower::lower(slot).map_err(refuse)?;
        self.at = self.at.wrapping_add(1);
        while let Some(fused) = self.fusible().and_then(|next| fuse::fuse(&op, slot, next)) {
            op = fused;
            self.at = self.at.wrapping_add(1);
        }
        Ok(op)
    }
}

/// The slot that a jump in slot `origin` leads to, in the numbering of the program as it was
/// loaded.
fn target_of(insn: Insn, origin: u32) -> Option<i64> {
    jump_distance(insn).map(|distance| i64::from(origin).wrapping_add(distance).wrapping_add(1))
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
        let Some(target) = target_of(slot.insn, slot.origin) else {
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
        if let Some((first, others)) = ops.split_last() {
            if *first as usize == origin {
                next = others.len() as u32;
                ops = others;
            }
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
        let target = target_of(slot.insn, slot.origin).unwrap_or(-1);
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
