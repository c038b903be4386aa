// SPDX-License-Identifier: GPL-2.0

//! Raw tables, as users make and fill them by the netlink family `offload`, and what becomes of them when
//! another parse graph is activated.

use super::{
    rule::{
        check_queue,
        Refusal, //
    },
    user::RawRule,
    wanted::{
        error,
        with_wanted, //
    }, //
};
use crate::port::{
    key_bytes,
    key_words,
    told_action,
    Chosen,
    Port,
    RawField,
    RawTable, //
};
use device::{
    parser::Parser,
    steering::Steering, //
};
use engine::{
    parser::KeyWords,
    steer::{
        Action,
        Rule,
        MAX_RAW_BITS,
        MAX_RAW_FIELDS,
        MAX_RAW_TABLES,
        RAW_BYTES, //
    }, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::Arc, //
};
use net::{
    ethtool::FlowRule,
    extack::Extack,
    netdev::Rtnl, //
};
use offload::{
    Blame,
    Entry,
    EntryAction,
    Field,
    NewEntry,
    Table, //
};
use offload_uapi::{
    limits,
    netlink, //
};

/// What is told of limits is what the device has.
const _: () = {
    assert!(limits::MAX_RAW_TABLES as usize == MAX_RAW_TABLES);
    assert!(limits::MAX_RAW_FIELDS as usize == MAX_RAW_FIELDS);
    assert!(limits::MAX_RAW_KEY as usize * 8 == MAX_RAW_BITS);
    assert!(limits::RAW_BYTES as usize == RAW_BYTES);
    assert!(netlink::MAX_KEY * 8 == MAX_RAW_BITS);
    assert!(netlink::MAX_KEY_OFFSET == RAW_BYTES * 8);
    assert!(netlink::MAX_TABLE_NAME == limits::MAX_RAW_NAME as usize);
    assert!(netlink::MAX_OCCURRENCE == limits::MAX_RAW_OCCURRENCE as usize);
};

/// Text of a user's, in quotes where it is told.
struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) => write!(f, "{text:?}"),
            Err(_) => f.write_str("what is no text"),
        }
    }
}

/// Whether the rules of `tables` can stay at a port with `in_use` queues, of whose contexts some have other
/// tables: those that `table_of` gives.
///
/// # Errors
///
/// Why not, with the numbers of the table and of the rule.
pub(super) fn check_all<'a>(
    tables: &[RawTable],
    table_of: impl Fn(u32) -> Option<&'a [u16]>,
    in_use: u16,
) -> Result<(), (u16, u32, Refusal)> {
    for table in tables {
        for (priority, rule) in table.rules.iter() {
            let checked = match rule.action {
                Action::Drop => Ok(()),
                Action::Queue(queue) => check_queue(queue.into(), None, in_use),
                Action::Context { id, offset } => check_queue(offset.into(), table_of(id), in_use),
            };
            checked.map_err(|refusal| (table.number, *priority, refusal))?;
        }
    }
    Ok(())
}

/// The first rule of `tables` that gives frames to context `id`: the numbers of its table and of itself.
pub(super) fn naming(tables: &[RawTable], id: u32) -> Option<(u16, u32)> {
    let rules = tables.iter().flat_map(|table| {
        let rules = table.rules.iter();
        rules.map(|(priority, rule)| (table.number, *priority, rule.action))
    });
    let mut naming = rules
        .filter(|(.., action)| matches!(action, Action::Context { id: other, .. } if *other == id));
    naming.next().map(|(table, priority, _)| (table, priority))
}

/// The words of a key of `table` in `bytes`.
///
/// # Errors
///
/// `EINVAL`; then `blame` knows why.
fn key(table: &RawTable, bytes: &[u8], blame: impl Fn(fmt::Arguments<'_>)) -> Result<KeyWords> {
    let (bits, len) = (table.bits(), table.len());
    if bytes.len() != len {
        let found = bytes.len();
        blame(fmt!(
            "it has {found} bytes: the key of {bits} bits has {len}"
        ));
        return Err(EINVAL);
    }
    let unused = (len * 8).saturating_sub(bits);
    let last = bytes.last().copied().unwrap_or(0);
    // CAST: At most 7.
    if last.trailing_zeros() < unused as u32 {
        blame(fmt!(
            "its last byte is {last:#04x}: the last {unused} bits are not of the key"
        ));
        return Err(EINVAL);
    }
    Ok(key_words(bytes))
}

impl Chosen {
    /// Whether raw table `number` has a rule with `priority`, by whatever it came.
    fn has_raw(&self, number: u16, priority: u32) -> bool {
        let place = self.place_of_table(number).ok();
        let table = place.and_then(|place| self.raw.get(place));
        let is_own = table.is_some_and(|table| table.place(priority).is_ok());
        let place = self.place_of_rule(priority).ok();
        let rule = place.and_then(|place| self.rules.get(place));
        is_own || rule.is_some_and(|(_, rule)| table_of(rule) == Some(number))
    }

    /// Raw table `number`.
    ///
    /// # Errors
    ///
    /// `ENOENT`; then `blame` knows that there is none.
    fn raw_table(&mut self, number: u16, blame: &Blame<'_>) -> Result<&mut RawTable> {
        let place = self.place_of_table(number).ok();
        let table = place.and_then(|place| self.raw.get_mut(place));
        table.ok_or_else(|| {
            blame.table(fmt!("there is no raw table {number}"));
            ENOENT
        })
    }
}

impl Port {
    /// Has the device steer by what is chosen.
    ///
    /// # Errors
    ///
    /// What the device refuses, as `blame` knows; then it goes on as before.
    fn steer_as_chosen(&self, chosen: &Chosen, blame: &Blame<'_>) -> Result {
        let steered = self.steer(&chosen.main, chosen.others(), &chosen.rules, &chosen.raw);
        steered.map_err(|refusal| {
            blame.table(fmt!("{refusal}"));
            error(&refusal)
        })
    }

    /// What a port would make of a table's fields.
    ///
    /// # Errors
    ///
    /// `EINVAL`, `ENOENT`; then `blame` knows why. `ENOMEM`.
    fn raw_fields(&self, fields: &[Field<'_>], blame: &Blame<'_>) -> Result<KVec<RawField>> {
        let parser = self.asic.card.parsers.running().ok_or(ENOENT)?;
        // Its file was looked at when it was flashed.
        let blob = parser.contents().ok_or(ENOENT)?;
        let mut kept = KVec::with_capacity(fields.len(), GFP_KERNEL)?;
        for field in fields {
            let name = Text(field.node);
            let is_text = core::str::from_utf8(field.node).is_ok();
            if !is_text || blob.node_named(field.node).is_none() {
                blame.key(fmt!("the parse graph has no node {name}"));
                return Err(ENOENT);
            }
            let end = usize::from(field.offset) + usize::from(field.bits);
            if end > RAW_BYTES * 8 {
                blame.key(fmt!(
                    "a field of {name} ends at bit {end}: limit {}",
                    RAW_BYTES * 8
                ));
                return Err(EINVAL);
            }
            let mut node = KVec::with_capacity(field.node.len(), GFP_KERNEL)?;
            node.extend_from_slice(field.node, GFP_KERNEL)?;
            let field = RawField {
                node,
                occurrence: field.occurrence,
                offset: field.offset,
                bits: field.bits,
            };
            kept.push(field, GFP_KERNEL)?;
        }
        Ok(kept)
    }

    /// Adds a raw table.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOSPC`, `EINVAL`, `ENOENT`, or what the device refuses, as `blame` knows; `ENOMEM`. Then
    /// nothing has changed.
    pub(in crate::control) fn add_raw_table(
        &self,
        table: &Table<'_>,
        blame: &Blame<'_>,
        _rtnl: &Rtnl<'_>,
    ) -> Result {
        let mut chosen = self.chosen.lock();
        let number = table.number;
        let Err(place) = chosen.place_of_table(number) else {
            blame.table(fmt!("there is a raw table {number} already"));
            return Err(EEXIST);
        };
        let used = chosen.raw.len();
        if used >= MAX_RAW_TABLES {
            blame.table(fmt!(
                "the interface has {used} raw tables: limit {MAX_RAW_TABLES}"
            ));
            return Err(ENOSPC);
        }
        let fields = table.fields.len();
        if fields == 0 || fields > MAX_RAW_FIELDS {
            blame.key(fmt!(
                "a key of {fields} fields: limits 1 and {MAX_RAW_FIELDS}"
            ));
            return Err(EINVAL);
        }
        // Who shows it is not to come upon what is no text.
        let text = core::str::from_utf8(table.name);
        if !text.is_ok_and(|text| !text.contains(char::is_control)) {
            blame.name(fmt!("the name is not UTF-8, or has control characters"));
            return Err(EINVAL);
        }
        let mut name = KVec::with_capacity(table.name.len(), GFP_KERNEL)?;
        name.extend_from_slice(table.name, GFP_KERNEL)?;
        let new = RawTable {
            number,
            name,
            target: table.target,
            fields: self.raw_fields(table.fields, blame)?,
            rules: KVVec::new(),
        };
        let bits = new.bits();
        if bits > MAX_RAW_BITS {
            blame.key(fmt!("a key of {bits} bits: limit {MAX_RAW_BITS}"));
            return Err(EINVAL);
        }
        chosen.raw.reserve(1, GFP_KERNEL)?;
        chosen
            .raw
            .insert_within_capacity(place, new)
            .map_err(|_| ENOMEM)?;
        self.steer_as_chosen(&chosen, blame).inspect_err(|_| {
            let _ = chosen.raw.remove(place);
        })
    }

    /// Deletes raw table `number` with its rules.
    ///
    /// # Errors
    ///
    /// `ENOENT`, or what the device refuses, as `blame` knows; then nothing has changed.
    pub(in crate::control) fn delete_raw_table(&self, number: u16, blame: &Blame<'_>) -> Result {
        let mut chosen = self.chosen.lock();
        chosen.raw_table(number, blame)?;
        let mut rules = chosen.rules.iter();
        if let Some((location, _)) = rules.find(|(_, rule)| table_of(rule) == Some(number)) {
            blame.table(fmt!(
                "the rule at location {location} (ethtool -n) is in table {number}"
            ));
            return Err(EBUSY);
        }
        let place = chosen.place_of_table(number).map_err(|_| ENOENT)?;
        let old = chosen.raw.remove(place).map_err(|_| ENOENT)?;
        if let Err(error) = self.steer_as_chosen(&chosen, blame) {
            // There was room for it.
            let _ = chosen.raw.insert_within_capacity(place, old);
            return Err(error);
        }
        Ok(())
    }

    /// Shows `see` the raw tables from number `first` on, until it gives false.
    pub(in crate::control) fn show_raw_tables(
        &self,
        first: u32,
        see: &mut dyn FnMut(&Table<'_>) -> bool,
    ) {
        let chosen = self.chosen.lock();
        let from = chosen.raw.iter().filter(|it| u32::from(it.number) >= first);
        for table in from {
            let mut fields = [Field {
                node: &[],
                occurrence: 0,
                offset: 0,
                bits: 0,
            }; MAX_RAW_FIELDS];
            for (to, field) in fields.iter_mut().zip(table.fields.iter()) {
                *to = Field {
                    node: &field.node,
                    occurrence: field.occurrence,
                    offset: field.offset,
                    bits: field.bits,
                };
            }
            let goes_on = see(&Table {
                number: table.number,
                name: &table.name,
                target: table.target,
                fields: fields.get(..table.fields.len()).unwrap_or(&fields),
                // CAST: At most `MAX_RAW_RULES`.
                entries: table.rules.len() as u32,
            });
            if !goes_on {
                return;
            }
        }
    }

    /// What becomes of frames by a new rule.
    ///
    /// # Errors
    ///
    /// `EINVAL`, `ENOENT`; then `blame` knows why.
    fn raw_action(
        &self,
        action: EntryAction,
        chosen: &Chosen,
        blame: &Blame<'_>,
    ) -> Result<Action> {
        let in_use = self.device.queues_in_use();
        let refused = |refusal: Refusal| {
            blame.queue(fmt!("{refusal}"));
            refusal.errno()
        };
        // CAST: Queues in use.
        match action {
            EntryAction::Drop => Ok(Action::Drop),
            EntryAction::Queue(queue) => {
                check_queue(queue, None, in_use).map_err(refused)?;
                Ok(Action::Queue(queue as u16))
            }
            EntryAction::Context { id, offset } => {
                let Ok(context) = chosen.configuration(id) else {
                    blame.context(fmt!("there is no RSS context {id}"));
                    return Err(ENOENT);
                };
                check_queue(offset, Some(&context.table), in_use).map_err(refused)?;
                Ok(Action::Context {
                    id,
                    offset: offset as u16,
                })
            }
        }
    }

    /// Adds a rule to raw table `number`.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EEXIST`, `ENOSPC`, `EINVAL`, or what the device refuses, as `blame` knows; `ENOMEM`. Then
    /// nothing has changed.
    pub(in crate::control) fn add_raw_rule(
        &self,
        number: u16,
        entry: &NewEntry<'_>,
        blame: &Blame<'_>,
    ) -> Result {
        let mut chosen = self.chosen.lock();
        let action = self.raw_action(entry.action, &chosen, blame)?;
        let all = chosen.raw.iter().map(|table| table.rules.len());
        let used = all.fold(0, usize::saturating_add);
        let first = chosen.raw_table(number, blame)?.free_priority();
        // CAST: `usize` has at least 32 bits.
        if used >= limits::MAX_RAW_RULES as usize {
            blame.table(fmt!("the raw tables have {used} entries: limit {used}"));
            return Err(ENOSPC);
        }
        let mut free = (first..=u32::MAX).filter(|priority| !chosen.has_raw(number, *priority));
        let priority = entry.priority.or_else(|| free.next()).ok_or(ENOSPC)?;
        if chosen.has_raw(number, priority) {
            blame.priority(fmt!("table {number} has an entry {priority} already"));
            return Err(EEXIST);
        }
        let table = chosen.raw_table(number, blame)?;
        let place = table.place(priority).err().ok_or(EEXIST)?;
        let value = key(table, entry.value, |why| blame.value(why))?;
        let mask = match entry.mask {
            Some(mask) => key(table, mask, |why| blame.mask(why))?,
            None => whole(table.bits()),
        };
        let rule = Rule {
            key: masked(&value, &mask),
            mask,
            payload: None,
            action,
        };
        table.rules.reserve(1, GFP_KERNEL)?;
        table
            .rules
            .insert_within_capacity(place, (priority, rule))
            .map_err(|_| ENOMEM)?;
        if let Err(error) = self.steer_as_chosen(&chosen, blame) {
            let _ = chosen.raw_table(number, blame)?.rules.remove(place);
            return Err(error);
        }
        Ok(())
    }

    /// Deletes the rule with `priority` of raw table `number`.
    ///
    /// # Errors
    ///
    /// `ENOENT`, or what the device refuses, as `blame` knows; then nothing has changed.
    pub(in crate::control) fn delete_raw_rule(
        &self,
        number: u16,
        priority: u32,
        blame: &Blame<'_>,
    ) -> Result {
        let mut chosen = self.chosen.lock();
        let table = chosen.raw_table(number, blame)?;
        let old = table.place(priority).ok();
        let old = old.and_then(|place| Some((place, table.rules.remove(place).ok()?)));
        let Some((place, rule)) = old else {
            blame.priority(fmt!("table {number} has no entry {priority}"));
            return Err(ENOENT);
        };
        if let Err(error) = self.steer_as_chosen(&chosen, blame) {
            let rules = &mut chosen.raw_table(number, blame)?.rules;
            // There was room for it.
            let _ = rules.insert_within_capacity(place, rule);
            return Err(error);
        }
        Ok(())
    }

    /// Shows `see` the rules of raw table `number` from `first` on, until it gives false.
    pub(in crate::control) fn show_raw_rules(
        &self,
        number: u16,
        first: u32,
        see: &mut dyn FnMut(&Entry<'_>) -> bool,
    ) {
        let chosen = self.chosen.lock();
        let place = chosen.place_of_table(number).ok();
        let Some(table) = place.and_then(|place| chosen.raw.get(place)) else {
            return;
        };
        let len = table.len();
        for (priority, rule) in table.rules.iter().filter(|(number, _)| *number >= first) {
            let (value, mask) = (key_bytes(&rule.key), key_bytes(&rule.mask));
            let goes_on = see(&Entry {
                priority: *priority,
                value: value.get(..len).unwrap_or(&value),
                mask: mask.get(..len).unwrap_or(&mask),
                action: told_action(rule.action),
                hits: self.hardware.hits(number, *priority),
            });
            if !goes_on {
                return;
            }
        }
    }

    /// Refuses that `queues` queues are in use if a rule of a raw table comes to another one.
    ///
    /// # Errors
    ///
    /// `EINVAL`, with the reason in the kernel log.
    pub(super) fn check_raw_queues(&self, queues: u16, rtnl: &Rtnl<'_>) -> Result {
        let chosen = self.chosen.lock();
        let table_of = |id| chosen.configuration(id).ok().map(|it| &*it.table);
        check_all(&chosen.raw, table_of, queues).map_err(|(table, priority, refusal)| {
            if net::log::ratelimit() {
                pr_info!(
                    "{}: queues stay as they are: table {table}: entry {priority}: {refusal}\n",
                    self.device.name(rtnl)
                );
            }
            refusal.errno()
        })
    }

    /// What steers by what is chosen when the device runs `parser`; nothing if no raw table depends on that.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a table looks at a node that its graph has not, as `extack` says; `ENOMEM`.
    pub(in crate::control) fn raw_steering(
        &self,
        parser: &Arc<Parser>,
        extack: &Extack<'_>,
        rtnl: &Rtnl<'_>,
    ) -> Result<Option<RawSteering>> {
        let chosen = self.chosen.lock();
        if chosen.raw.is_empty() {
            return Ok(None);
        }
        // Its file was looked at when it was flashed.
        let blob = parser.contents().ok_or(ENOENT)?;
        for table in chosen.raw.iter() {
            let mut fields = table.fields.iter();
            if let Some(field) = fields.find(|field| blob.node_named(&field.node).is_none()) {
                extack.fmt(fmt!(
                    "parser: {}: table {}: the graph has no node {}",
                    self.device.name(rtnl),
                    table.number,
                    Text(&field.node)
                ));
                return Err(EBUSY);
            }
        }
        let rules = (&*chosen.rules, &*chosen.raw);
        let made = with_wanted(&chosen.main, chosen.others(), rules, parser, |wanted| {
            let mut numbers = KVVec::new();
            for table in wanted.raw {
                for (number, _) in table.rules {
                    numbers.push((table.number, *number), GFP_KERNEL)?;
                }
            }
            let steering = self.hardware.steering_by(wanted)?;
            Ok(RawSteering { steering, numbers })
        });
        made.map(Some).map_err(|refusal| {
            extack.fmt(fmt!("parser: {}: {refusal}", self.device.name(rtnl)));
            error(&refusal)
        })
    }

    /// Steers by what [`Self::raw_steering`] has made: RTNL was not given up since.
    pub(in crate::control) fn steer_raw_by(&self, made: RawSteering) {
        let RawSteering { steering, numbers } = made;
        self.hardware.steer_as(steering, numbers.iter().copied());
    }
}

/// What is to steer when another graph runs.
pub(in crate::control) struct RawSteering {
    steering: Arc<Steering>,
    /// Its rules: the numbers of their tables and of themselves.
    numbers: KVVec<(u16, u32)>,
}

/// The number of the raw table that a rule of `ethtool` is in, if it is in one.
fn table_of(rule: &FlowRule) -> Option<u16> {
    let rule = RawRule::of(rule).unwrap_or_default();
    rule.map(|rule| rule.table)
}

/// The mask of all `bits` bits of a key.
fn whole(bits: usize) -> KeyWords {
    let mut mask = KeyWords::default();
    for (index, word) in mask.iter_mut().enumerate() {
        let bits = bits.saturating_sub(index * 64).min(64);
        *word = match bits {
            0 => 0,
            // CAST: At most 64.
            bits => u64::MAX << (64 - bits as u32),
        };
    }
    mask
}

/// Those bits of `value` that `mask` has.
fn masked(value: &KeyWords, mask: &KeyWords) -> KeyWords {
    let mut masked = *value;
    for (word, mask) in masked.iter_mut().zip(mask) {
        *word &= mask;
    }
    masked
}
