// SPDX-License-Identifier: GPL-2.0

//! Raw tables: rules of receive steering that match any bits of the headers that a device's parse graph
//! knows.

use kernel::{
    fmt,
    prelude::*, //
};
use net::{
    error::not_supported,
    genl::Request, //
};
use offload_uapi::netlink::{
    table,
    table_entry,
    TableTarget, //
};

/// A part of the key of a table.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// The name of the node whose header it is of.
    pub node: &'a [u8],
    /// Which time it is that a frame comes to the node, from 1 on.
    pub occurrence: u8,
    /// Where in the header it begins, in bits.
    pub offset: u16,
    /// How long it is, in bits.
    pub bits: u16,
}

/// A raw table.
pub struct Table<'a> {
    /// Its number.
    pub number: u16,
    /// Its name; may be empty.
    pub name: &'a [u8],
    /// What of the kernel's it stands for.
    pub target: TableTarget,
    /// Its key.
    pub fields: &'a [Field<'a>],
    /// How many entries it has.
    pub entries: u32,
}

/// What becomes of a frame that an entry matches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EntryAction {
    /// It is dropped.
    Drop,
    /// It goes to this queue.
    Queue(u32),
    /// It is spread by an RSS context.
    Context {
        /// Number of the context.
        id: u32,
        /// What is added to the queue that the context's table gives.
        offset: u32,
    },
}

/// An entry that is to be added. Its bytes may be of any length.
pub struct NewEntry<'a> {
    /// Its number in the table; `None` for one that is free.
    pub priority: Option<u32>,
    /// What a frame is to have.
    pub value: &'a [u8],
    /// Which bits of it count; `None` for all.
    pub mask: Option<&'a [u8]>,
    /// What becomes of the frame.
    pub action: EntryAction,
}

/// An entry.
pub struct Entry<'a> {
    /// Its number in the table.
    pub priority: u32,
    /// What a frame is to have.
    pub value: &'a [u8],
    /// Which bits of it count.
    pub mask: &'a [u8],
    /// What becomes of the frame.
    pub action: EntryAction,
    /// Frames that had it.
    pub hits: u64,
}

/// Whom to tell what is wrong with a request for tables.
pub struct Blame<'a>(&'a Request<'a>);

impl<'a> Blame<'a> {
    /// Who has sent `request`.
    pub(crate) fn new(request: &'a Request<'a>) -> Self {
        Self(request)
    }

    /// The number of the table.
    pub fn table(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table::TABLE, why);
    }

    /// The name of a table.
    pub fn name(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table::NAME, why);
    }

    /// The key.
    pub fn key(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table::FIELD, why);
    }

    /// The priority of an entry.
    pub fn priority(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table_entry::PRIORITY, why);
    }

    /// The value of an entry.
    pub fn value(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table_entry::VALUE, why);
    }

    /// Its mask.
    pub fn mask(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table_entry::MASK, why);
    }

    /// Its queue.
    pub fn queue(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table_entry::QUEUE, why);
    }

    /// Its context.
    pub fn context(&self, why: fmt::Arguments<'_>) {
        self.0.blame(table_entry::CONTEXT, why);
    }

    /// The interface has no raw tables. The error for that.
    pub(crate) fn has_no_tables(&self) -> Error {
        self.0.blame(
            table::IFINDEX,
            fmt!("the driver of the interface has no raw tables"),
        );
        not_supported()
    }
}
