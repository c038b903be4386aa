// SPDX-License-Identifier: GPL-2.0

//! A graph in its canonical form.

use crate::limits;
use crate::record::{Condition, Entry, Node, Optional, Range, Record, Store, Tlv, Tlvs};
use crate::refusal::{Part, Refusal, Rule};

/// What a canonical form begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// How many headers are counted.
    pub max_headers: u8,
    /// How many records of each kind there are: in the order in which they lie, nodes, entries,
    /// conditions, stores, optional fields, lists of options, options.
    pub counts: [u16; Header::KINDS],
}

impl Header {
    /// How many kinds of records there are.
    pub const KINDS: usize = 7;
    /// How many bytes it takes.
    pub const SIZE: usize = 24;
    /// What a graph of this version begins with.
    pub const MAGIC: u32 = u32::from_le_bytes(*b"OPG\x01");
    /// How long a record of each kind is, in bytes.
    pub const SIZES: [usize; Self::KINDS] = [
        Node::SIZE,
        Entry::SIZE,
        Condition::SIZE,
        Store::SIZE,
        Optional::SIZE,
        Tlvs::SIZE,
        Tlv::SIZE,
    ];

    /// Puts it at the beginning of `bytes`; `None` if they are too few.
    pub fn write(&self, bytes: &mut [u8]) -> Option<()> {
        bytes.get_mut(..Self::SIZE)?.fill(0);
        Self::MAGIC.write(bytes)?;
        self.max_headers.write(bytes.get_mut(4..)?)?;
        let mut places = bytes.get_mut(8..)?;
        for count in self.counts {
            count.write(places)?;
            places = places.get_mut(u16::SIZE..)?;
        }
        Some(())
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let refusal = |rule, value| Refusal {
            part: Part::Graph,
            rule,
            value,
        };
        // CAST: A graph of 4 GiB is refused by its size all the same.
        let short = || refusal(Rule::Size, bytes.len() as u32);
        let (start, _) = bytes.split_at_checked(Self::SIZE).ok_or_else(short)?;
        match u32::read(start) {
            Some(Self::MAGIC) => {}
            magic => return Err(refusal(Rule::Magic, magic.unwrap_or(0))),
        }
        let max_headers = u8::read(start.get(4..).unwrap_or_default()).unwrap_or(0);
        if max_headers > limits::HEADERS {
            let limit = Rule::AtMost(limits::HEADERS.into());
            return Err(refusal(limit, max_headers.into()));
        }
        let unused = [5, 6, 7, 22, 23].map(|at| start.get(at).copied().unwrap_or(0));
        if unused != [0; 5] {
            return Err(refusal(
                Rule::Reserved,
                u32::from_le_bytes([unused[0], unused[1], unused[2], unused[3]]),
            ));
        }
        let mut counts = [0; Self::KINDS];
        let mut places = start.get(8..).unwrap_or_default();
        for count in &mut counts {
            *count = u16::read(places).unwrap_or(0);
            places = places.get(u16::SIZE..).unwrap_or_default();
        }
        Ok(Self {
            max_headers,
            counts,
        })
    }
}

/// A graph whose canonical form was checked.
///
/// # Invariants
///
/// All that [`Graph::new`] checks.
#[derive(Clone, Copy, Debug)]
pub struct Graph<'a> {
    bytes: &'a [u8],
    header: Header,
    /// The records of each kind.
    parts: [&'a [u8]; Header::KINDS],
}

/// Records of one kind.
#[derive(Clone, Debug)]
pub struct Parts<'a, T> {
    bytes: &'a [u8],
    kind: core::marker::PhantomData<T>,
}

impl<T: Record> Iterator for Parts<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let record = T::read(self.bytes)?;
        self.bytes = self.bytes.get(T::SIZE..)?;
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.bytes.len() / T::SIZE;
        (len, Some(len))
    }
}

impl<T: Record> ExactSizeIterator for Parts<'_, T> {}

impl<'a> Graph<'a> {
    /// The records that `bytes` should be, of which nothing is known yet but how many there are.
    pub(crate) fn unchecked(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() > limits::BYTES {
            return Err(Refusal {
                part: Part::Graph,
                // CAST: The limit is below 4 GiB.
                rule: Rule::AtMost(limits::BYTES as u32),
                value: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            });
        }
        let header = Header::read(bytes)?;
        let (_, mut rest) = bytes.split_at_checked(Header::SIZE).unwrap_or_default();
        let mut parts: [&[u8]; Header::KINDS] = [&[]; Header::KINDS];
        for ((part, count), size) in parts.iter_mut().zip(header.counts).zip(Header::SIZES) {
            let len = usize::from(count).saturating_mul(size);
            (*part, rest) = rest.split_at_checked(len).ok_or(Refusal {
                part: Part::Graph,
                rule: Rule::Size,
                // CAST: Below the limit.
                value: bytes.len() as u32,
            })?;
        }
        if !rest.is_empty() {
            return Err(Refusal {
                part: Part::Graph,
                rule: Rule::Size,
                // CAST: Below the limit.
                value: bytes.len() as u32,
            });
        }
        Ok(Self {
            bytes,
            header,
            parts,
        })
    }

    /// Its canonical form.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many headers are counted.
    pub const fn max_headers(&self) -> u8 {
        self.header.max_headers
    }

    /// How many records of each kind there are, as in [`Header::counts`].
    pub const fn counts(&self) -> [u16; Header::KINDS] {
        self.header.counts
    }

    fn all<T>(&self, kind: usize) -> Parts<'a, T> {
        Parts {
            bytes: self.parts.get(kind).copied().unwrap_or_default(),
            kind: core::marker::PhantomData,
        }
    }

    fn some<T: Record>(&self, kind: usize, range: Range) -> Parts<'a, T> {
        let all = self.parts.get(kind).copied().unwrap_or_default();
        let start = usize::from(range.start).saturating_mul(T::SIZE);
        let len = usize::from(range.count).saturating_mul(T::SIZE);
        let end = start.saturating_add(len);
        Parts {
            bytes: all.get(start..end).unwrap_or_default(),
            kind: core::marker::PhantomData,
        }
    }

    /// All nodes; a parser begins with the first.
    pub fn nodes(&self) -> Parts<'a, Node> {
        self.all(0)
    }

    /// The node with a number.
    pub fn node(&self, number: u16) -> Option<Node> {
        let one = Range {
            start: number,
            count: 1,
        };
        self.some(0, one).next()
    }

    /// Entries of a table, sorted by key.
    pub fn entries(&self, range: Range) -> Parts<'a, Entry> {
        self.some(1, range)
    }

    /// Conditions of a node.
    pub fn conditions(&self, range: Range) -> Parts<'a, Condition> {
        self.some(2, range)
    }

    /// What is put into fields, wherever in the graph that is.
    pub fn all_stores(&self) -> Parts<'a, Store> {
        self.all(3)
    }

    /// What is put into fields.
    pub fn stores(&self, range: Range) -> Parts<'a, Store> {
        self.some(3, range)
    }

    /// Optional fields of a node.
    pub fn optional(&self, range: Range) -> Parts<'a, Optional> {
        self.some(4, range)
    }

    /// The list of options of a node, if it has one.
    pub fn tlvs(&self, range: Range) -> Parts<'a, Tlvs> {
        self.some(5, range)
    }

    /// Options of a list.
    pub fn tlv(&self, range: Range) -> Parts<'a, Tlv> {
        self.some(6, range)
    }
}
