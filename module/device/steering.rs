// SPDX-License-Identifier: GPL-2.0

//! What a port has to steer by, what that takes of the card, and what it counts of it.

use crate::{
    memory::{
        Charge,
        DeviceMemory,
        KernelMemory, //
    },
    parser::Parser, //
};
use engine::{
    errno,
    memory::OutOfMemory,
    resources::{
        Exhausted,
        Resource, //
    },
    steer::{
        self,
        RawTable,
        Rule,
        Spread, //
    }, //
};
use kernel::{
    alloc::AllocError,
    fmt,
    sync::Arc, //
};
use net::stats::Counter;

/// What steers the frames of a port.
pub struct Steering {
    pub(crate) tables: steer::Steering<KernelMemory>,
    /// The parser that finds the headers that raw tables look at, if there are such: that of whose graph
    /// their nodes have their numbers, whichever parses frames for all else. So no frame that is under way
    /// while another one is activated goes by a rule.
    pub(crate) raw_parser: Option<Arc<Parser>>,
    /// The number by which it is known from all others.
    pub(crate) number: u64,
}

/// What a port is to steer by.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Contexts, sorted by their numbers; the first is the main one.
    pub contexts: &'a [Spread<'a>],
    /// Rules, each with its location.
    pub rules: &'a [(u32, Rule)],
    /// Raw tables, sorted by their numbers.
    pub raw: &'a [RawTable<'a>],
    /// The parser by whose graph they name nodes; needed if there are some.
    pub raw_parser: Option<&'a Arc<Parser>>,
}

/// The flows of a port that its host steers by itself.
pub(crate) type FlowTable = steer::FlowTable<KernelMemory>;

/// How frames came to the queue that they are in, or why they came to none.
pub struct Steered([Counter; steer::Reason::ALL.len()]);

impl Steered {
    pub(crate) const fn new() -> Self {
        Self([const { Counter::new() }; steer::Reason::ALL.len()])
    }

    /// Counts a frame. Several senders do at once.
    #[inline]
    pub(crate) fn count(&self, reason: steer::Reason) {
        self.count_several(reason, 1);
    }

    /// Counts `frames`. Several senders do at once.
    #[inline]
    pub(crate) fn count_several(&self, reason: steer::Reason, frames: u64) {
        if let Some(count) = self.0.get(reason as usize) {
            count.add_shared(frames);
        }
    }

    /// How many there were for `reason`. Those of a port with one queue and no rules are not looked
    /// at, and not counted.
    pub fn get(&self, reason: steer::Reason) -> u64 {
        self.0.get(reason as usize).map_or(0, Counter::get)
    }
}

/// Why a port can't steer by something.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// A resource of the card has not enough left.
    Exhausted(Exhausted),
    /// There is no memory.
    OutOfMemory,
}

impl Refusal {
    /// The error number for it, positive.
    pub fn errno(&self) -> i32 {
        match self {
            Self::Exhausted(exhausted) => exhausted.errno(),
            Self::OutOfMemory => errno::ENOMEM,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(exhausted) => write!(f, "{exhausted}"),
            Self::OutOfMemory => f.write_str("no memory for tables and rules"),
        }
    }
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::OutOfMemory
    }
}

/// What steering takes of the card, beside memory.
pub(crate) struct Room {
    /// Rules, contexts, entries of the contexts' tables, raw tables, and their rules.
    counted: [Charge; 5],
    /// Entries of the main context's table, without which there is no port.
    main: Charge,
}

/// How much of it.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    counted: [u64; 5],
    main: u64,
}

impl Need {
    /// For what is `wanted`.
    pub(crate) fn of(wanted: &Wanted<'_>) -> Self {
        // CAST: A `usize` has at most 64 bits.
        let entries = |contexts: &[Spread<'_>]| {
            let lengths = contexts.iter().map(|it| it.table.len() as u64);
            lengths.fold(0, u64::saturating_add)
        };
        let Wanted {
            contexts,
            rules,
            raw,
            ..
        } = wanted;
        let (main, others) = contexts.split_at(contexts.len().min(1));
        let raw_rules = raw.iter().map(|table| table.rules.len() as u64);
        Self {
            counted: [
                rules.len() as u64,
                others.len() as u64,
                entries(others),
                raw.len() as u64,
                raw_rules.fold(0, u64::saturating_add),
            ],
            main: entries(main),
        }
    }
}

impl Room {
    /// For nothing.
    pub(crate) fn new(device: &DeviceMemory) -> Result<Self, Exhausted> {
        let none = |resource| device.charge(resource, 0);
        Ok(Self {
            counted: [
                none(Resource::Rules)?,
                none(Resource::RssContexts)?,
                none(Resource::RssEntries)?,
                none(Resource::RawTables)?,
                none(Resource::RawRules)?,
            ],
            main: none(Resource::RssEntries)?,
        })
    }

    /// For how much there is room.
    pub(crate) fn size(&self) -> Need {
        Need {
            counted: self.counted.each_ref().map(Charge::amount),
            main: self.main.amount(),
        }
    }

    /// Makes room for `need` beside what there was room for, which may still be in use.
    ///
    /// # Errors
    ///
    /// [`Exhausted`]; then all stays as it was.
    pub(crate) fn grow(&mut self, need: &Need) -> Result<(), Exhausted> {
        let before = self.size();
        for (charge, amount) in self.counted.iter_mut().zip(need.counted) {
            if let Err(exhausted) = charge.resize(amount.max(charge.amount())) {
                self.settle(&before);
                return Err(exhausted);
            }
        }
        self.main.force(need.main.max(before.main));
        Ok(())
    }

    /// Leaves room for `need` alone, which is there.
    pub(crate) fn settle(&mut self, need: &Need) {
        for (charge, amount) in self.counted.iter_mut().zip(need.counted) {
            charge.force(amount);
        }
        self.main.force(need.main);
    }
}
