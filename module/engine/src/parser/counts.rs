// SPDX-License-Identifier: GPL-2.0

//! How often frames came to each node of a graph, and which way they went from there.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use parse_graph::{limits, Graph, Lookup, Node, Target};

use super::machine::Machine;
use super::trace::Passed;
use crate::memory::{lock_bytes, Lock, LockClass, Memory, OutOfMemory};

/// Bytes that are kept of a frame, at most.
pub const KEPT: usize = 128;

/// Bytes of the device's memory that counts take at most, as much as a parser: nodes may share a table, and each
/// has edges of its own all the same, 1,024 nodes of 1,024 entries as many as a million.
pub const MAX_COUNTS_MEMORY: usize = 1 << 20;

/// Why nothing can be counted by a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Uncounted {
    /// It would take that many bytes: above [`MAX_COUNTS_MEMORY`].
    TooLarge {
        /// How many edges the graph has.
        edges: usize,
        /// How many bytes that takes, all in all.
        bytes: usize,
    },
    /// There is no memory.
    Memory(OutOfMemory),
}

impl From<OutOfMemory> for Uncounted {
    fn from(error: OutOfMemory) -> Self {
        Self::Memory(error)
    }
}

impl fmt::Display for Uncounted {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { edges, bytes } => write!(
                f,
                "the graph leads from node to node in {edges} ways, to count which takes {bytes} bytes: limit \
                 {MAX_COUNTS_MEMORY}"
            ),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

/// Where all edges lead that come from one node: nodes by their numbers, and behind them the three ways to
/// stop, as [`Ends::place`] has them.
struct Ends([u64; WORDS]);

/// Words of [`Ends`].
const WORDS: usize = (limits::NODES + STOPS.len()).div_ceil(64);
/// The ways to stop, sorted.
const STOPS: [Target; 3] = [Target::LEFT_OUT, Target::FAIL, Target::OKAY];

impl Ends {
    /// Where a node of `graph` may lead.
    fn of(graph: &Graph<'_>, node: &Node) -> Self {
        let mut ends = Self([0; WORDS]);
        // A header may begin beyond the last offset behind any node.
        ends.add(Target::FAIL);
        ends.add(node.fail);
        if node.stop_before | node.stop_if | node.stop_unless != 0 {
            ends.add(Target::OKAY);
        }
        ends.add_all(graph, &node.next);
        if node.has(Node::COUNTED) {
            ends.add_all(graph, &node.at_limit);
        }
        ends
    }

    fn add_all(&mut self, graph: &Graph<'_>, lookup: &Lookup) {
        self.add(lookup.default);
        for entry in graph.entries(lookup.entries) {
            self.add(entry.target);
        }
    }

    /// Where a target has its bit.
    fn place(target: Target) -> usize {
        match target.as_node() {
            Some(node) => node.into(),
            None => {
                let stop = STOPS.iter().position(|stop| *stop == target);
                stop.unwrap_or(0).wrapping_add(limits::NODES)
            }
        }
    }

    /// What has its bit there.
    fn target(place: usize) -> Target {
        match place.checked_sub(limits::NODES) {
            // CAST: Below `limits::NODES`.
            None => Target::node(place as u16),
            Some(stop) => STOPS.get(stop).copied().unwrap_or_default(),
        }
    }

    fn add(&mut self, target: Target) {
        let place = Self::place(target);
        if let Some(word) = self.0.get_mut(place >> 6) {
            // CAST: Below 64.
            *word |= 1_u64.wrapping_shl((place & 63) as u32);
        }
    }

    fn count(&self) -> u32 {
        let counts = self.0.iter().map(|word| word.count_ones());
        counts.fold(0, u32::wrapping_add)
    }

    /// Takes the first one out.
    fn take(&mut self) -> Option<Target> {
        let (index, word) = self
            .0
            .iter_mut()
            .enumerate()
            .find(|(_, word)| **word != 0)?;
        let bit = word.trailing_zeros();
        *word &= word.wrapping_sub(1);
        // CAST: A `usize` has at least 32 bits.
        Some(Self::target(index.wrapping_shl(6) | bit as usize))
    }
}

/// A node: its edges, and how often its header was broken.
struct Place {
    /// Number of the first edge, and how many there are.
    first: u32,
    edges: u32,
    broken: AtomicU64,
}

/// An edge, and how often it was taken.
struct Edge {
    to: Target,
    taken: AtomicU64,
}

/// What was counted of an edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EdgeCount {
    /// Number of the node that it comes from.
    pub from: u16,
    /// Where it leads.
    pub to: Target,
    /// How often it was taken.
    pub taken: u64,
}

/// What was counted of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeCount {
    /// How often a parser came to it.
    pub visits: u64,
    /// How often one failed there.
    pub failures: u64,
    /// How often its header was cut off, or not as the node says.
    pub broken: u64,
}

/// The last frame that failed at a node: it was the last one of its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    bytes: [u8; KEPT],
    /// Length of the whole frame, in bytes; 0 if none has failed.
    pub len: u32,
    /// Where in it the node's header begins.
    pub offset: u16,
    /// Whether that is broken.
    pub is_broken: bool,
}

impl Failure {
    const NONE: Self = Self {
        bytes: [0; KEPT],
        len: 0,
        offset: 0,
        is_broken: false,
    };

    /// Its first bytes.
    pub fn bytes(&self) -> &[u8] {
        // CAST: A `usize` has at least 32 bits.
        self.bytes.get(..self.len as usize).unwrap_or(&self.bytes)
    }
}

/// What has come of the frames that a parser was told to count, since it was. All may count at once.
pub struct Counts<M: Memory> {
    places: M::Buffer<Place>,
    edges: M::Buffer<Edge>,
    failures: M::Buffer<M::Lock<Failure>>,
    frames: AtomicU64,
}

impl<M: Memory> Counts<M> {
    /// None yet, of the parser of `graph`. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`Uncounted`].
    pub fn new(memory: &M, graph: &Graph<'_>) -> Result<Self, Uncounted> {
        let mut first = 0_u32;
        let mut nodes = graph.nodes();
        let places = memory.allocate(nodes.len(), |_| {
            let node = nodes.next().unwrap_or_default();
            let place = Place {
                first,
                edges: Ends::of(graph, &node).count(),
                broken: AtomicU64::new(0),
            };
            // Each node has at most one for each other, and three.
            first = first.wrapping_add(place.edges);
            place
        })?;
        // CAST: A `usize` has at least 32 bits.
        let edges = first as usize;
        let bytes = Self::bytes(places.len(), edges);
        if bytes > MAX_COUNTS_MEMORY {
            return Err(Uncounted::TooLarge { edges, bytes });
        }
        let mut nodes = graph.nodes();
        let mut ends = Ends([0; WORDS]);
        let edges = memory.allocate(edges, |_| {
            let next = ends.take();
            let to = next.or_else(|| {
                // Each node has one.
                ends = Ends::of(graph, &nodes.next()?);
                ends.take()
            });
            Edge {
                to: to.unwrap_or_default(),
                taken: AtomicU64::new(0),
            }
        })?;
        let failures = memory.locks(LockClass::Failures, places.len(), |_| Failure::NONE)?;
        Ok(Self {
            places,
            edges,
            failures,
            frames: AtomicU64::new(0),
        })
    }

    /// How many bytes so many nodes and edges take.
    fn bytes(nodes: usize, edges: usize) -> usize {
        let node = size_of::<Place>().saturating_add(lock_bytes::<Failure>());
        let edges = edges.saturating_mul(size_of::<Edge>());
        nodes.saturating_mul(node).saturating_add(edges)
    }

    /// How many bytes of the device's memory they take, [`MAX_COUNTS_MEMORY`] at most.
    pub fn memory(&self) -> usize {
        Self::bytes(self.places.len(), self.edges.len())
    }

    /// Has `machine`, which is the parser of the graph that these are of, find its way through `frame`, of which
    /// `bytes` are the first ones and which has `len`, and counts that. `asked` as for [`Machine::parse`].
    /// Context: softirq, several at once.
    pub fn count(&self, machine: &Machine<M>, bytes: &[u8], len: u32, asked: u16) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        machine.trace(bytes, asked, &mut |passed: &Passed| {
            self.add(passed);
            if passed.to == Target::FAIL {
                self.keep(passed, bytes, len);
            }
        });
    }

    fn add(&self, passed: &Passed) {
        let Some(place) = self.places.get(usize::from(passed.step.node)) else {
            return;
        };
        if passed.is_broken {
            place.broken.fetch_add(1, Ordering::Relaxed);
        }
        let edges = self.edges_of(place);
        let index = edges.binary_search_by_key(&passed.to, |edge| edge.to);
        if let Some(edge) = index.ok().and_then(|index| edges.get(index)) {
            edge.taken.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[cold]
    fn keep(&self, passed: &Passed, frame: &[u8], len: u32) {
        let Some(failure) = self.failures.get(usize::from(passed.step.node)) else {
            return;
        };
        let mut bytes = [0; KEPT];
        for (to, from) in bytes.iter_mut().zip(frame) {
            *to = *from;
        }
        failure.with(|kept| {
            *kept = Failure {
                bytes,
                len,
                offset: passed.step.offset,
                is_broken: passed.is_broken,
            }
        });
    }

    fn edges_of(&self, place: &Place) -> &[Edge] {
        // CAST: A `usize` has at least 32 bits.
        let first = place.first as usize;
        let end = first.wrapping_add(place.edges as usize);
        self.edges.get(first..end).unwrap_or_default()
    }

    /// How many frames were counted.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.places.len()
    }

    /// How many edges there are.
    pub fn edges(&self) -> usize {
        self.edges.len()
    }

    /// What was counted of node number `node`. All frames that come to a node go on by one of its edges, so
    /// that the one is the sum of the other at any moment.
    pub fn node(&self, node: u16) -> Option<NodeCount> {
        let place = self.places.get(usize::from(node))?;
        let (mut visits, mut failures) = (0_u64, 0);
        for edge in self.edges_of(place) {
            let taken = edge.taken.load(Ordering::Relaxed);
            visits = visits.wrapping_add(taken);
            if edge.to == Target::FAIL {
                failures = taken;
            }
        }
        Some(NodeCount {
            visits,
            failures,
            broken: place.broken.load(Ordering::Relaxed),
        })
    }

    /// What was counted of edge number `index`. Edges are sorted by the nodes that they come from, and then by
    /// the targets that they lead to.
    pub fn edge(&self, index: u32) -> Option<EdgeCount> {
        // CAST: A `usize` has at least 32 bits.
        let edge = self.edges.get(index as usize)?;
        let behind = self.places.partition_point(|place| place.first <= index);
        Some(EdgeCount {
            // CAST: At most `limits::NODES`.
            from: behind.saturating_sub(1) as u16,
            to: edge.to,
            taken: edge.taken.load(Ordering::Relaxed),
        })
    }

    /// The last frame that failed at node number `node`. Context: process, bottom halves off.
    pub fn failure(&self, node: u16) -> Option<Failure> {
        let failure = self.failures.get(usize::from(node))?.with(|kept| *kept);
        (failure.len != 0).then_some(failure)
    }
}
