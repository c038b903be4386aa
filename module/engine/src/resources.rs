// SPDX-License-Identifier: GPL-2.0

//! What the device has a limited amount of: how much of it there is, and how much is in use.
//!
//! Whoever keeps something in the device holds a [`Charge`] for it, so that what is in use is true
//! at any moment, whatever comes and goes at the same time.

use core::ffi::CStr;
use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicU64, Ordering};

use parse_graph::limits;

use crate::errno;
use crate::limits::{
    DEVICE_MEMORY, MAX_CONTEXTS, MAX_GRO_FLOWS, MAX_RAW_TABLES, MAX_RULES, MAX_STEERED_FLOWS,
    MAX_TABLE_ENTRIES,
};

/// What a resource is counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Pieces.
    Entries,
}

/// The resources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// Memory, of programs, maps and the stacks that programs run on.
    Memory,
    /// The part of the memory that maps have.
    MapMemory,
    /// Elements of all maps: the sum of their `max_entries`.
    MapEntries,
    /// Programs, from the moment they are stored, while the verifier still looks at them.
    Programs,
    /// Operations of the images of all programs.
    Operations,
    /// Rules of receive steering, of all ports.
    Rules,
    /// Raw tables of receive steering, of all ports.
    RawTables,
    /// Rules in raw tables, of all ports.
    RawRules,
    /// RSS contexts of all ports, without the main ones.
    RssContexts,
    /// Entries of all indirection tables. A port has that of its main context whether or not there is
    /// room.
    RssEntries,
    /// Flows of all ports that the host steers by itself (accelerated RFS).
    Flows,
    /// Flows of which a receive queue lets frames wait to be put together with others: each queue has room
    /// for so many. Those that do so at a moment are not counted.
    GroFlows,
    /// Nodes of a parse graph: each graph may have so many.
    ParserNodes,
    /// Entries of all tables of a parse graph, as its nodes.
    ParserEntries,
    /// Headers that a parse graph counts, as its nodes.
    ParserHeaders,
    /// Bytes of the file of a parse graph, as its nodes.
    ParserBytes,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Memory,
        Self::MapMemory,
        Self::MapEntries,
        Self::Programs,
        Self::Operations,
        Self::Rules,
        Self::RawTables,
        Self::RawRules,
        Self::RssContexts,
        Self::RssEntries,
        Self::Flows,
        Self::GroFlows,
        Self::ParserNodes,
        Self::ParserEntries,
        Self::ParserHeaders,
        Self::ParserBytes,
    ];

    /// What users call it.
    pub const fn c_name(self) -> &'static CStr {
        match self {
            Self::Memory => c"memory",
            Self::MapMemory => c"map_memory",
            Self::MapEntries => c"map_entries",
            Self::Programs => c"programs",
            Self::Operations => c"operations",
            Self::Rules => c"rules",
            Self::RawTables => c"raw_tables",
            Self::RawRules => c"raw_rules",
            Self::RssContexts => c"rss_contexts",
            Self::RssEntries => c"rss_entries",
            Self::Flows => c"flows",
            Self::GroFlows => c"gro_flows",
            Self::ParserNodes => c"parser_nodes",
            Self::ParserEntries => c"parser_entries",
            Self::ParserHeaders => c"parser_headers",
            Self::ParserBytes => c"parser_bytes",
        }
    }

    /// As [`c_name`](Self::c_name).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::MapMemory => "map_memory",
            Self::MapEntries => "map_entries",
            Self::Programs => "programs",
            Self::Operations => "operations",
            Self::Rules => "rules",
            Self::RawTables => "raw_tables",
            Self::RawRules => "raw_rules",
            Self::RssContexts => "rss_contexts",
            Self::RssEntries => "rss_entries",
            Self::Flows => "flows",
            Self::GroFlows => "gro_flows",
            Self::ParserNodes => "parser_nodes",
            Self::ParserEntries => "parser_entries",
            Self::ParserHeaders => "parser_headers",
            Self::ParserBytes => "parser_bytes",
        }
    }

    /// What it is counted in.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Memory | Self::MapMemory | Self::ParserBytes => Unit::Bytes,
            Self::MapEntries
            | Self::Programs
            | Self::Operations
            | Self::Rules
            | Self::RawTables
            | Self::RawRules
            | Self::RssContexts
            | Self::RssEntries
            | Self::Flows
            | Self::GroFlows
            | Self::ParserNodes
            | Self::ParserEntries
            | Self::ParserHeaders => Unit::Entries,
        }
    }

    /// Whether it is a limit for each of what has it, and not divided among all: in use is what that has
    /// which has most.
    pub const fn is_of_each(self) -> bool {
        matches!(
            self,
            Self::GroFlows
                | Self::ParserNodes
                | Self::ParserEntries
                | Self::ParserHeaders
                | Self::ParserBytes
        )
    }

    /// How much of it a device of full size has: more than the memory has room for, or than its ports
    /// can have, so that nothing else is a limit until somebody sets another one.
    pub const fn most(self) -> u64 {
        match self {
            Self::Memory | Self::MapMemory => DEVICE_MEMORY,
            // The value of an element takes a word.
            Self::MapEntries => DEVICE_MEMORY / 8,
            // The shortest program takes more than 128 bytes.
            Self::Programs => DEVICE_MEMORY / 128,
            // Once to be run and once to be shown, an operation takes more than 32 bytes.
            Self::Operations => DEVICE_MEMORY / 32,
            Self::Rules | Self::RawRules => MAX_RULES,
            Self::RawTables => MAX_RAW_TABLES,
            Self::RssContexts => MAX_CONTEXTS,
            Self::RssEntries => MAX_TABLE_ENTRIES,
            Self::Flows => MAX_STEERED_FLOWS,
            Self::GroFlows => MAX_GRO_FLOWS,
            // CAST: No limit of a graph has more than 32 bits.
            Self::ParserNodes => limits::NODES as u64,
            Self::ParserEntries => limits::ENTRIES as u64,
            Self::ParserHeaders => limits::HEADERS as u64,
            Self::ParserBytes => limits::BYTES as u64,
        }
    }
}

/// How a resource stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Which one.
    pub resource: Resource,
    /// How much there is, in the resource's [`unit`](Resource::unit).
    pub size: u64,
    /// How much is in use. More than `size` if that was made smaller meanwhile, or what the device can't
    /// be without takes more.
    pub used: u64,
}

const fn words_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => " bytes",
        Unit::Entries => "",
    }
}

/// There is not enough of a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exhausted {
    /// How much was asked for.
    pub asked: u64,
    /// What there is.
    pub usage: Usage,
}

impl Exhausted {
    /// The error number (positive) for the system call that asked.
    pub const fn errno(&self) -> i32 {
        match self.usage.resource.unit() {
            Unit::Bytes => errno::ENOMEM,
            // Not ENOSPC, which tells those who load a program to come again with more room for
            // the verifier's log.
            Unit::Entries => errno::E2BIG,
        }
    }
}

impl fmt::Display for Exhausted {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.usage.resource;
        if resource.is_of_each() {
            return write!(
                f,
                "{}: it has {}{}, and may have {}; set another size (devlink resource)",
                resource.name(),
                self.asked,
                words_of(resource.unit()),
                self.usage.size
            );
        }
        write!(
            f,
            "{}: {}{} asked for, {} of {} in use; {}",
            resource.name(),
            self.asked,
            words_of(resource.unit()),
            self.usage.used,
            self.usage.size,
            match resource {
                Resource::Memory => "free maps or programs of this device",
                Resource::MapMemory | Resource::MapEntries =>
                    "free maps of this device, or set another size (devlink resource)",
                Resource::Programs | Resource::Operations =>
                    "free programs of this device, or set another size (devlink resource)",
                Resource::Rules =>
                    "delete rules of this device, or set another size (devlink resource)",
                Resource::RawTables =>
                    "delete raw tables of this device, or set another size (devlink resource)",
                Resource::RawRules =>
                    "delete rules of its raw tables, or set another size (devlink resource)",
                Resource::RssContexts | Resource::RssEntries =>
                    "delete RSS contexts of this device, or set another size (devlink resource)",
                Resource::Flows => "wait for flows to end, or set another size (devlink resource)",
                // Told above.
                Resource::GroFlows
                | Resource::ParserNodes
                | Resource::ParserEntries
                | Resource::ParserHeaders
                | Resource::ParserBytes => "",
            }
        )
    }
}

/// The resources of one device. Any context.
pub struct Resources {
    memory: Pool,
    map_memory: Pool,
    map_entries: Pool,
    programs: Pool,
    operations: Pool,
    rules: Pool,
    raw_tables: Pool,
    raw_rules: Pool,
    rss_contexts: Pool,
    rss_entries: Pool,
    flows: Pool,
    gro_flows: Pool,
    parser_nodes: Pool,
    parser_entries: Pool,
    parser_headers: Pool,
    parser_bytes: Pool,
}

struct Pool {
    size: AtomicU64,
    used: AtomicU64,
}

impl Pool {
    const fn new(resource: Resource) -> Self {
        Self {
            size: AtomicU64::new(resource.most()),
            used: AtomicU64::new(0),
        }
    }
}

impl Resources {
    /// Those of a device of full size, with nothing in use.
    pub const fn new() -> Self {
        Self {
            memory: Pool::new(Resource::Memory),
            map_memory: Pool::new(Resource::MapMemory),
            map_entries: Pool::new(Resource::MapEntries),
            programs: Pool::new(Resource::Programs),
            operations: Pool::new(Resource::Operations),
            rules: Pool::new(Resource::Rules),
            raw_tables: Pool::new(Resource::RawTables),
            raw_rules: Pool::new(Resource::RawRules),
            rss_contexts: Pool::new(Resource::RssContexts),
            rss_entries: Pool::new(Resource::RssEntries),
            flows: Pool::new(Resource::Flows),
            gro_flows: Pool::new(Resource::GroFlows),
            parser_nodes: Pool::new(Resource::ParserNodes),
            parser_entries: Pool::new(Resource::ParserEntries),
            parser_headers: Pool::new(Resource::ParserHeaders),
            parser_bytes: Pool::new(Resource::ParserBytes),
        }
    }

    const fn pool(&self, resource: Resource) -> &Pool {
        match resource {
            Resource::Memory => &self.memory,
            Resource::MapMemory => &self.map_memory,
            Resource::MapEntries => &self.map_entries,
            Resource::Programs => &self.programs,
            Resource::Operations => &self.operations,
            Resource::Rules => &self.rules,
            Resource::RawTables => &self.raw_tables,
            Resource::RawRules => &self.raw_rules,
            Resource::RssContexts => &self.rss_contexts,
            Resource::RssEntries => &self.rss_entries,
            Resource::Flows => &self.flows,
            Resource::GroFlows => &self.gro_flows,
            Resource::ParserNodes => &self.parser_nodes,
            Resource::ParserEntries => &self.parser_entries,
            Resource::ParserHeaders => &self.parser_headers,
            Resource::ParserBytes => &self.parser_bytes,
        }
    }

    /// How `resource` stands.
    pub fn usage(&self, resource: Resource) -> Usage {
        let pool = self.pool(resource);
        Usage {
            resource,
            size: pool.size.load(Ordering::Relaxed),
            used: pool.used.load(Ordering::Relaxed),
        }
    }

    /// How all of them stand, in the order of [`Resource::ALL`].
    pub fn all(&self) -> impl Iterator<Item = Usage> + '_ {
        Resource::ALL
            .into_iter()
            .map(|resource| self.usage(resource))
    }

    /// Sets how much there is of `resource`. What is in use stays so, even if it is more.
    pub fn set_size(&self, resource: Resource, size: u64) {
        self.pool(resource).size.store(size, Ordering::Relaxed);
    }

    /// Whether something may have `amount` of `resource`, which is a limit [of each](Resource::is_of_each).
    /// Any context.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if it may not.
    pub fn admit(&self, resource: Resource, amount: u64) -> Result<(), Exhausted> {
        let usage = self.usage(resource);
        if amount <= usage.size {
            return Ok(());
        }
        Err(Exhausted {
            asked: amount,
            usage,
        })
    }

    /// Notes what that has of `resource` which has most of it. As [`admit`](Self::admit).
    pub fn set_used(&self, resource: Resource, used: u64) {
        self.pool(resource).used.store(used, Ordering::Relaxed);
    }

    fn take(&self, resource: Resource, amount: u64) -> Result<(), Exhausted> {
        let pool = self.pool(resource);
        let size = pool.size.load(Ordering::Relaxed);
        let grow = |used: u64| used.checked_add(amount).filter(|sum| *sum <= size);
        let taken = pool
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow);
        match taken {
            Ok(_) => Ok(()),
            Err(used) => Err(Exhausted {
                asked: amount,
                usage: Usage {
                    resource,
                    size,
                    used,
                },
            }),
        }
    }

    fn take_anyway(&self, resource: Resource, amount: u64) {
        self.pool(resource)
            .used
            .fetch_add(amount, Ordering::Relaxed);
    }

    fn give_back(&self, resource: Resource, amount: u64) {
        self.pool(resource)
            .used
            .fetch_sub(amount, Ordering::Relaxed);
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self::new()
    }
}

/// A part of a resource that is in use, until it is dropped. `R` refers to the device's resources.
pub struct Charge<R: Deref<Target = Resources>> {
    resources: R,
    resource: Resource,
    amount: u64,
}

impl<R: Deref<Target = Resources>> Charge<R> {
    /// Takes `amount` of `resource`. Any context.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if there is not as much left; then nothing is taken.
    pub fn new(resources: R, resource: Resource, amount: u64) -> Result<Self, Exhausted> {
        resources.take(resource, amount)?;
        Ok(Self {
            resources,
            resource,
            amount,
        })
    }

    /// How much it is.
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// Makes it `amount`, whether or not there is as much left: for what the device can't be without.
    /// Any context.
    pub fn force(&mut self, amount: u64) {
        match amount.checked_sub(self.amount) {
            Some(more) => self.resources.take_anyway(self.resource, more),
            None => self
                .resources
                .give_back(self.resource, self.amount.wrapping_sub(amount)),
        }
        self.amount = amount;
    }

    /// Makes it `amount`. Any context.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if there is not as much left; then it stays as it was.
    pub fn resize(&mut self, amount: u64) -> Result<(), Exhausted> {
        match amount.checked_sub(self.amount) {
            Some(more) => self.resources.take(self.resource, more)?,
            None => self
                .resources
                .give_back(self.resource, self.amount.wrapping_sub(amount)),
        }
        self.amount = amount;
        Ok(())
    }
}

impl<R: Deref<Target = Resources>> Drop for Charge<R> {
    fn drop(&mut self) {
        self.resources.give_back(self.resource, self.amount);
    }
}

/// Pieces of a resource that are in use, of which several who hold it take some and give some back at
/// once. What is left is given back when it is dropped.
pub struct Tally<R: Deref<Target = Resources>> {
    resources: R,
    resource: Resource,
    amount: AtomicU64,
}

impl<R: Deref<Target = Resources>> Tally<R> {
    /// Of `resource`, with nothing in use.
    pub const fn new(resources: R, resource: Resource) -> Self {
        Self {
            resources,
            resource,
            amount: AtomicU64::new(0),
        }
    }

    /// Whether there is one more to take at this moment.
    pub fn has_room(&self) -> bool {
        let usage = self.resources.usage(self.resource);
        usage.used < usage.size
    }

    /// Takes one more. Any context.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if there is none left.
    pub fn take(&self) -> Result<(), Exhausted> {
        self.resources.take(self.resource, 1)?;
        self.amount.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Gives `amount` back that was [taken](Self::take). Any context.
    pub fn give_back(&self, amount: u64) {
        self.amount.fetch_sub(amount, Ordering::Relaxed);
        self.resources.give_back(self.resource, amount);
    }
}

impl<R: Deref<Target = Resources>> Drop for Tally<R> {
    fn drop(&mut self) {
        self.resources
            .give_back(self.resource, *self.amount.get_mut());
    }
}
