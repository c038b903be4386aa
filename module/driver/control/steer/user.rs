// SPDX-License-Identifier: GPL-2.0

//! Rules of raw tables by `user-def` of `ethtool -N`: bits 48 to 62 are the number of a table, and bits 0 to 31
//! what a frame is to have in its key. Their location is their number in the table.

use crate::port::RawTable;
use engine::{
    parser::KeyWords,
    steer::{
        self,
        Rule, //
    }, //
};
use kernel::{
    fmt::{
        Display,
        Formatter,
        Result as FmtResult, //
    },
    prelude::*, //
};
use net::ethtool::{
    Ether,
    Extension,
    FlowMatch,
    FlowRule, //
};
use offload::TableTarget;

/// Where in `user-def` the number of a table is.
const TABLE: u64 = 0x7fff << 48;
/// What means nothing in it.
const UNKNOWN: u64 = 1 << 63 | 0xffff << 32;
/// Bits of a key that have room there.
const MOST_BITS: usize = 32;

/// Why a rule can't be one of a raw table.
pub(crate) enum Refusal {
    /// Bits count that mean nothing.
    Unknown { value: u64 },
    /// The mask has the number of the table in part.
    PartOfTable { mask: u64 },
    /// It asks for something beside the key.
    Fields,
    /// There is no such table.
    NoTable { table: u16 },
    /// It is not for rules of receive flow classification.
    Target { table: u16, target: &'static str },
    /// Its key is too long.
    Key { table: u16, bits: usize },
    /// What it wants is longer than the key.
    Value { value: u32, bits: usize },
    /// A rule of the table has its location for a priority.
    Taken { table: u16, location: u32 },
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self {
            Self::Unknown { value } => write!(
                f,
                "user-def {value:#x}: bits 32 to 47 and 63 mean nothing, and have to be 0"
            ),
            // Users of `ethtool` give the bits that do not count.
            Self::PartOfTable { mask } => write!(
                f,
                "user-def m {:#x}: bits 48 to 62 are a raw table, of which all have to count",
                !mask
            ),
            Self::Fields => f.write_str(
                "user-def: a rule of a raw table looks at its key alone: flow-type ether, and no other \
                 field",
            ),
            Self::NoTable { table } => write!(f, "user-def: there is no raw table {table}"),
            Self::Target { table, target } => write!(
                f,
                "user-def: raw table {table} is for {target}, and not for ntuple"
            ),
            Self::Key { table, bits } => write!(
                f,
                "user-def: the key of raw table {table} has {bits} bits, and {MOST_BITS} have room"
            ),
            Self::Value { value, bits } => {
                write!(f, "user-def: {value:#x} does not fit into a key of {bits} bits")
            }
            Self::Taken { table, location } => write!(
                f,
                "user-def: raw table {table} has an entry {location} already"
            ),
        }
    }
}

/// What such a rule asks for.
pub(crate) struct RawRule {
    /// Number of the table.
    pub(crate) table: u16,
    value: u32,
    mask: u32,
}

impl RawRule {
    /// What `rule` asks for, if it is one of a raw table.
    ///
    /// # Errors
    ///
    /// Why it can't be one of any.
    pub(crate) fn of(rule: &FlowRule) -> Result<Option<Self>, Refusal> {
        let Some(extension) = &rule.extension else {
            return Ok(None);
        };
        let mask = u64::from_be_bytes(extension.mask.user);
        let value = u64::from_be_bytes(extension.value.user);
        if value & mask & TABLE == 0 {
            return Ok(None);
        }
        if value & mask & UNKNOWN != 0 {
            return Err(Refusal::Unknown { value });
        }
        if !mask & TABLE != 0 {
            return Err(Refusal::PartOfTable { mask });
        }
        let beside = Extension {
            user: [0; 8],
            ..extension.mask
        };
        let is_plain = match &rule.flow {
            FlowMatch::Ether(fields) => fields.mask == Ether::default(),
            _ => false,
        };
        let has_destination = rule.destination.is_some_and(|it| it.mask != [0; 6]);
        if !is_plain || has_destination || beside != Extension::default() {
            return Err(Refusal::Fields);
        }
        // CAST: Some bits each.
        Ok(Some(Self {
            table: ((value & TABLE) >> 48) as u16,
            value: (value & mask) as u32,
            mask: mask as u32,
        }))
    }

    /// Whether its table, which is to be among `tables`, can have it at `location`.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn check(&self, tables: &[RawTable], location: u32) -> Result<(), Refusal> {
        let table = self.table;
        let mut all = tables.iter();
        let found = all.find(|other| other.number == table);
        let found = found.ok_or(Refusal::NoTable { table })?;
        if found.target != TableTarget::Ntuple {
            let target = found.target.name();
            return Err(Refusal::Target { table, target });
        }
        let bits = found.bits();
        if bits > MOST_BITS {
            return Err(Refusal::Key { table, bits });
        }
        if u64::from(self.value) >> bits != 0 {
            let value = self.value;
            return Err(Refusal::Value { value, bits });
        }
        if found.place(location).is_ok() {
            return Err(Refusal::Taken { table, location });
        }
        Ok(())
    }

    /// What the device makes of it, with `action`, in its table, whose key has `bits` bits.
    pub(crate) fn rule(&self, bits: usize, action: steer::Action) -> Rule {
        let words = |number: u32| {
            let mut words = KeyWords::default();
            // CAST: At most 32.
            let above = 64_u32.saturating_sub(bits as u32);
            if let Some(first) = words.first_mut() {
                *first = u64::from(number).checked_shl(above).unwrap_or(0);
            }
            words
        };
        Rule {
            key: words(self.value),
            mask: words(self.mask),
            payload: None,
            action,
        }
    }
}
