// SPDX-License-Identifier: GPL-2.0

//! What user space asks of raw tables, and what it is told of them.

use crate::{
    report::ReportPrograms,
    table::{
        Blame,
        Entry,
        EntryAction,
        Field,
        NewEntry,
        Table, //
    }, //
};
use kernel::prelude::*;
use net::{
    error::not_supported,
    genl::{
        DumpAnswer,
        Full,
        Message,
        Request, //
    },
    netdev::Rtnl, //
};
use offload_uapi::netlink::{
    table,
    table_entry,
    table_field,
    Command,
    TableAction,
    TableTarget,
    MAX_NODE_NAME, //
};

/// The attribute with the number of the interface, in all requests for tables and entries.
pub(crate) const IFINDEX: u16 = table::IFINDEX;

/// Does what `request` asks for, a change by `command`.
pub(crate) fn change(
    command: Command,
    request: &Request<'_>,
    interface: &dyn ReportPrograms,
    rtnl: &Rtnl<'_>,
) -> Result {
    let blame = Blame::new(request);
    // CAST: No greater one is taken.
    let number = request.required_u32(table::TABLE)? as u16;
    match command {
        Command::TableNew => add(request, number, interface, rtnl),
        Command::TableDel => interface.delete_table(number, &blame, rtnl),
        Command::TableEntryNew => {
            let entry = NewEntry {
                priority: request.u32(table_entry::PRIORITY),
                value: request.required_bytes(table_entry::VALUE)?,
                mask: request.bytes(table_entry::MASK),
                action: action(request, &blame)?,
            };
            interface.add_entry(number, &entry, &blame, rtnl)
        }
        Command::TableEntryDel => {
            let priority = request.required_u32(table_entry::PRIORITY)?;
            interface.delete_entry(number, priority, &blame, rtnl)
        }
        _ => Err(not_supported()),
    }
}

fn add(
    request: &Request<'_>,
    number: u16,
    interface: &dyn ReportPrograms,
    rtnl: &Rtnl<'_>,
) -> Result {
    use table_field::*;
    let blame = Blame::new(request);
    let target = request.u32(table::TARGET);
    let target = target.map_or(Some(TableTarget::Ntuple), TableTarget::from_raw);
    let mut fields = KVec::new();
    for field in request.nests(table::FIELD) {
        let (Some(node), Some(bits)) = (field.text(NODE), field.u32(table_field::BITS)) else {
            blame.key(fmt!("a field needs a node and a number of bits"));
            return Err(EINVAL);
        };
        // CAST: No greater ones are taken.
        let field = Field {
            node,
            occurrence: field.u32(OCCURRENCE).unwrap_or(1) as u8,
            offset: field.u32(OFFSET).unwrap_or(0) as u16,
            bits: bits as u16,
        };
        fields.push(field, GFP_KERNEL)?;
    }
    let table = Table {
        number,
        name: request.text(table::NAME).unwrap_or_default(),
        target: target.ok_or(EINVAL)?,
        fields: &fields,
        entries: 0,
    };
    interface.add_table(&table, &blame, rtnl)
}

/// The action of the entry that `request` is to add.
fn action(request: &Request<'_>, blame: &Blame<'_>) -> Result<EntryAction> {
    use table_entry::*;
    let action = TableAction::from_raw(request.required_u32(ACTION)?).ok_or(EINVAL)?;
    let (queue, context) = (request.u32(QUEUE), request.u32(CONTEXT));
    let action = match action {
        TableAction::Drop if queue.is_some() => {
            blame.queue(fmt!("a frame that is dropped goes to no queue"));
            return Err(EINVAL);
        }
        TableAction::Drop => EntryAction::Drop,
        TableAction::Queue => EntryAction::Queue(request.required_u32(QUEUE)?),
        TableAction::Context => {
            return Ok(EntryAction::Context {
                id: request.required_u32(CONTEXT)?,
                offset: queue.unwrap_or(0),
            })
        }
    };
    if context.is_some() {
        blame.context(fmt!("no context spreads frames by this action"));
        return Err(EINVAL);
    }
    Ok(action)
}

/// Writes the tables of `interface` from number `next` on.
pub(crate) fn dump(
    interface: &dyn ReportPrograms,
    next: &mut u32,
    answer: &mut DumpAnswer<'_>,
    rtnl: &Rtnl<'_>,
) -> Result<(), Full> {
    let ifindex = interface.net_device().ifindex();
    let (mut result, first) = (Ok(()), *next);
    let mut see = |table: &Table<'_>| {
        result = answer.message(|message| write(message, ifindex, table));
        if result.is_ok() {
            *next = u32::from(table.number).saturating_add(1);
        }
        result.is_ok()
    };
    interface.show_tables(first, &mut see, rtnl);
    result
}

fn write(message: &mut Message<'_>, ifindex: u32, table: &Table<'_>) -> Result<(), Full> {
    use table::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put_u32(TABLE, table.number.into())?;
    if !table.name.is_empty() {
        put_text(message, NAME, table.name)?;
    }
    message.put_u32(TARGET, table.target.raw())?;
    for field in table.fields {
        message.nest(FIELD, |message| {
            put_text(message, table_field::NODE, field.node)?;
            message.put_u32(table_field::OCCURRENCE, field.occurrence.into())?;
            message.put_u32(table_field::OFFSET, field.offset.into())?;
            message.put_u32(table_field::BITS, field.bits.into())
        })?;
    }
    let bits = table.fields.iter().map(|field| u32::from(field.bits));
    message.put_u32(KEY_BITS, bits.fold(0, u32::saturating_add))?;
    message.put_u32(ENTRIES, table.entries)
}

/// Puts a text that is not longer than `MAX_NODE_NAME`, with the zero byte at its end.
fn put_text(message: &mut Message<'_>, number: u16, text: &[u8]) -> Result<(), Full> {
    let mut bytes = [0; MAX_NODE_NAME + 1];
    let len = text.len().min(bytes.len() - 1);
    for (to, from) in bytes.iter_mut().zip(text.iter().take(len)) {
        *to = *from;
    }
    message.put(
        number,
        bytes.get(..len.saturating_add(1)).unwrap_or_default(),
    )
}

/// Writes the entries of `interface` from the table and the priority on that are `next`. When all are written
/// the former is beyond all tables.
pub(crate) fn dump_entries(
    interface: &dyn ReportPrograms,
    (table, priority): (&mut u32, &mut u32),
    answer: &mut DumpAnswer<'_>,
    rtnl: &Rtnl<'_>,
) -> Result<(), Full> {
    let ifindex = interface.net_device().ifindex();
    loop {
        let mut found = None;
        let mut first = |table: &Table<'_>| {
            found = Some(table.number);
            false
        };
        interface.show_tables(*table, &mut first, rtnl);
        let Some(number) = found else {
            return Ok(());
        };
        if u32::from(number) != *table {
            (*table, *priority) = (number.into(), 0);
        }
        let mut result = Ok(());
        let from = *priority;
        let mut see = |entry: &Entry<'_>| {
            result = answer.message(|message| write_entry(message, (ifindex, number), entry));
            if result.is_ok() {
                *priority = entry.priority.saturating_add(1);
            }
            result.is_ok()
        };
        interface.show_entries(number, from, &mut see, rtnl);
        result?;
        (*table, *priority) = (u32::from(number).saturating_add(1), 0);
    }
}

fn write_entry(
    message: &mut Message<'_>,
    (ifindex, number): (u32, u16),
    entry: &Entry<'_>,
) -> Result<(), Full> {
    use table_entry::*;
    message.put_u32(IFINDEX, ifindex)?;
    message.put_u32(TABLE, number.into())?;
    message.put_u32(PRIORITY, entry.priority)?;
    message.put(VALUE, entry.value)?;
    message.put(MASK, entry.mask)?;
    let (action, queue, context) = match entry.action {
        EntryAction::Drop => (TableAction::Drop, None, None),
        EntryAction::Queue(queue) => (TableAction::Queue, Some(queue), None),
        EntryAction::Context { id, offset } => (TableAction::Context, Some(offset), Some(id)),
    };
    message.put_u32(ACTION, action.raw())?;
    for (number, value) in [(QUEUE, queue), (CONTEXT, context)] {
        if let Some(value) = value {
            message.put_u32(number, value)?;
        }
    }
    message.put_uint(HITS, entry.hits)
}
