// SPDX-License-Identifier: GPL-2.0

//! A parse graph as the device goes through it: the same nodes, each in a form that takes little work
//! to read.

use parse_graph::{limits, Graph, Node, Range, Target, Tlv, Tlvs};

use super::moves::Move;
use super::number::{Check, Extent, Number};
use super::stages::Stages;
use super::tables::{self, Next, Sizes, Tables};
use super::unroll;
use crate::memory::{Memory, OutOfMemory};

/// A node: what each frame needs of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Flags of the node, and [`Place::STOPS_BEFORE`] and what follows that.
    traits: u16,
    pub(super) min_len: u16,
    pub(super) length: Extent,
    pub(super) moves: Range,
    pub(super) key: Number,
    pub(super) next: Next,
    pub(super) fail: Target,
}

/// The rest of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) stop_before: u16,
    pub(super) stop_if: u16,
    pub(super) stop_unless: u16,
    pub(super) conditions: Range,
    pub(super) present: Number,
    pub(super) optional: Range,
    pub(super) lists: Range,
    pub(super) at_limit: Next,
}

impl Place {
    // Beyond all of `Node::FLAGS`.
    /// It has conditions that stop a parser in front of it.
    pub(super) const STOPS_BEFORE: u16 = 1 << 8;
    /// It has conditions that stop a parser behind it.
    pub(super) const STOPS_BEHIND: u16 = 1 << 9;
    /// Something must be true of its header.
    pub(super) const CHECKS: u16 = 1 << 10;
    /// It has lists of options, or optional fields.
    pub(super) const MORE: u16 = 1 << 11;

    /// Whether it has one of these.
    #[inline(always)]
    pub(super) const fn has(&self, traits: u16) -> bool {
        self.traits & traits != 0
    }

    fn traits_of(node: &Node) -> u16 {
        let of = |is: bool, traits: u16| if is { traits } else { 0 };
        node.flags
            | of(node.stop_before != 0, Self::STOPS_BEFORE)
            | of(node.stop_if | node.stop_unless != 0, Self::STOPS_BEHIND)
            | of(node.conditions.count != 0, Self::CHECKS)
            | of(node.tlvs.count | node.optional.count != 0, Self::MORE)
    }
}

/// Part of a header that is there if its flags say so.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) flags: u32,
    pub(super) length: u16,
    pub(super) moves: Range,
}

/// A list of options.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    pub(super) list: Tlvs,
    pub(super) kind: Number,
    pub(super) length: Extent,
}

/// A parser: a graph, and the memory of the device that it lies in.
pub struct Machine<M: Memory> {
    pub(super) places: M::Buffer<Place>,
    pub(super) rests: M::Buffer<Rest>,
    pub(super) moves: M::Buffer<Move>,
    pub(super) checks: M::Buffer<Check>,
    pub(super) parts: M::Buffer<Part>,
    pub(super) lists: M::Buffer<List>,
    pub(super) options: M::Buffer<Tlv>,
    pub(super) tables: Tables<M>,
    pub(super) stages: Stages<M>,
}

/// Bytes of the device's memory that a parser takes at most, whatever its graph: all that one may have.
pub const MAX_MEMORY: usize = {
    let most = 1 << 20;
    // A node has one list of options at most.
    let node = size_of::<Place>() + size_of::<Rest>() + size_of::<List>();
    let moves = Move::PER_STORE * size_of::<Move>();
    let others = size_of::<Check>() + size_of::<Part>() + size_of::<Tlv>();
    let records = limits::NODES * node + limits::RECORDS * (moves + others);
    assert!(records + tables::MOST + unroll::MOST <= most);
    most
};

impl<M: Memory> Machine<M> {
    /// Makes a parser of `graph`. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, graph: &Graph<'_>) -> Result<Self, OutOfMemory> {
        let [nodes, _, conditions, stores, optional, lists, options] = graph.counts();
        let whole = |count| Range { start: 0, count };
        let per_store = usize::from(stores).saturating_mul(Move::PER_STORE);
        let mut moves = memory.allocate(per_store, |_| Move::NONE)?;
        let mut sizes = Sizes::default();

        // Tables of `next` come first: there may be no room for all.
        let mut all = graph.nodes();
        let places = memory.allocate(nodes.into(), |_| {
            let node = all.next().unwrap_or_default();
            Place {
                traits: Place::traits_of(&node),
                min_len: node.min_len,
                length: Extent::new(&node.length),
                moves: join(graph, node.stores, &mut moves),
                key: Number::new(&node.next.piece),
                next: Next::new(graph, &node.next, &node.next.piece, &mut sizes),
                fail: node.fail,
            }
        })?;
        let mut all = graph.nodes();
        let rests = memory.allocate(nodes.into(), |_| {
            let node = all.next().unwrap_or_default();
            Rest {
                stop_before: node.stop_before,
                stop_if: node.stop_if,
                stop_unless: node.stop_unless,
                conditions: node.conditions,
                present: Number::new(&node.present),
                optional: node.optional,
                lists: node.tlvs,
                at_limit: Next::new(graph, &node.at_limit, &node.next.piece, &mut sizes),
            }
        })?;
        let mut all = graph.optional(whole(optional));
        let parts = memory.allocate(optional.into(), |_| {
            let part = all.next().unwrap_or_default();
            Part {
                flags: part.flags,
                length: part.length,
                moves: join(graph, part.stores, &mut moves),
            }
        })?;
        let mut all = graph.tlv(whole(options));
        let options = memory.allocate(options.into(), |_| {
            let option = all.next().unwrap_or_default();
            Tlv {
                stores: join(graph, option.stores, &mut moves),
                ..option
            }
        })?;
        let mut all = graph.tlvs(whole(lists));
        let lists = memory.allocate(lists.into(), |_| {
            let list = all.next().unwrap_or_default();
            List {
                list,
                kind: Number::new(&list.kind),
                length: Extent::new(&list.length),
            }
        })?;
        let mut all = graph.conditions(whole(conditions));
        let checks = memory.allocate(conditions.into(), |_| {
            Check::new(&all.next().unwrap_or_default())
        })?;
        let mut tables = Tables::new(memory, graph, sizes)?;
        for (node, (place, rest)) in graph.nodes().zip(places.iter().zip(rests.iter())) {
            tables.fill(&place.next, node.next.entries);
            tables.fill(&rest.at_limit, node.at_limit.entries);
        }
        let next_of = |node: u16| {
            let place = places.get(usize::from(node));
            place.map_or_else(Next::default, |place| place.next)
        };
        let stages = Stages::new(memory, graph, next_of)?;
        Ok(Self {
            places,
            rests,
            moves,
            checks,
            parts,
            lists,
            options,
            tables,
            stages,
        })
    }

    /// How many bytes of the device's memory it takes, [`MAX_MEMORY`] at most.
    pub fn memory(&self) -> usize {
        let sizes = [
            size_of_val(&*self.places),
            size_of_val(&*self.rests),
            size_of_val(&*self.moves),
            size_of_val(&*self.checks),
            size_of_val(&*self.parts),
            size_of_val(&*self.lists),
            size_of_val(&*self.options),
            self.tables.memory(),
            self.stages.memory(),
        ];
        sizes.into_iter().fold(0, usize::saturating_add)
    }
}

/// Puts what `stores` do into `moves`, of which those of each store have their own; gives where they
/// are.
fn join(graph: &Graph<'_>, stores: Range, moves: &mut [Move]) -> Range {
    // CAST: 2; there are at most `limits::RECORDS` stores.
    let start = stores.start.wrapping_mul(Move::PER_STORE as u16);
    let (_, moves) = moves.split_at_mut_checked(start.into()).unwrap_or_default();
    let mut each = graph.stores(stores).flat_map(|store| Move::of(&store));
    // There is room for all.
    let count = each.try_fold(0, |count, each| each.add_to(moves, count));
    // CAST: At most two for each store.
    Range {
        start,
        count: count.unwrap_or(0) as u16,
    }
}
