// SPDX-License-Identifier: GPL-2.0

//! The parser of a card: the graph by which it finds its way through frames.
//!
//! A card holds two: the one that it runs, and the one that was flashed last, which it runs after the
//! next activation.

use crate::{
    memory::{
        DeviceMemory,
        KernelBuffer,
        KernelMemory, //
    },
    number::next_number, //
};
use engine::{
    insn::Insn,
    memory::OutOfMemory,
    parser::{
        dissector,
        Found,
        Machine,
        Uncounted, //
    },
    resources::{
        Exhausted,
        Resource,
        Resources, //
    }, //
};
use kernel::{
    alloc::AllocError,
    fmt,
    prelude::*,
    sync::Arc, //
};
use net::{
    digest::Sha256,
    rcu, //
};
use parse_graph::{
    blob::{
        self,
        Blob,
        Digest, //
    },
    Graph,
    Header, //
};

/// What each card comes with: what the kernel's own flow dissector does (`samples/parsers/kernel.json`).
const BUILT_IN: &[u8] = include_bytes!("parser/kernel.fw");

/// Why a card does not take a blob.
#[derive(Debug)]
pub enum Refusal {
    /// It is none.
    Unfit(blob::Unfit),
    /// No flow dissector can be made of it.
    NoDissector(dissector::Unfit),
    /// It is larger than a graph may be.
    TooLarge(Exhausted),
    /// Nothing can be counted by it.
    Uncounted(Uncounted),
    /// The device, or the host, has no memory for it.
    Memory,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(unfit) => write!(f, "{unfit}"),
            Self::NoDissector(unfit) => write!(f, "{unfit}"),
            Self::TooLarge(exhausted) => write!(f, "{exhausted}"),
            Self::Uncounted(uncounted) => write!(f, "{uncounted}"),
            Self::Memory => f.write_str("no memory left for the device"),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unfit(_) | Refusal::NoDissector(_) => EINVAL,
            Refusal::TooLarge(_) | Refusal::Uncounted(_) => E2BIG,
            Refusal::Memory => ENOMEM,
        }
    }
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::TooLarge(exhausted)
    }
}

impl From<Uncounted> for Refusal {
    fn from(uncounted: Uncounted) -> Self {
        match uncounted {
            Uncounted::Memory(OutOfMemory) => Self::Memory,
            uncounted => Self::Uncounted(uncounted),
        }
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::Memory
    }
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}

/// A graph, and the parser that was made of it.
pub struct Parser {
    /// The blob that it came in.
    blob: KVVec<u8>,
    /// How large it is, in the order of [`SIZES`].
    sizes: [u64; SIZES.len()],
    digest: Digest,
    attested: Option<Digest>,
    reproduced: Digest,
    is_built_in: bool,
    number: u64,
    machine: Machine<KernelMemory>,
}

/// What a graph is measured by.
const SIZES: [Resource; 4] = [
    Resource::ParserNodes,
    Resource::ParserEntries,
    Resource::ParserHeaders,
    Resource::ParserBytes,
];

/// How large `graph` is, which came in `blob`, in the order of [`SIZES`].
fn sizes(blob: &[u8], graph: &Graph<'_>) -> [u64; SIZES.len()] {
    let [nodes, entries, ..]: [u16; Header::KINDS] = graph.counts();
    [
        nodes.into(),
        entries.into(),
        graph.max_headers().into(),
        // CAST: A `usize` has at most 64 bits.
        blob.len() as u64,
    ]
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut digest = Sha256::new();
    digest.update(bytes);
    digest.finish()
}

/// The flow dissector of `graph`.
fn translate(memory: &KernelMemory, graph: &Graph<'_>) -> Result<KernelBuffer<Insn>, Refusal> {
    dissector::translate(memory, graph).map_err(|unfit| match unfit {
        dissector::Unfit::Memory(OutOfMemory) => Refusal::Memory,
        unfit => Refusal::NoDissector(unfit),
    })
}

impl Parser {
    /// Of the graph in `bytes`, in `memory`, if `resources` let one be as large.
    fn new(memory: &KernelMemory, resources: &Resources, bytes: &[u8]) -> Result<Self, Refusal> {
        let Blob {
            graph,
            digest,
            dissector: attested,
            ..
        } = blob::parse(bytes, sha256).map_err(Refusal::Unfit)?;
        let sizes = sizes(bytes, &graph);
        for (resource, size) in SIZES.into_iter().zip(sizes) {
            resources.admit(resource, size)?;
        }
        let mut kept = KVVec::new();
        kept.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
        let machine = Machine::new(memory, &graph)?;
        let reproduced = {
            let insns = translate(memory, &graph)?;
            let mut digest = Sha256::new();
            insns
                .iter()
                .for_each(|insn| digest.update(&insn.to_le_bytes()));
            digest.finish()
        };
        Ok(Self {
            blob: kept,
            sizes,
            digest,
            attested,
            reproduced,
            is_built_in: false,
            number: next_number(),
            machine,
        })
    }

    /// The blob that it came in.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// What is in that.
    pub fn contents(&self) -> Option<Blob<'_>> {
        blob::parse(&self.blob, sha256).ok()
    }

    /// SHA-256 of the canonical form of its graph.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The instructions of the flow dissector of its graph, made anew. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn dissector(&self) -> Result<KernelBuffer<Insn>> {
        let Blob { graph, .. } = self.contents().ok_or(EINVAL)?;
        // It is gone when it has been told.
        Ok(translate(&KernelMemory::uncharged(), &graph)?)
    }

    /// SHA-256 of the flow dissector that whoever made the blob vouches for, if he does.
    #[inline]
    pub fn attested(&self) -> Option<&Digest> {
        self.attested.as_ref()
    }

    /// SHA-256 of the flow dissector that the card has made of the graph itself.
    #[inline]
    pub fn reproduced(&self) -> &Digest {
        &self.reproduced
    }

    /// Whether its graph is the one that each card comes with.
    #[inline]
    pub fn is_built_in(&self) -> bool {
        self.is_built_in
    }

    /// The number by which it is known from all others.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes of the device's memory it takes.
    pub fn memory(&self) -> usize {
        self.machine.memory()
    }

    /// What walks over its graph.
    #[inline]
    pub(crate) fn machine(&self) -> &Machine<KernelMemory> {
        &self.machine
    }

    /// Finds out of a frame what the graph tells, as [`Machine::parse`]. Any context.
    #[inline]
    pub fn parse(&self, frame: &[u8], asked: u16) -> Found {
        self.machine.parse(frame, asked)
    }
}

/// The parsers of a card. Frames read the one that runs under RCU; who changes one of them has the lock of the
/// host's that all who do have (that of the devlink instance in Linux).
///
/// # Invariants
///
/// There are both.
pub struct Parsers {
    /// The digest of the graph that the card comes with.
    built_in: Digest,
    running: rcu::Slot<Parser>,
    stored: rcu::Slot<Parser>,
}

impl Parsers {
    /// Those that each card comes with. They lie in the card's fixed memory, and take nothing of what
    /// programs have. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(memory: &DeviceMemory) -> Result<Self> {
        let parser = Parser {
            is_built_in: true,
            ..Parser::new(&memory.charged_source(), memory.resources(), BUILT_IN)?
        };
        let parser = Arc::new(parser, GFP_KERNEL)?;
        let parsers = Self {
            built_in: parser.digest,
            running: rcu::Slot::empty(),
            stored: rcu::Slot::empty(),
        };
        parsers.stored.replace(Some(parser.clone()));
        parsers.running.replace(Some(parser));
        parsers.note(memory.resources());
        // INVARIANT: Just put in.
        Ok(parsers)
    }

    /// The parser that runs, for frames. There is always one.
    #[inline]
    pub fn load<'a>(&'a self, guard: &'a rcu::Guard) -> Option<&'a Parser> {
        self.running.load(guard)
    }

    /// The parser that runs.
    pub fn running(&self) -> Option<Arc<Parser>> {
        self.running.load_arc(&rcu::Guard::new())
    }

    /// The one that was flashed last.
    pub fn stored(&self) -> Option<Arc<Parser>> {
        self.stored.load_arc(&rcu::Guard::new())
    }

    /// Stores a blob; the parser that runs stays. Process context, with the lock.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; what was stored stays, too.
    pub fn flash(&self, memory: &DeviceMemory, blob: &[u8]) -> Result<(), Refusal> {
        let mut parser = Parser::new(&memory.source(), memory.resources(), blob)?;
        parser.is_built_in = parser.digest == self.built_in;
        self.stored.replace(Some(Arc::new(parser, GFP_KERNEL)?));
        self.note(memory.resources());
        Ok(())
    }

    /// Notes how large the larger one of both is. With the lock.
    fn note(&self, resources: &Resources) {
        let both = [self.running(), self.stored()];
        let [one, other] = both.map(|parser| parser.map_or_else(Default::default, |it| it.sizes));
        for ((resource, one), other) in SIZES.into_iter().zip(one).zip(other) {
            resources.set_used(resource, one.max(other));
        }
    }

    /// Has the parser run that was flashed last: on return no frame is parsed by the one before. Process
    /// context, with the lock.
    pub(crate) fn activate(&self, memory: &DeviceMemory) {
        self.running.publish(self.stored());
        self.note(memory.resources());
    }
}
