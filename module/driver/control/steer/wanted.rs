// SPDX-License-Identifier: GPL-2.0

//! What users have chosen of receive steering, in the words of the device.

use super::{
    rule,
    user::RawRule, //
};
use crate::port::{
    Configuration,
    Port,
    RawTable, //
};
use device::{
    parser::Parser,
    steering::{
        Refusal,
        Wanted, //
    }, //
};
use engine::steer::{
    self,
    RawField,
    Rule,
    Spread,
    MAIN_CONTEXT, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::ethtool::FlowRule;

/// The error for what the device refuses.
pub(super) fn error(refusal: &Refusal) -> Error {
    Error::from_errno(-refusal.errno())
}

/// Calls `f` with what a port is to steer by: `main`, the `contexts` with their numbers, rules, and raw tables
/// whose nodes have the numbers of `parser`'s graph, where they were looked for.
///
/// # Errors
///
/// Those of `f`; `ENOMEM`.
pub(super) fn with_wanted<'a, T>(
    main: &'a Configuration,
    contexts: impl ExactSizeIterator<Item = (u32, &'a Configuration)>,
    (rules, raw): (&[(u32, FlowRule)], &[RawTable]),
    parser: &Arc<Parser>,
    f: impl FnOnce(&Wanted<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let len = contexts.len().saturating_add(1);
    let mut spreads = KVVec::<Spread<'_>>::with_capacity(len, GFP_KERNEL)?;
    spreads.push(main.spread(MAIN_CONTEXT), GFP_KERNEL)?;
    for (id, context) in contexts {
        spreads.push(context.spread(id), GFP_KERNEL)?;
    }
    let mut made = KVVec::<(u32, Rule)>::with_capacity(rules.len(), GFP_KERNEL)?;
    // They were checked.
    let raw_rule = |rule| RawRule::of(rule).unwrap_or_default();
    for (location, rule) in rules {
        if raw_rule(rule).is_none() {
            made.push((*location, rule::of(rule)), GFP_KERNEL)?;
        }
    }
    // Those of each table that came by `ethtool`, and its own.
    let mut joined = KVec::<KVVec<(u32, Rule)>>::with_capacity(raw.len(), GFP_KERNEL)?;
    for table in raw {
        let mut all = KVVec::new();
        for (location, rule) in rules {
            let Some(found) = raw_rule(rule).filter(|found| found.table == table.number) else {
                continue;
            };
            if all.is_empty() {
                all.extend_from_slice(&table.rules, GFP_KERNEL)?;
            }
            let place = all.binary_search_by_key(location, |(number, _)| *number);
            all.reserve(1, GFP_KERNEL)?;
            let rule = found.rule(table.bits(), rule::action(rule));
            all.insert_within_capacity(place.unwrap_or_else(|place| place), (*location, rule))
                .map_err(|_| Refusal::OutOfMemory)?;
        }
        joined.push(all, GFP_KERNEL)?;
    }
    let mut fields = KVec::<RawField>::new();
    // Its file was looked at when it was flashed. Without tables there is nothing to look for.
    let blob = (!raw.is_empty()).then(|| parser.contents()).flatten();
    for field in raw.iter().flat_map(|table| table.fields.iter()) {
        let node = blob.as_ref().and_then(|blob| blob.node_named(&field.node));
        let field = RawField {
            node: node.unwrap_or(u16::MAX),
            occurrence: field.occurrence,
            offset: field.offset,
            bits: field.bits,
        };
        fields.push(field, GFP_KERNEL)?;
    }
    let mut rest: &[RawField] = &fields;
    let mut tables = KVec::<steer::RawTable<'_>>::with_capacity(raw.len(), GFP_KERNEL)?;
    for (table, joined) in raw.iter().zip(joined.iter()) {
        let (fields, behind) = rest
            .split_at_checked(table.fields.len())
            .unwrap_or_default();
        rest = behind;
        let table = steer::RawTable {
            number: table.number,
            fields,
            rules: if joined.is_empty() {
                &table.rules
            } else {
                joined
            },
        };
        tables.push(table, GFP_KERNEL)?;
    }
    f(&Wanted {
        contexts: &spreads,
        rules: &made,
        raw: &tables,
        raw_parser: Some(parser),
    })
}

impl Port {
    /// Has the device steer by `main`, by the `contexts` with their numbers, by `rules`, and by `raw` tables.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; then it goes on as before.
    pub(super) fn steer<'a>(
        &self,
        main: &'a Configuration,
        contexts: impl ExactSizeIterator<Item = (u32, &'a Configuration)>,
        rules: &[(u32, FlowRule)],
        raw: &[RawTable],
    ) -> Result<(), Refusal> {
        let parser = self.asic.card.parsers.running();
        let parser = parser.ok_or(Refusal::OutOfMemory)?;
        with_wanted(main, contexts, (rules, raw), &parser, |wanted| {
            self.hardware.steer_by(wanted)
        })
    }
}
