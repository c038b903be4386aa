// SPDX-License-Identifier: GPL-2.0

//! What nodes are called.
//!
//! A graph means the same whatever its nodes are called, and its digest does not depend on it. But who
//! says of a node that something is to be done there, whatever graph comes next, has nothing but its name.
//! The names of a file are JSON, of which this reads no more than it needs: the list of the nodes' names,
//! as `offloadctl parser build` writes it.

use crate::blob::Blob;
use crate::limits;

/// What stands before the list. A name has no such thing in it: quotes are written otherwise there.
const LIST: &[u8] = b"\"nodes\":[";

/// What is behind `prefix` in `bytes`, if they begin with it.
fn behind<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (first, behind) = bytes.split_at_checked(prefix.len())?;
    (first == prefix).then_some(behind)
}

/// The names of nodes, from node 0 on.
struct Names<'a>(&'a [u8]);

impl<'a> Names<'a> {
    fn of(names: &'a [u8]) -> Self {
        let mut rest = names;
        loop {
            if let Some(list) = behind(rest, LIST) {
                return Self(list);
            }
            match rest.split_first() {
                Some((_, others)) => rest = others,
                None => return Self(&[]),
            }
        }
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = behind(self.0, b",").unwrap_or(self.0);
        let text = behind(rest, b"\"")?;
        let mut is_escaped = false;
        let end = text.iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        })?;
        let (name, rest) = text.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        Some(name)
    }
}

impl Blob<'_> {
    /// The number of the node with a name. A node that has none is called `node-N` by its number. A name with
    /// characters that JSON writes otherwise is none that can be looked for.
    pub fn node_named(&self, name: &[u8]) -> Option<u16> {
        let [count, ..] = self.graph.counts();
        let mut named = (0..=u16::MAX).zip(Names::of(self.names));
        let found = named.find(|(_, other)| *other == name);
        let number = match found {
            Some((number, _)) => Some(number),
            None => self.nameless(name),
        };
        number.filter(|number| *number < count)
    }

    /// The number that a node without a name is called by.
    fn nameless(&self, name: &[u8]) -> Option<u16> {
        let digits = behind(name, b"node-")?;
        let is_number = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.len() <= 5;
        let mut number = 0_usize;
        for digit in digits {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number = number.saturating_mul(10).saturating_add(digit.into());
        }
        let named = Names::of(self.names).take(limits::NODES);
        let known = named.fold(0_usize, |count, _| count.saturating_add(1));
        let is_nameless = is_number && number >= known;
        u16::try_from(number).ok().filter(|_| is_nameless)
    }
}
