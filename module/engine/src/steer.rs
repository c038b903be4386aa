// SPDX-License-Identifier: GPL-2.0

//! Receive steering: which queue a frame is for, and what the host is told of its flow.
//!
//! [`Steering::steer`] is all of it. A *rule* of the user's comes first, then the table of flows that
//! follow their readers (accelerated RFS), then the hash: its remainder by the length of a *context*'s
//! indirection table is the entry that names the queue. A rule may choose another context than the main
//! one, and add to the queue that its table names.
//!
//! It is an offload of what the stack does on its own processors (RPS, and RFS): nothing but
//! the processor is different on which a frame goes up.

mod fields;
mod flow;
mod last;
mod look;
mod payload;
mod raw;
mod rule;
mod toeplitz;

use core::ops::Range;

use crate::memory::{Memory, OutOfMemory};
use crate::parser::{FlowType, Parsed, Path};
use fields::Input;
pub use fields::{Fields, HashKind, Symmetry};
pub use flow::{FlowTable, MAX_FLOWS};
pub use last::{By, LastFlow};
pub use look::{Bytes, Look, Seen, Unseen};
pub use payload::{Carrier, Place};
use raw::RawTables;
pub use raw::{RawField, RawTable, MAX_RAW_BITS, MAX_RAW_FIELDS, MAX_RAW_TABLES, RAW_BYTES};
pub use rule::{with_payload, Action, Rule, RuleTable};
pub use toeplitz::KEY_SIZE;
use toeplitz::{Contributions, MAX_INPUT};

/// Number of the context whose table has the frames that no rule has.
pub const MAIN_CONTEXT: u32 = 0;

/// What spreads frames over queues: a hash, and a table.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'a> {
    /// Number of the context: [`MAIN_CONTEXT`], or one that rules name.
    pub id: u32,
    /// The key of the hash, whose first bit stands at the first bit of what is hashed.
    pub key: &'a [u8; KEY_SIZE],
    /// What of each kind of frame is hashed.
    pub fields: HashedFields,
    /// What makes both directions of a flow alike.
    pub symmetry: Symmetry,
    /// The indirection table: queues.
    pub table: &'a [u16],
}

/// A context, as the device has it.
struct Context {
    id: u32,
    fields: HashedFields,
    symmetry: Symmetry,
    /// Its table, among all entries.
    table: Range<usize>,
    /// What bytes contribute to its hash, among those of all contexts.
    places: Range<usize>,
}

/// What is hashed of each kind of frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashedFields([Fields; FlowType::COUNT]);

impl HashedFields {
    /// What a device hashes as long as nobody wants anything else.
    pub const USUAL: Self = {
        let all = FlowType::ALL;
        let mut fields = [Fields::NONE; FlowType::COUNT];
        let mut index = 0;
        while index < all.len() {
            fields[all[index] as usize] = Fields::usual(all[index]);
            index += 1;
        }
        Self(fields)
    };

    /// What is hashed of frames of type `flow`.
    #[inline]
    pub fn get(&self, flow: FlowType) -> Fields {
        self.0.get(flow as usize).copied().unwrap_or_default()
    }

    /// Whether frames of some type are dropped.
    fn discards(&self) -> bool {
        self.0.iter().any(|fields| fields.meets(Fields::DISCARD))
    }

    /// Has `fields` hashed of frames of type `flow`.
    pub fn set(&mut self, flow: FlowType, fields: Fields) {
        if let Some(place) = self.0.get_mut(flow as usize) {
            *place = fields;
        }
    }
}

/// The hash of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hash {
    /// The number.
    pub value: u32,
    /// What it tells apart.
    pub kind: HashKind,
    /// What kind of frame it is of.
    pub flow: FlowType,
    /// Whether the frame has options of IPv4, or extension headers of IPv6.
    pub extended: bool,
}

/// Why a frame is for the queue that it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reason {
    /// Its hash, by the table of a context.
    Hash,
    /// It has nothing that is hashed: the first entry of the table.
    Unhashed,
    /// A rule of the user's has named the queue.
    Rule,
    /// A rule of the user's drops it.
    Dropped,
    /// Its flow follows its reader.
    Flow,
    /// Frames of its type are [dropped](Fields::DISCARD) by its context.
    Discarded,
    /// The offloaded program has chosen it.
    Program,
    /// The port does not take frames for its address: it is for none.
    Filtered,
    /// The port does not take frames of its VLAN: it is for none.
    OtherVlan,
}

impl Reason {
    /// All of them, by discriminant.
    pub const ALL: [Self; 9] = [
        Self::Hash,
        Self::Unhashed,
        Self::Rule,
        Self::Dropped,
        Self::Flow,
        Self::Discarded,
        Self::Program,
        Self::Filtered,
        Self::OtherVlan,
    ];

    /// Whether the frame is dropped.
    #[inline]
    pub const fn is_drop(self) -> bool {
        matches!(
            self,
            Self::Dropped | Self::Discarded | Self::Filtered | Self::OtherVlan
        )
    }

    /// A short name of lower-case letters, fit for a statistics counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Unhashed => "unhashed",
            Self::Rule => "rule",
            Self::Dropped => "dropped",
            Self::Flow => "flow",
            Self::Discarded => "discarded",
            Self::Program => "program",
            Self::Filtered => "filtered",
            Self::OtherVlan => "other_vlan",
        }
    }
}

/// Where a frame goes, and how that came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Steered {
    /// The queue; of no meaning for a frame that is dropped.
    pub queue: u16,
    /// Its hash, if it has one: by the main context, or that of the rule.
    pub hash: Option<Hash>,
    /// Why.
    pub reason: Reason,
    /// Location of the rule that it matches, or its number in `table`.
    pub rule: Option<u32>,
    /// Number of the raw table that has the rule.
    pub table: Option<u16>,
    /// Number of the context by which it was hashed.
    pub context: u32,
    /// Index in the context's table, if that has named the queue.
    pub entry: Option<u32>,
}

/// What a context makes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hashed {
    /// The fields that are hashed: of those that are chosen for frames of its type, those that it has.
    pub fields: Fields,
    /// What is done to them.
    pub symmetry: Symmetry,
    /// Length of the context's table.
    pub entries: u32,
}

/// All that decides which queue a frame is for. Who changes something replaces it as a whole.
pub struct Steering<M: Memory> {
    /// Sorted by their numbers; the first one is the main one.
    contexts: M::Buffer<Context>,
    places: M::Buffer<Contributions>,
    entries: M::Buffer<u16>,
    rules: RuleTable<M>,
    raw: RawTables<M>,
    /// Whether there is a rule, of either kind.
    has_rules: bool,
    /// Whether a rule looks at more of a frame than its keys.
    looks_closer: bool,
    /// Whether the main context drops frames of some type.
    discards: bool,
}

/// A rule that a frame matches.
struct Matched {
    /// Number of its raw table, if it is of one.
    table: Option<u16>,
    number: u32,
    action: Action,
}

impl<M: Memory> Steering<M> {
    /// Steers by `contexts`, which are sorted by their numbers and begin with the
    /// [main](MAIN_CONTEXT) one, by `rules`, each with its location, and by those of the tables `raw`, which
    /// are sorted by their numbers. `seed` is a random number, so that nobody can choose frames that are much
    /// work to look up. Process context.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(
        memory: &M,
        contexts: &[Spread<'_>],
        rules: &[(u32, Rule)],
        raw: &[RawTable<'_>],
        seed: u64,
    ) -> Result<Self, OutOfMemory> {
        let lengths = contexts.iter().map(|context| context.table.len());
        let all = lengths.fold(0, usize::wrapping_add);
        let mut entries = contexts.iter().flat_map(|context| context.table);
        let entries = memory.allocate(all, |_| entries.next().copied().unwrap_or(0))?;
        let places = memory.allocate(contexts.len().wrapping_mul(MAX_INPUT), |index| {
            let context = contexts.get(index / MAX_INPUT);
            let key = context.map_or(&[0; KEY_SIZE], |context| context.key);
            toeplitz::contributions(key, index % MAX_INPUT)
        })?;
        let mut end = 0_usize;
        let contexts = memory.allocate(contexts.len(), |index| {
            let (start, place) = (end, index.wrapping_mul(MAX_INPUT));
            let context = contexts.get(index);
            end = start.wrapping_add(context.map_or(0, |context| context.table.len()));
            Context {
                id: context.map_or(MAIN_CONTEXT, |context| context.id),
                fields: context.map_or(HashedFields::USUAL, |context| context.fields),
                symmetry: context.map_or(Symmetry::None, |context| context.symmetry),
                table: start..end,
                places: place..place.wrapping_add(MAX_INPUT),
            }
        })?;
        let rules = RuleTable::new(memory, rules, seed)?;
        let raw = RawTables::new(memory, raw, seed)?;
        let discards = contexts.first().is_some_and(|it| it.fields.discards());
        Ok(Self {
            contexts,
            places,
            entries,
            has_rules: !rules.is_empty() || !raw.is_empty(),
            looks_closer: rules.looks_at_payload() || !raw.is_empty(),
            rules,
            raw,
            discards,
        })
    }

    /// The hash of the frame that was `parsed`, and that can be `seen`, if it has anything that is hashed: by
    /// the context by which a rule spreads it, if there is one and rules count (`by_rules`), or by the main
    /// one. Any context.
    #[inline]
    pub fn hash(&self, parsed: &Parsed, seen: Seen<'_, M>, by_rules: bool) -> Option<Hash> {
        if by_rules && self.has_rules() {
            return self.steer(parsed, seen, true, None).hash;
        }
        self.main_hash(parsed)
    }

    #[inline]
    fn main_hash(&self, parsed: &Parsed) -> Option<Hash> {
        self.hash_by(self.contexts.first()?, parsed)
    }

    #[inline]
    fn hash_by(&self, context: &Context, parsed: &Parsed) -> Option<Hash> {
        let places = self.places.get(context.places.clone()).unwrap_or_default();
        let chosen = context.fields.get(parsed.flow);
        let (value, kind) = Input::hash(places, parsed, chosen, context.symmetry)?;
        Some(Hash {
            value,
            kind,
            flow: parsed.flow,
            extended: parsed
                .path
                .meets(Path::IPV4_OPTIONS.and(Path::IPV6_EXTENSION)),
        })
    }

    /// The entry of a context's table for a frame with `hash`, and the queue that it names.
    #[inline]
    fn look_up(&self, context: &Context, hash: Option<Hash>) -> (u32, u16) {
        let table = self.entries.get(context.table.clone()).unwrap_or_default();
        // CAST: A table is shorter than 4 GiB.
        let len = table.len() as u32;
        let entry = match hash {
            // As most tables are, and a division takes as long as the hash.
            Some(hash) if len.is_power_of_two() => hash.value & len.wrapping_sub(1),
            Some(hash) => hash.value.checked_rem(len).unwrap_or(0),
            None => 0,
        };
        // CAST: A `usize` has at least 32 bits.
        let queue = table.get(entry as usize).copied().unwrap_or(0);
        (entry, queue)
    }

    /// Whether there are rules.
    #[inline]
    pub fn has_rules(&self) -> bool {
        self.has_rules
    }

    /// Whether there are rules in raw tables.
    #[inline]
    pub fn has_raw_rules(&self) -> bool {
        !self.raw.is_empty()
    }

    /// Whether frames that no rule has may be dropped, so that they have to be looked at even if there
    /// is one queue.
    #[inline]
    pub fn discards(&self) -> bool {
        self.discards
    }

    /// Whether rules look at more of a frame than its keys, so that frames of one flow may go different ways.
    #[inline]
    pub fn looks_closer(&self) -> bool {
        self.looks_closer
    }

    /// Counts `frames` that have gone where they were `steered`, if a rule of a raw table did. Any context,
    /// several at once.
    #[inline]
    pub fn count(&self, steered: &Steered, frames: u64) {
        if let (Some(table), Some(number)) = (steered.table, steered.rule) {
            self.raw.count(table, number, frames);
        }
    }

    /// How many frames were [counted](Self::count) for the rule with `number` of raw table `table`.
    pub fn hits(&self, table: u16, number: u32) -> u64 {
        self.raw.hits(table, number)
    }

    /// Adds what was counted for the rule with `number` of raw table `table` elsewhere.
    pub fn add_hits(&self, table: u16, number: u32, frames: u64) {
        self.raw.count(table, number, frames);
    }

    /// Where the frame that was `parsed` goes, and that can be `seen`. `by_rules`: whether the rules count.
    /// `flows` are those that follow their readers, if they are to. Any context.
    #[inline]
    pub fn steer(
        &self,
        parsed: &Parsed,
        seen: Seen<'_, M>,
        by_rules: bool,
        flows: Option<&FlowTable<M>>,
    ) -> Steered {
        if by_rules {
            if let Some(matched) = self.matched(parsed, seen) {
                return self.by_rule(parsed, &matched);
            }
        }
        let Some(main) = self.contexts.first() else {
            return Steered::FIRST;
        };
        if self.discards && main.discards(parsed) {
            return Steered::DISCARDED;
        }
        let hash = self.hash_by(main, parsed);
        let flow = flows
            .zip(hash)
            .and_then(|(flows, hash)| flows.find(hash.value));
        if let Some(queue) = flow {
            return Steered {
                queue,
                hash,
                reason: Reason::Flow,
                ..Steered::FIRST
            };
        }
        let (entry, queue) = self.look_up(main, hash);
        Steered {
            queue,
            hash,
            reason: if hash.is_some() {
                Reason::Hash
            } else {
                Reason::Unhashed
            },
            entry: Some(entry),
            ..Steered::FIRST
        }
    }

    /// The rule that counts of those that the frame matches that was `parsed`, and that can be `seen`.
    #[inline]
    fn matched(&self, parsed: &Parsed, seen: Seen<'_, M>) -> Option<Matched> {
        if self.looks_closer {
            return self.matched_closely(parsed, seen);
        }
        let (number, action) = self.rules.find_by(&parsed.keys.words())?;
        Some(Matched {
            table: None,
            number,
            action,
        })
    }

    /// As [`Self::matched`], where rules look at more of a frame than its keys. All are on one line of
    /// numbers, where the lowest counts; of two that are the same that of no raw table.
    // The others are not to pay for that.
    #[inline(never)]
    fn matched_closely(&self, parsed: &Parsed, seen: Seen<'_, M>) -> Option<Matched> {
        let rule = self.rules.find(parsed, seen.frame);
        let rule = rule.map(|(number, action)| Matched {
            table: None,
            number,
            action,
        });
        let parser = seen.parser.filter(|_| self.has_raw_rules());
        let raw = parser.and_then(|parser| self.raw.find(parser, seen.frame));
        match (rule, raw) {
            (Some(rule), Some(raw)) if rule.number <= raw.number => Some(rule),
            (_, Some(raw)) => Some(Matched {
                table: Some(raw.table),
                number: raw.number,
                action: raw.action,
            }),
            (rule, None) => rule,
        }
    }

    /// Where the rule that it has `matched` has a frame go.
    #[cold]
    fn by_rule(&self, parsed: &Parsed, matched: &Matched) -> Steered {
        let steered = Steered {
            reason: Reason::Rule,
            rule: Some(matched.number),
            table: matched.table,
            ..Steered::FIRST
        };
        match matched.action {
            Action::Drop => Steered {
                reason: Reason::Dropped,
                ..steered
            },
            Action::Queue(queue) => Steered {
                queue,
                hash: self.main_hash(parsed),
                ..steered
            },
            Action::Context { id, offset } => {
                // A context that a rule names can't be removed.
                let Some(context) = self.context(id) else {
                    return steered;
                };
                if context.discards(parsed) {
                    return Steered {
                        context: id,
                        rule: steered.rule,
                        table: steered.table,
                        ..Steered::DISCARDED
                    };
                }
                let hash = self.hash_by(context, parsed);
                let (entry, queue) = self.look_up(context, hash);
                Steered {
                    queue: queue.saturating_add(offset),
                    hash,
                    context: id,
                    entry: Some(entry),
                    ..steered
                }
            }
        }
    }

    /// What has made the hash of a frame that was `parsed` and [`steered`](Self::steer) so. Any context;
    /// takes longer than what steers.
    pub fn hashed(&self, parsed: &Parsed, steered: &Steered) -> Hashed {
        let Some(context) = self.context(steered.context) else {
            return Hashed::default();
        };
        let chosen = context.fields.get(parsed.flow);
        Hashed {
            fields: Input::fields_of(parsed, chosen, context.symmetry),
            symmetry: context.symmetry,
            // CAST: A table is shorter than 4 GiB.
            entries: context.table.len() as u32,
        }
    }

    /// The context with number `id`.
    fn context(&self, id: u32) -> Option<&Context> {
        let index = self
            .contexts
            .binary_search_by_key(&id, |context| context.id);
        self.contexts.get(index.ok()?)
    }
}

impl Context {
    /// Whether it drops frames of the type of the one that was `parsed`.
    #[inline]
    fn discards(&self, parsed: &Parsed) -> bool {
        self.fields.get(parsed.flow).meets(Fields::DISCARD)
    }
}

impl Steered {
    /// Nowhere, by the main context.
    const DISCARDED: Self = Self {
        reason: Reason::Discarded,
        ..Self::FIRST
    };

    /// Queue 0.
    const FIRST: Self = Self {
        queue: 0,
        hash: None,
        reason: Reason::Unhashed,
        rule: None,
        table: None,
        context: MAIN_CONTEXT,
        entry: None,
    };
}
