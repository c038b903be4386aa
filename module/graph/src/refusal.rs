// SPDX-License-Identifier: GPL-2.0

//! Why something is no graph.

use core::fmt;

/// What a refusal is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The graph as a whole.
    Graph,
    /// The node with a number.
    Node(u16),
    /// The table entry with a number.
    Entry(u16),
    /// The condition with a number.
    Condition(u16),
    /// The store with a number.
    Store(u16),
    /// The optional field with a number.
    Optional(u16),
    /// The list of options with a number.
    Tlvs(u16),
    /// The entry of such a list with a number.
    Tlv(u16),
}

/// What it breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// It is no canonical form of this version: it begins with something else.
    Magic,
    /// It has as many bytes as its records take.
    Size,
    /// There are at most so many.
    AtMost(u32),
    /// There is at least one node.
    NoNodes,
    /// What is unused is zero.
    Reserved,
    /// A record says something that none can say.
    Record,
    /// Records are used one after the other, none twice and none left over.
    Order,
    /// What a node reads lies within the bytes that must be there.
    Outside,
    /// A number has 1, 2 or 4 bytes; what is copied as many as its field.
    PieceSize,
    /// A mask and a shift leave something, and are no wider than their field.
    Mask,
    /// A key, or what is compared with, can occur.
    Key,
    /// Keys ascend.
    Sorted,
    /// A target is a node that there is, and not the first.
    Target,
    /// What leads to a node without counting has a lower number.
    Backwards,
    /// The first node is an Ethernet header whose EtherType, at offset 12, names what is next.
    Root,
    /// A header is at most so long, and at least what is read of it.
    Length,
    /// A flag or condition is one that there is.
    Flags,
    /// A field can't be stored so.
    Store,
    /// Lists of options tell the device alone.
    DeviceOnly,
    /// A counter of entries is above zero.
    Zero,
    /// A number that is not used is told as the one number that stands for that.
    Unused,
}

/// Why something is no graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What it is about.
    pub part: Part,
    /// What that breaks.
    pub rule: Rule,
    /// The value that does.
    pub value: u32,
}

impl fmt::Display for Part {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Graph => f.write_str("the graph"),
            Self::Node(number) => write!(f, "node {number}"),
            Self::Entry(number) => write!(f, "table entry {number}"),
            Self::Condition(number) => write!(f, "condition {number}"),
            Self::Store(number) => write!(f, "store {number}"),
            Self::Optional(number) => write!(f, "optional field {number}"),
            Self::Tlvs(number) => write!(f, "list of options {number}"),
            Self::Tlv(number) => write!(f, "option {number}"),
        }
    }
}

impl fmt::Display for Rule {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "begins with other bytes than a graph of this version",
            Self::Size => "has another size than its records take",
            Self::AtMost(limit) => return write!(f, "has more than the limit of {limit}"),
            Self::NoNodes => "has no nodes",
            Self::Reserved => "has something where nothing may be",
            Self::Record => "has a number that means nothing",
            Self::Order => "uses records that are not the next ones",
            Self::Outside => "reads beyond the bytes that must be there",
            Self::PieceSize => {
                "reads a number of a size that is not 1, 2 or 4 bytes, or not its field's"
            }
            Self::Mask => "has a mask or a shift that leaves nothing or is wider than its field",
            Self::Key => "has a value that can't occur under its mask",
            Self::Sorted => "has a key that does not come after the one before",
            Self::Target => "leads to a node that is not there, or to the first",
            Self::Backwards => {
                "leads back without counting, so that a parser would not come to an end"
            }
            Self::Root => {
                "is the first and no Ethernet header of 14 bytes with the EtherType at offset 12"
            }
            Self::Length => "has a header length out of range",
            Self::Flags => "has a flag or condition that there is not",
            Self::Store => "puts something into a field that can't be put there",
            Self::DeviceOnly => {
                "tells from an option what a flow dissector would have to tell, too"
            }
            Self::Zero => "has zero where at least one is meant",
            Self::Unused => "says something of what it does not use",
        })
    }
}

impl fmt::Display for Refusal {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.part, self.rule, self.value)
    }
}

impl core::error::Error for Refusal {}
