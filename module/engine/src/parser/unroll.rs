// SPDX-License-Identifier: GPL-2.0

//! Which ways through a parse graph have headers at offsets that are known beforehand.

use core::cell::Cell;

use parse_graph::{
    stop, Compare, Condition, Field, Graph, Length, Node, Piece, Range, Source, Store,
};

use super::decisive::Decisive;
use super::found::Step;
use super::moves::Move;
use super::number::{Check, Number};
use super::stages::{Stage, Stages};
use super::tables::{part, Next};
use crate::frame::ETH_HLEN;
use crate::memory::{Memory, OutOfMemory};
use crate::numbered::numbered;

/// How many stages there are at most.
const STAGES: usize = 384;
/// How many checks all of them have together.
const CHECKS: usize = 256;
/// How many moves.
const MOVES: usize = 4096;
/// How many nodes all of their ways have.
const STEPS: usize = 2048;
/// The last offset at which a header of a stage ends, in bytes.
const END: usize = 256;
/// Nodes that have more conditions or stores are none of a stage, and of longer tables only the
/// beginning is gone through: so that no graph takes long to unroll.
const PARTS: u16 = 32;
/// As [`PARTS`], of entries.
const ENTRIES: u16 = 64;
/// How many conditions and stores are looked at: where all of that is taken, there are no more stages. Ways
/// of many nodes look at those of all of them again and again.
const LOOKS: u32 = 1 << 20;

/// Bytes of all stages, at most.
pub(super) const MOST: usize = STAGES * (size_of::<Stage>() + size_of::<Decisive>())
    + CHECKS * size_of::<Check>()
    + MOVES * size_of::<Move>()
    + STEPS * size_of::<Step>();

/// Where the kernel's dissector looks for the network header until it knows better.
const NETWORK: Store = Store {
    field: Field::Nhoff,
    source: Source::Constant,
    piece: Piece::NONE,
    // CAST: 14.
    value: ETH_HLEN as u32,
};

/// Some records, and room for more.
struct Pile<M: Memory, T: Copy + Send + Sync + 'static> {
    records: M::Buffer<T>,
    count: usize,
}

impl<M: Memory, T: Copy + Send + Sync + 'static> Pile<M, T> {
    fn new(memory: &M, room: usize, nothing: T) -> Result<Self, OutOfMemory> {
        Ok(Self {
            records: memory.allocate(room, |_| nothing)?,
            count: 0,
        })
    }

    fn used(&self) -> &[T] {
        self.records.get(..self.count).unwrap_or_default()
    }

    /// `None` if there is no room.
    fn push(&mut self, record: T) -> Option<()> {
        *self.records.get_mut(self.count)? = record;
        self.count = self.count.wrapping_add(1);
        Some(())
    }

    /// Puts a copy of `range` behind all that there is.
    fn repeat(&mut self, range: Range) -> Option<()> {
        let start = usize::from(range.start);
        (start..start.wrapping_add(range.count.into()))
            .try_for_each(|index| self.push(*self.records.get(index)?))
    }

    /// What was put there since there were `start` of them.
    fn since(&self, start: usize) -> Range {
        // CAST: All of them have less room than that.
        Range {
            start: start as u16,
            count: self.count.wrapping_sub(start) as u16,
        }
    }

    /// The records that there are, in as much memory as they need.
    fn fitted(&self, memory: &M, nothing: T) -> Result<M::Buffer<T>, OutOfMemory> {
        let all = self.used();
        memory.allocate(all.len(), |index| {
            all.get(index).copied().unwrap_or(nothing)
        })
    }
}

/// What is known of a number in the frame; the piece's offset is that in the frame.
#[derive(Clone, Copy)]
struct Fact {
    piece: Piece,
    /// The field under the piece's mask, not shifted.
    field: u32,
}

impl Fact {
    /// The number that `piece` tells, if this says so.
    fn tells(&self, piece: &Piece) -> Option<u32> {
        let is_part = piece.offset == self.piece.offset
            && piece.size == self.piece.size
            && piece.mask & self.piece.mask == piece.mask;
        is_part.then(|| piece.of(self.field))
    }
}

/// What is known where a stage begins.
#[derive(Clone, Copy)]
struct Note {
    /// Number of the stage in front, if there is one.
    front: Option<u16>,
    /// What led from there to here.
    key: Option<Fact>,
    /// Whether the packet is a fragment, behind this stage.
    is_fragment: Option<bool>,
}

/// Where a stage is to be.
struct Here {
    number: u16,
    at: usize,
    left: u8,
    note: Note,
    /// What was told in front of it, and the way there.
    moves: Range,
    steps: Range,
}

/// All stages so far.
struct Unroll<'a, M: Memory> {
    graph: &'a Graph<'a>,
    stages: Pile<M, Stage>,
    notes: Pile<M, Note>,
    checks: Pile<M, Check>,
    moves: Pile<M, Move>,
    steps: Pile<M, Step>,
    /// What is left of [`LOOKS`].
    looks: Cell<u32>,
}

impl<M: Memory> Stages<M> {
    /// Those of `graph`; `next_of` gives what a node is followed by. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub(super) fn new(
        memory: &M,
        graph: &Graph<'_>,
        next_of: impl Fn(u16) -> Next,
    ) -> Result<Self, OutOfMemory> {
        let nowhere = Note {
            front: None,
            key: None,
            is_fragment: Some(false),
        };
        let mut unroll = Unroll {
            graph,
            stages: Pile::new(memory, STAGES, Stage::default())?,
            notes: Pile::new(memory, STAGES, nowhere)?,
            checks: Pile::new(memory, CHECKS, Check::default())?,
            moves: Pile::new(memory, MOVES, Move::NONE)?,
            steps: Pile::new(memory, STEPS, Step::default())?,
            looks: Cell::new(LOOKS),
        };
        let _ = unroll.root(nowhere, &next_of);
        // The stages behind each are put behind all: so that those come first that are soon reached.
        let mut index = 0;
        while index < unroll.stages.count {
            unroll.behind(index, &next_of);
            index = index.wrapping_add(1);
        }
        let decisive = unroll.decisive(memory)?;
        Ok(Self {
            decisive,
            all: unroll.stages.fitted(memory, Stage::default())?,
            checks: unroll.checks.fitted(memory, Check::default())?,
            moves: unroll.moves.fitted(memory, Move::NONE)?,
            steps: unroll.steps.fitted(memory, Step::default())?,
        })
    }
}

impl<M: Memory> Unroll<'_, M> {
    /// Begins with node 0.
    fn root(&mut self, note: Note, next_of: &impl Fn(u16) -> Next) -> Option<()> {
        let moves = self.moves.count;
        self.add_move(moves, &NETWORK)?;
        let here = Here {
            number: 0,
            at: 0,
            left: self.graph.max_headers(),
            note,
            moves: self.moves.since(moves),
            steps: Range::NONE,
        };
        self.stage(&here, next_of)
    }

    /// Makes the stages behind one, as far as there may be any.
    fn behind(&mut self, index: usize, next_of: &impl Fn(u16) -> Next) {
        let (Some(front), Some(note)) = (
            self.stages.used().get(index).copied(),
            self.notes.used().get(index).copied(),
        ) else {
            return;
        };
        let Some(node) = self.graph.node(front.step.node) else {
            return;
        };
        let ([_, moves], [_, left]) = (front.moves, front.left);
        let first = self.stages.count;
        let is_long = node.next.entries.count > ENTRIES;
        let entries = || self.graph.entries(node.next.entries).take(ENTRIES.into());
        let targets = entries().map(|entry| entry.target);
        for target in targets.chain([node.next.default]) {
            let Some(number) = target.as_node() else {
                continue;
            };
            let mut leading = entries().filter(|entry| entry.target == target);
            let made = self.stages.used().get(first..).unwrap_or_default();
            if made.iter().any(|stage| stage.step.node == number) {
                continue;
            }
            let key = match (leading.next(), leading.next()) {
                (Some(entry), None) if !is_long && target != node.next.default => {
                    let piece = at(&node.next.piece, front.step.offset.into());
                    piece.map(|piece| Fact {
                        piece,
                        field: entry.key.wrapping_shl(piece.shift.into()),
                    })
                }
                _ => None,
            };
            let here = Here {
                number,
                at: front.end.into(),
                left,
                note: Note {
                    // CAST: At most `STAGES`.
                    front: Some(index as u16),
                    key,
                    is_fragment: note.is_fragment,
                },
                moves,
                steps: front.steps,
            };
            let _ = self.stage(&here, next_of);
        }
        let behind = self.stages.since(first);
        if let Some(front) = self.stages.records.get_mut(index) {
            front.behind = behind;
        }
    }

    /// Makes a stage, if there can be one.
    fn stage(&mut self, here: &Here, next_of: &impl Fn(u16) -> Next) -> Option<()> {
        let counts = [self.checks.count, self.moves.count, self.steps.count];
        let made = self.try_stage(here, next_of);
        if made.is_none() {
            [self.checks.count, self.moves.count, self.steps.count] = counts;
        }
        made
    }

    fn try_stage(&mut self, here: &Here, next_of: &impl Fn(u16) -> Next) -> Option<()> {
        let node = self.graph.node(here.number)?;
        let stops = node.stop_before | node.stop_if;
        let may_be_fragment = here.note.is_fragment != Some(false);
        if node.optional.count | node.tlvs.count | node.stop_unless != 0
            || node.conditions.count.max(node.stores.count) > PARTS
            || (node.stop_before & stop::IS_FRAG != 0 && may_be_fragment)
            || (node.stop_if & stop::IS_FRAG != 0)
            || (node.has(Node::COUNTED) && here.left == 0)
        {
            return None;
        }
        let checks = self.checks.count;
        for condition in self.graph.conditions(node.conditions) {
            let piece = at(&condition.piece, here.at)?;
            match self.known_before(here, &piece) {
                Some(number) if condition.compare.holds(number, condition.value) => {}
                Some(_) => return None,
                None => self
                    .checks
                    .push(Check::new(&Condition { piece, ..condition }))?,
            }
        }
        let len = self.length(here, &node.length)?;
        let min_len = usize::from(node.min_len);
        let read = if node.has(Node::WHOLE) { len } else { min_len };
        let whole = here.at.checked_add(len)?;
        if len < min_len || whole > END {
            return None;
        }

        let steps = self.steps.count;
        self.steps.repeat(here.steps)?;
        let step = Step {
            node: here.number,
            // CAST: At most `END`.
            offset: here.at as u16,
        };
        self.steps.push(step)?;
        let moves = self.moves.count;
        let mut is_fragment = here.note.is_fragment;
        self.add_move(moves, &NETWORK)?;
        for index in steps..self.steps.count {
            let step = *self.steps.used().get(index)?;
            let stores = self.graph.node(step.node)?.stores;
            self.look(stores.count)?;
            for store in self.graph.stores(stores) {
                let store = self.of_frame(here, step.offset, &store)?;
                if store.field == Field::IsFrag {
                    let is_known = store.source == Source::Constant;
                    is_fragment = is_known.then_some(store.value != 0);
                }
                self.add_move(moves, &store)?;
            }
        }
        let key = at(&node.next.piece, here.at)?;
        let end = if node.has(Node::OVERLAY) {
            here.at
        } else {
            whole
        };
        let counted = u8::from(node.has(Node::COUNTED));
        self.stages.push(Stage {
            // CAST: At most `END` and a header.
            needs: here.at.checked_add(read)? as u16,
            asks: stops & stop::OF_CALLER,
            checks: self.checks.since(checks),
            key: Number::new(&key),
            next: next_of(here.number),
            behind: Range::NONE,
            // CAST: At most `END`.
            end: end as u16,
            step,
            left: [here.left, here.left.wrapping_sub(counted)],
            moves: [here.moves, self.moves.since(moves)],
            steps: self.steps.since(steps),
        })?;
        self.notes.push(Note {
            is_fragment,
            ..here.note
        })
    }

    /// What of a frame has decided where it went, and what it told, if it ends behind a stage; for each of
    /// them. No stage comes before that in front of it.
    fn decisive(&self, memory: &M) -> Result<M::Buffer<Decisive>, OutOfMemory> {
        let (stages, notes) = (self.stages.used(), self.notes.used());
        let mut on_the_way = memory.allocate(stages.len(), |_| Decisive::HEADER)?;
        for (index, (stage, note)) in numbered(stages.iter().zip(notes)) {
            let front = note
                .front
                .and_then(|front| on_the_way.get(usize::from(front)));
            let mut decisive = front.copied().unwrap_or(Decisive::HEADER);
            let checks = part(self.checks.used(), stage.checks).iter();
            for (at, bits) in checks.map(Check::reads).chain([stage.key.reads()]) {
                decisive = decisive.with(at, bits);
            }
            if let Some(here) = on_the_way.get_mut(index) {
                *here = decisive.with_length(stage.needs.into());
            }
        }
        memory.allocate(stages.len(), |index| {
            let way = on_the_way.get(index).zip(stages.get(index));
            let Some((way, Stage { moves, end, .. })) = way else {
                return Decisive::HEADER;
            };
            let moves = part(self.moves.used(), moves[1]).iter().map(Move::reads);
            let all = moves.fold(*way, |all, (at, bits)| all.with(at, bits));
            all.with_ports(usize::from(*end))
        })
    }

    /// How long a header is, if that is known at a stage.
    fn length(&self, here: &Here, length: &Length) -> Option<usize> {
        let counted = if length.piece.is_none() {
            0
        } else {
            let number = self.known(here, &at(&length.piece, here.at)?)?;
            number.checked_mul(length.multiplier.into())?
        };
        // CAST: A `usize` has at least 32 bits.
        Some(counted.checked_add(length.add.into())? as usize)
    }

    /// Adds what `store` does to the moves from number `first` on.
    fn add_move(&mut self, first: usize, store: &Store) -> Option<()> {
        for each in Move::of(store) {
            let (_, moves) = self.moves.records.split_at_mut_checked(first)?;
            let count = each.add_to(moves, self.moves.count.wrapping_sub(first))?;
            self.moves.count = first.wrapping_add(count);
        }
        Some(())
    }

    /// `store` of a header at `offset`, as it reads from the frame's beginning with all that is known
    /// of it at a stage.
    fn of_frame(&self, here: &Here, offset: u16, store: &Store) -> Option<Store> {
        let constant = |value| Store {
            source: Source::Constant,
            piece: Piece::NONE,
            value,
            ..*store
        };
        match store.source {
            Source::Constant => Some(*store),
            Source::Offset => Some(constant(offset.into())),
            Source::Extract => {
                let piece = at(&store.piece, offset.into())?;
                let plain = Store { piece, ..*store };
                Some(self.known(here, &piece).map_or(plain, constant))
            }
        }
    }

    /// Looks at so many conditions or stores; `None` if that is not to be.
    fn look(&self, count: u16) -> Option<()> {
        self.looks.set(self.looks.get().checked_sub(count.into())?);
        Some(())
    }

    /// The number that `piece` of the frame tells, if that is known where a node's conditions are true.
    fn known(&self, here: &Here, piece: &Piece) -> Option<u32> {
        let own = || self.told_by_conditions(here.number, here.at, piece);
        self.known_before(here, piece).or_else(own)
    }

    /// The same, where they may be false.
    fn known_before(&self, here: &Here, piece: &Piece) -> Option<u32> {
        let mut note = here.note;
        loop {
            if let Some(number) = note.key.and_then(|fact| fact.tells(piece)) {
                return Some(number);
            }
            let index = usize::from(note.front?);
            let Step { node, offset } = self.stages.used().get(index)?.step;
            let told = self.told_by_conditions(node, offset.into(), piece);
            if told.is_some() {
                return told;
            }
            note = *self.notes.used().get(index)?;
        }
    }

    /// The number that `piece` of the frame tells, if the conditions of a node at an offset say it.
    fn told_by_conditions(&self, node: u16, offset: usize, piece: &Piece) -> Option<u32> {
        let conditions = self.graph.node(node)?.conditions;
        self.look(conditions.count.saturating_add(1))?;
        self.graph.conditions(conditions).find_map(|condition| {
            let is_equal = condition.compare == Compare::Equal;
            let of_frame = at(&condition.piece, offset).filter(|_| is_equal)?;
            let field = condition.value.wrapping_shl(of_frame.shift.into());
            let fact = Fact {
                piece: of_frame,
                field,
            };
            fact.tells(piece)
        })
    }
}

/// The piece of the frame that `piece` of a header at offset `start` is.
fn at(piece: &Piece, start: usize) -> Option<Piece> {
    let offset = usize::from(piece.offset).checked_add(start)?;
    let offset = u16::try_from(offset).ok()?;
    Some(Piece { offset, ..*piece })
}
