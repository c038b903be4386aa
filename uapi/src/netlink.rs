// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `offload`.
//!
//! Made by `cargo xtask uapi` from uapi/netlink/specs/offload.yaml: what is changed here by hand is lost.
//!
//! Which programs are in the device? A driver reports what lies in its device
//! for each slot of a network interface, at the moment it is asked; the kernel
//! compares the digest with that of what it runs itself for the same function,
//! and permits an offload by the policy of the interface.
//!
//! Whoever may open a netlink socket may ask; changes need CAP_NET_ADMIN in the
//! user namespace that owns the network namespace, and so do images, counts and
//! audits of GRO, in which frames of others are. Only interfaces of the
//! asker's network namespace are seen.

use crate::operation::{AttributePolicy, Mode, Operation, Permission};

/// The name of the family.
pub const FAMILY: &str = "offload";
/// Its version.
pub const VERSION: u8 = 1;
/// The name of the multicast group "events".
pub const GROUP_EVENTS: &str = "events";
/// Bytes of the longest digest.
pub const MAX_DIGEST: usize = 32;
/// Bytes of an image in one answer at the most.
pub const MAX_CHUNK: usize = 4096;
/// Bytes of a frame in a question, as many as an attribute has room for.
pub const MAX_FRAME: usize = 65531;
/// Bytes that are kept of a frame that failed, at the most.
pub const MAX_KEPT: usize = 128;
/// Bytes that are kept of a frame that is not what it was before it was put
/// together with others, at the most.
pub const MAX_CUT: usize = 1536;
/// Where an edge of a parse graph leads by which frames are left to the
/// kernel.
pub const STOP_LEFT_OUT: usize = 65533;
/// Where one leads by which they fail.
pub const STOP_FAIL: usize = 65534;
/// Where one leads by which all is well.
pub const STOP_OKAY: usize = 65535;
/// Bytes of struct bpf_flow_keys.
pub const FLOW_KEYS: usize = 56;
/// Bytes of the fields that only a device has.
pub const DEVICE_FIELDS: usize = 56;
/// Bytes of the path of a pinned program, at the most.
pub const MAX_PATH: usize = 4095;
/// The largest number of a raw table.
pub const MAX_TABLE: usize = 32767;
/// Bytes of the name of a raw table, at the most.
pub const MAX_TABLE_NAME: usize = 31;
/// Bytes of the name of a node of a parse graph, at the most.
pub const MAX_NODE_NAME: usize = 63;
/// Bytes of the key of a raw table, at the most.
pub const MAX_KEY: usize = 64;
/// Which time a frame comes to a node, at the most.
pub const MAX_OCCURRENCE: usize = 16;
/// Bits before the end of a field of a key, from its header on, at the most.
pub const MAX_KEY_OFFSET: usize = 2048;
/// A place of an interface where a device can do the kernel's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Slot {
    /// For each received frame, before all else. The kernel's program is
    /// the one of native XDP.
    Xdp = 0,
    /// For each received frame, as a classifier at the interface's ingress.
    /// The kernel's program is the filter that software runs there.
    TcIngress = 1,
    /// The parser of received frames. The device tells of the flow dissector
    /// that it makes of its parse graph; the kernel's program is the one that
    /// is attached, if that has neither maps nor functions. It runs as long
    /// as what speaks for it is enough for the policy (parser-level): then
    /// the stack is told the hashes of frames.
    Parser = 2,
    /// Segmentation of frames that are sent.
    Gso = 3,
    /// Coalescing of frames that were received.
    Gro = 4,
}

impl Slot {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[
        Self::Xdp,
        Self::TcIngress,
        Self::Parser,
        Self::Gso,
        Self::Gro,
    ];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Xdp,
            1 => Self::TcIngress,
            2 => Self::Parser,
            3 => Self::Gso,
            4 => Self::Gro,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xdp => "xdp",
            Self::TcIngress => "tc-ingress",
            Self::Parser => "parser",
            Self::Gso => "gso",
            Self::Gro => "gro",
        }
    }
}

/// What a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum ProgramKind {
    /// An eBPF program of type BPF_PROG_TYPE_XDP.
    Xdp = 0,
    /// An eBPF program of type BPF_PROG_TYPE_SCHED_CLS.
    SchedCls = 1,
    /// A function that the device was made with, and no program.
    Fixed = 2,
    /// An eBPF program of type BPF_PROG_TYPE_FLOW_DISSECTOR.
    FlowDissector = 3,
}

impl ProgramKind {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Xdp, Self::SchedCls, Self::Fixed, Self::FlowDissector];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Xdp,
            1 => Self::SchedCls,
            2 => Self::Fixed,
            3 => Self::FlowDissector,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xdp => "xdp",
            Self::SchedCls => "sched-cls",
            Self::Fixed => "fixed",
            Self::FlowDissector => "flow-dissector",
        }
    }
}

/// What has become of a program in a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum State {
    /// It lies in the device, ready, and no slot runs it.
    Loaded = 0,
    /// A slot runs it.
    Active = 1,
    /// It is not the program any more that the kernel loaded, or was not
    /// at some time. No slot runs it, and none will: it has to be loaded
    /// again.
    Faulted = 2,
}

impl State {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Loaded, Self::Active, Self::Faulted];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Loaded,
            1 => Self::Active,
            2 => Self::Faulted,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Active => "active",
            Self::Faulted => "faulted",
        }
    }
}

/// What the comparison of a slot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Verdict {
    /// What one of both sides does has no digest.
    Unknown = 0,
    /// Device and kernel have programs of the same kind and digest.
    Equal = 1,
    /// Device and kernel have different programs.
    Different = 2,
    /// The device has a program, the kernel runs none there.
    OnlyDevice = 3,
    /// The kernel runs a program there, the device has none.
    OnlyKernel = 4,
    /// Neither has one.
    None = 5,
}

impl Verdict {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[
        Self::Unknown,
        Self::Equal,
        Self::Different,
        Self::OnlyDevice,
        Self::OnlyKernel,
        Self::None,
    ];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Unknown,
            1 => Self::Equal,
            2 => Self::Different,
            3 => Self::OnlyDevice,
            4 => Self::OnlyKernel,
            5 => Self::None,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Equal => "equal",
            Self::Different => "different",
            Self::OnlyDevice => "only-device",
            Self::OnlyKernel => "only-kernel",
            Self::None => "none",
        }
    }
}

/// What the comparison is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Policy {
    /// It is told to who asks.
    Report = 0,
    /// A slot is activated, and a feature that stands for one is switched
    /// on, only if the verdict is "equal". The kernel does not run its
    /// native XDP program for frames that an equal one of the device has
    /// seen. Classifiers run as ever: what the device's leaves undecided
    /// goes on to the kernel's. Hashes of frames are told only if a program
    /// is attached that has the digest of slot "parser".
    RequireEqual = 1,
}

impl Policy {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Report, Self::RequireEqual];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Report,
            1 => Self::RequireEqual,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::RequireEqual => "require-equal",
        }
    }
}

/// How a digest is made of a program's canonical instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum DigestAlgorithm {
    /// As "prog->digest" of the kernel, of whose 32 bytes the first 8 are
    /// the tag of a program.
    Sha256 = 0,
    /// The same instructions by SHA-1, 20 bytes.
    Sha1 = 1,
}

impl DigestAlgorithm {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Sha256, Self::Sha1];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Sha256,
            1 => Self::Sha1,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }
}

/// What a resource is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Unit {
    /// "entry".
    Entry = 0,
    /// "byte".
    Byte = 1,
}

impl Unit {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Entry, Self::Byte];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Entry,
            1 => Self::Byte,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Byte => "byte",
        }
    }
}

/// How a parser stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum ParseVerdict {
    /// All is well.
    Okay = 0,
    /// The frame is broken or unknown. What was found until then stays.
    Fail = 1,
    /// The graph leaves the frame to the kernel's own code: nothing that
    /// was found counts.
    LeftOut = 2,
}

impl ParseVerdict {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Okay, Self::Fail, Self::LeftOut];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Okay,
            1 => Self::Fail,
            2 => Self::LeftOut,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Okay => "okay",
            Self::Fail => "fail",
            Self::LeftOut => "left-out",
        }
    }
}

/// What speaks for a device's parser to find in a frame what the kernel's
/// flow dissector does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum ParserLevel {
    /// Nothing but the device itself. It is not believed.
    Claimed = 0,
    /// No program is attached, and the kernel's own code has no digest: the
    /// graph was tested against that of this release.
    Tested = 1,
    /// The program that is attached has the digest that the graph's file
    /// names: who has made the file vouches for it.
    Attested = 2,
    /// The program that is attached is the one that was made of the device's
    /// graph in this kernel, to the last bit.
    Reproduced = 3,
}

impl ParserLevel {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[
        Self::Claimed,
        Self::Tested,
        Self::Attested,
        Self::Reproduced,
    ];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Claimed,
            1 => Self::Tested,
            2 => Self::Attested,
            3 => Self::Reproduced,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Tested => "tested",
            Self::Attested => "attested",
            Self::Reproduced => "reproduced",
        }
    }
}

/// Why a frame is for a receive queue, or for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum SteerReason {
    /// One queue is in use, and there is neither a rule nor a flow type to
    /// be dropped: frames are not looked at.
    SingleQueue = 0,
    /// Its hash, by the indirection table of a context.
    Hash = 1,
    /// It has nothing that is hashed, and goes by the first entry.
    Unhashed = 2,
    /// A rule has named the queue, or the context that did.
    Rule = 3,
    /// A rule drops it.
    RuleDrop = 4,
    /// Its flow follows its reader (accelerated RFS).
    Flow = 5,
    /// Frames of its flow type are dropped.
    TypeDrop = 6,
    /// An offloaded program has chosen it. No answer has this yet.
    Program = 7,
    /// The port does not take frames for its address, or of its VLAN.
    Filtered = 8,
}

impl SteerReason {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[
        Self::SingleQueue,
        Self::Hash,
        Self::Unhashed,
        Self::Rule,
        Self::RuleDrop,
        Self::Flow,
        Self::TypeDrop,
        Self::Program,
        Self::Filtered,
    ];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::SingleQueue,
            1 => Self::Hash,
            2 => Self::Unhashed,
            3 => Self::Rule,
            4 => Self::RuleDrop,
            5 => Self::Flow,
            6 => Self::TypeDrop,
            7 => Self::Program,
            8 => Self::Filtered,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleQueue => "single-queue",
            Self::Hash => "hash",
            Self::Unhashed => "unhashed",
            Self::Rule => "rule",
            Self::RuleDrop => "rule-drop",
            Self::Flow => "flow",
            Self::TypeDrop => "type-drop",
            Self::Program => "program",
            Self::Filtered => "filtered",
        }
    }
}

/// What kind of frame it is, to whom chooses the fields of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum FlowType {
    /// "ether".
    Ether = 0,
    /// "ip4".
    Ip4 = 1,
    /// "tcp4".
    Tcp4 = 2,
    /// "udp4".
    Udp4 = 3,
    /// "sctp4".
    Sctp4 = 4,
    /// "ah4".
    Ah4 = 5,
    /// "esp4".
    Esp4 = 6,
    /// "ip6".
    Ip6 = 7,
    /// "tcp6".
    Tcp6 = 8,
    /// "udp6".
    Udp6 = 9,
    /// "sctp6".
    Sctp6 = 10,
    /// "ah6".
    Ah6 = 11,
    /// "esp6".
    Esp6 = 12,
}

impl FlowType {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[
        Self::Ether,
        Self::Ip4,
        Self::Tcp4,
        Self::Udp4,
        Self::Sctp4,
        Self::Ah4,
        Self::Esp4,
        Self::Ip6,
        Self::Tcp6,
        Self::Udp6,
        Self::Sctp6,
        Self::Ah6,
        Self::Esp6,
    ];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Ether,
            1 => Self::Ip4,
            2 => Self::Tcp4,
            3 => Self::Udp4,
            4 => Self::Sctp4,
            5 => Self::Ah4,
            6 => Self::Esp4,
            7 => Self::Ip6,
            8 => Self::Tcp6,
            9 => Self::Udp6,
            10 => Self::Sctp6,
            11 => Self::Ah6,
            12 => Self::Esp6,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ether => "ether",
            Self::Ip4 => "ip4",
            Self::Tcp4 => "tcp4",
            Self::Udp4 => "udp4",
            Self::Sctp4 => "sctp4",
            Self::Ah4 => "ah4",
            Self::Esp4 => "esp4",
            Self::Ip6 => "ip6",
            Self::Tcp6 => "tcp6",
            Self::Udp6 => "udp6",
            Self::Sctp6 => "sctp6",
            Self::Ah6 => "ah6",
            Self::Esp6 => "esp6",
        }
    }
}

/// What a hash tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum HashLevel {
    /// Ethernet addresses and VLAN tags.
    L2 = 0,
    /// IP addresses.
    L3 = 1,
    /// The flows between two addresses.
    L4 = 2,
}

impl HashLevel {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::L2, Self::L3, Self::L4];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::L2,
            1 => Self::L3,
            2 => Self::L4,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::L4 => "l4",
        }
    }
}

/// What makes the hashes of both directions of a flow alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Symmetry {
    /// Nothing does.
    None = 0,
    /// In place of source and destination their exclusive or is hashed
    /// twice.
    Xor = 1,
    /// Their or is hashed, and their exclusive or.
    OrXor = 2,
}

impl Symmetry {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::None, Self::Xor, Self::OrXor];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::None,
            1 => Self::Xor,
            2 => Self::OrXor,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Xor => "xor",
            Self::OrXor => "or-xor",
        }
    }
}

/// What of the kernel's a raw table stands for: what is offloaded to it. This
/// is for who looks; rules by "ethtool -N" go to tables for ntuple alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum TableTarget {
    /// "ntuple".
    Ntuple = 0,
    /// "flower".
    Flower = 1,
    /// "route".
    Route = 2,
    /// "nftables".
    Nftables = 3,
}

impl TableTarget {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Ntuple, Self::Flower, Self::Route, Self::Nftables];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Ntuple,
            1 => Self::Flower,
            2 => Self::Route,
            3 => Self::Nftables,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntuple => "ntuple",
            Self::Flower => "flower",
            Self::Route => "route",
            Self::Nftables => "nftables",
        }
    }
}

/// What becomes of a frame that a rule of a raw table matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum TableAction {
    /// It is dropped.
    Drop = 0,
    /// It goes to a receive queue.
    Queue = 1,
    /// It is spread by an RSS context.
    Context = 2,
}

impl TableAction {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[Self::Drop, Self::Queue, Self::Context];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Drop,
            1 => Self::Queue,
            2 => Self::Context,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u32 {
        self as u32
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Queue => "queue",
            Self::Context => "context",
        }
    }
}

/// An operation's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Command {
    /// Get or dump interfaces whose drivers report programs.
    DevGet = 1,
    /// Set the policy of an interface.
    DevSet = 2,
    /// The policy of an interface has changed.
    DevChangeNtf = 3,
    /// Get or dump slots, compared as they are at this moment. A program that
    /// is found changed in the device's memory is taken out of its slot.
    SlotGet = 4,
    /// A slot was given a program.
    SlotActivateNtf = 5,
    /// A slot was emptied.
    SlotRemoveNtf = 6,
    /// The policy has refused a program, which is told as the device's.
    SlotMismatchNtf = 7,
    /// A program was found changed in the device's memory and taken out of
    /// its slot, or refused for it.
    SlotFaultNtf = 8,
    /// Get or dump programs that lie in devices, in slots or not: without an
    /// interface, each once, with the first interface of its device. A program
    /// that is found changed in the device's memory is taken out of its slots.
    ProgramGet = 9,
    /// A program was loaded into a device.
    ProgramLoadNtf = 10,
    /// A program was removed from a device.
    ProgramUnloadNtf = 11,
    /// Dump the image that a device runs of a program, piece by piece.
    ImageGet = 12,
    /// Get or dump what has happened at interfaces.
    StatsGet = 13,
    /// Ask where a frame would go that arrived now. Nothing is counted.
    SteerGet = 14,
    /// Get by which parse graph the device of an interface parses, or dump that of all.
    ParserGet = 15,
    /// Dump the file of a device's parse graph, as it was flashed, piece by
    /// piece.
    GraphGet = 16,
    /// Ask what the device and the kernel would find in a frame that arrived
    /// now. Nothing is counted.
    ParseGet = 17,
    /// Get the audit of an interface, or dump those of all.
    AuditGet = 18,
    /// Set the audit of an interface. It begins anew: with nothing counted, no
    /// difference, and the permission as it is without.
    AuditSet = 19,
    /// Dump what was counted of the frames of an interface, piece by piece: all
    /// nodes, and then all edges. Frames are in it.
    CountsGet = 20,
    /// Begin to count anew the frames of an interface, or end it. What was
    /// counted is gone.
    CountsSet = 21,
    /// Add a raw table to an interface. It has no entries yet.
    TableNew = 22,
    /// Delete a raw table of an interface, with its entries.
    TableDel = 23,
    /// Dump the raw tables of an interface, or of all.
    TableGet = 24,
    /// Add an entry to a raw table.
    TableEntryNew = 25,
    /// Delete an entry of a raw table.
    TableEntryDel = 26,
    /// Dump the entries of all raw tables of an interface.
    TableEntryGet = 27,
    /// Get the audit of what an interface's device puts together, or dump those
    /// of all. Frames are in it.
    GroAuditGet = 28,
    /// Set the audit of what an interface's device puts together. It begins
    /// anew: with nothing counted, no difference, and the permission as it is
    /// without.
    GroAuditSet = 29,
    /// Set the programs of a slot of an interface, in place of those that are
    /// there, at once. A program that is no more in the device is none any
    /// more.
    RuleProgramSet = 30,
}

impl Command {
    /// All of them, by number.
    pub const ALL: &'static [Self] = &[
        Self::DevGet,
        Self::DevSet,
        Self::DevChangeNtf,
        Self::SlotGet,
        Self::SlotActivateNtf,
        Self::SlotRemoveNtf,
        Self::SlotMismatchNtf,
        Self::SlotFaultNtf,
        Self::ProgramGet,
        Self::ProgramLoadNtf,
        Self::ProgramUnloadNtf,
        Self::ImageGet,
        Self::StatsGet,
        Self::SteerGet,
        Self::ParserGet,
        Self::GraphGet,
        Self::ParseGet,
        Self::AuditGet,
        Self::AuditSet,
        Self::CountsGet,
        Self::CountsSet,
        Self::TableNew,
        Self::TableDel,
        Self::TableGet,
        Self::TableEntryNew,
        Self::TableEntryDel,
        Self::TableEntryGet,
        Self::GroAuditGet,
        Self::GroAuditSet,
        Self::RuleProgramSet,
    ];

    /// The one with that number, if it is one that was known when this was compiled.
    pub const fn from_raw(raw: u8) -> Option<Self> {
        Some(match raw {
            1 => Self::DevGet,
            2 => Self::DevSet,
            3 => Self::DevChangeNtf,
            4 => Self::SlotGet,
            5 => Self::SlotActivateNtf,
            6 => Self::SlotRemoveNtf,
            7 => Self::SlotMismatchNtf,
            8 => Self::SlotFaultNtf,
            9 => Self::ProgramGet,
            10 => Self::ProgramLoadNtf,
            11 => Self::ProgramUnloadNtf,
            12 => Self::ImageGet,
            13 => Self::StatsGet,
            14 => Self::SteerGet,
            15 => Self::ParserGet,
            16 => Self::GraphGet,
            17 => Self::ParseGet,
            18 => Self::AuditGet,
            19 => Self::AuditSet,
            20 => Self::CountsGet,
            21 => Self::CountsSet,
            22 => Self::TableNew,
            23 => Self::TableDel,
            24 => Self::TableGet,
            25 => Self::TableEntryNew,
            26 => Self::TableEntryDel,
            27 => Self::TableEntryGet,
            28 => Self::GroAuditGet,
            29 => Self::GroAuditSet,
            30 => Self::RuleProgramSet,
            _ => return None,
        })
    }

    /// Its number.
    pub const fn raw(self) -> u8 {
        self as u8
    }

    /// Its name in the specification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DevGet => "dev-get",
            Self::DevSet => "dev-set",
            Self::DevChangeNtf => "dev-change-ntf",
            Self::SlotGet => "slot-get",
            Self::SlotActivateNtf => "slot-activate-ntf",
            Self::SlotRemoveNtf => "slot-remove-ntf",
            Self::SlotMismatchNtf => "slot-mismatch-ntf",
            Self::SlotFaultNtf => "slot-fault-ntf",
            Self::ProgramGet => "program-get",
            Self::ProgramLoadNtf => "program-load-ntf",
            Self::ProgramUnloadNtf => "program-unload-ntf",
            Self::ImageGet => "image-get",
            Self::StatsGet => "stats-get",
            Self::SteerGet => "steer-get",
            Self::ParserGet => "parser-get",
            Self::GraphGet => "graph-get",
            Self::ParseGet => "parse-get",
            Self::AuditGet => "audit-get",
            Self::AuditSet => "audit-set",
            Self::CountsGet => "counts-get",
            Self::CountsSet => "counts-set",
            Self::TableNew => "table-new",
            Self::TableDel => "table-del",
            Self::TableGet => "table-get",
            Self::TableEntryNew => "table-entry-new",
            Self::TableEntryDel => "table-entry-del",
            Self::TableEntryGet => "table-entry-get",
            Self::GroAuditGet => "gro-audit-get",
            Self::GroAuditSet => "gro-audit-set",
            Self::RuleProgramSet => "rule-program-set",
        }
    }
}

/// An interface, and the device behind it.
pub mod dev {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Its name.
    ///
    /// Text with a zero byte at its end.
    pub const IFNAME: u16 = 2;
    /// The driver's name.
    ///
    /// Text with a zero byte at its end.
    pub const DRIVER: u16 = 3;
    /// Name of the bus that the device is on, as devlink has it.
    ///
    /// Text with a zero byte at its end.
    pub const BUS: u16 = 4;
    /// Name of the device, as devlink has it. Its interfaces share it.
    ///
    /// Text with a zero byte at its end.
    pub const DEVICE: u16 = 5;
    /// What the comparison is for at this interface.
    ///
    /// A `u32`, one of [`Policy`](super::Policy).
    pub const POLICY: u16 = 6;
    /// A resource of the device.
    ///
    /// Attributes of [`resource`](super::resource). There may be several of them.
    pub const RESOURCE: u16 = 7;
    /// The largest number.
    pub const MAX: u16 = 7;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            IFNAME => "ifname",
            DRIVER => "driver",
            BUS => "bus",
            DEVICE => "device",
            POLICY => "policy",
            RESOURCE => "resource",
            _ => return None,
        })
    }
}

/// A resource of a device.
pub mod resource {
    /// Its name, as "devlink resource show" has it.
    ///
    /// Text with a zero byte at its end.
    pub const NAME: u16 = 1;
    /// What it is counted in.
    ///
    /// A `u32`, one of [`Unit`](super::Unit).
    pub const UNIT: u16 = 2;
    /// How much there is.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const LIMIT: u16 = 3;
    /// How much of it is taken.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const USED: u16 = 4;
    /// The largest number.
    pub const MAX: u16 = 4;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            NAME => "name",
            UNIT => "unit",
            LIMIT => "limit",
            USED => "used",
            _ => return None,
        })
    }
}

/// What names a program.
pub mod digest {
    /// How it was made.
    ///
    /// A `u32`, one of [`DigestAlgorithm`](super::DigestAlgorithm).
    pub const ALGORITHM: u16 = 1;
    /// Its bytes.
    ///
    /// Bytes.
    pub const VALUE: u16 = 2;
    /// The largest number.
    pub const MAX: u16 = 2;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            ALGORITHM => "algorithm",
            VALUE => "value",
            _ => return None,
        })
    }
}

/// A program, in a device or in the kernel.
pub mod program {
    /// What it is.
    ///
    /// A `u32`, one of [`ProgramKind`](super::ProgramKind).
    pub const KIND: u16 = 1;
    /// The name that it was loaded with. There may be none.
    ///
    /// Text with a zero byte at its end.
    pub const NAME: u16 = 2;
    /// Its number, as the system call bpf() and "bpftool prog show" know it.
    /// A program that the kernel has forgotten has none.
    ///
    /// A `u32`.
    pub const ID: u16 = 3;
    /// Its digests, one for each algorithm. Those of a program in a device
    /// are made of what lies in the device's memory when they are asked for.
    ///
    /// Attributes of [`digest`](super::digest). There may be several of them.
    pub const DIGEST: u16 = 4;
    /// What has become of it in the device.
    ///
    /// A `u32`, one of [`State`](super::State).
    pub const STATE: u16 = 5;
    /// Number of its eBPF instruction slots in the device.
    ///
    /// A `u32`.
    pub const INSTRUCTIONS: u16 = 6;
    /// Version of the format of the device's image of it.
    ///
    /// A `u32`.
    pub const IMAGE_FORMAT: u16 = 7;
    /// Size of the image in bytes.
    ///
    /// A `u32`.
    pub const IMAGE_SIZE: u16 = 8;
    /// Operations of the image.
    ///
    /// A `u32`.
    pub const OPERATIONS: u16 = 9;
    /// Device memory that it takes, in bytes, without its maps.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const MEMORY: u16 = 10;
    /// The largest number.
    pub const MAX: u16 = 10;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            KIND => "kind",
            NAME => "name",
            ID => "id",
            DIGEST => "digest",
            STATE => "state",
            INSTRUCTIONS => "instructions",
            IMAGE_FORMAT => "image-format",
            IMAGE_SIZE => "image-size",
            OPERATIONS => "operations",
            MEMORY => "memory",
            _ => return None,
        })
    }
}

/// A slot of an interface, and what the comparison says of it.
pub mod slot {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Which slot it is.
    ///
    /// A `u32`, one of [`Slot`](super::Slot).
    pub const SLOT: u16 = 2;
    /// What the device has in it, or had until that was found faulted.
    /// Absent if there is nothing.
    ///
    /// Attributes of [`program`](super::program).
    pub const DEVICE: u16 = 3;
    /// What the kernel runs for it. Absent if there is nothing.
    ///
    /// Attributes of [`program`](super::program).
    pub const KERNEL: u16 = 4;
    /// Whether they are the same.
    ///
    /// A `u32`, one of [`Verdict`](super::Verdict).
    pub const VERDICT: u16 = 5;
    /// The kernel does not run its program for frames that the device's
    /// program has seen.
    ///
    /// Nothing: it is there or not.
    pub const REPLACES_KERNEL: u16 = 6;
    /// The driver runs the kernel's program for frames that the device does
    /// not put together (gro), or cut (gso).
    ///
    /// Nothing: it is there or not.
    pub const IN_KERNEL: u16 = 7;
    /// The largest number.
    pub const MAX: u16 = 7;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            SLOT => "slot",
            DEVICE => "device",
            KERNEL => "kernel",
            VERDICT => "verdict",
            REPLACES_KERNEL => "replaces-kernel",
            IN_KERNEL => "in-kernel",
            _ => return None,
        })
    }
}

/// A program that lies in the device of an interface.
pub mod device_program {
    /// An interface of the device.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// The program's number.
    ///
    /// A `u32`.
    pub const ID: u16 = 2;
    /// The program.
    ///
    /// Attributes of [`program`](super::program).
    pub const PROGRAM: u16 = 3;
    /// The largest number.
    pub const MAX: u16 = 3;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            ID => "id",
            PROGRAM => "program",
            _ => return None,
        })
    }
}

/// A piece of the image that a device runs.
pub mod image {
    /// An interface of the device.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// The program's number.
    ///
    /// A `u32`.
    pub const ID: u16 = 2;
    /// Version of the image's format.
    ///
    /// A `u32`.
    pub const FORMAT: u16 = 3;
    /// Size of the whole image in bytes.
    ///
    /// A `u32`.
    pub const SIZE: u16 = 4;
    /// Where in the image the piece begins, in bytes.
    ///
    /// A `u32`.
    pub const OFFSET: u16 = 5;
    /// The piece.
    ///
    /// Bytes.
    pub const CHUNK: u16 = 6;
    /// The largest number.
    pub const MAX: u16 = 6;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            ID => "id",
            FORMAT => "format",
            SIZE => "size",
            OFFSET => "offset",
            CHUNK => "chunk",
            _ => return None,
        })
    }
}

/// What has happened at an interface since it was made.
pub mod stats {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Comparisons of a program in the device with one of the kernel.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const COMPARISONS: u16 = 2;
    /// Those of them that found different programs.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const MISMATCHES: u16 = 3;
    /// Programs that were found changed in the device's memory.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const FAULTS: u16 = 4;
    /// Activations that the policy has refused.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const REFUSALS: u16 = 5;
    /// Programs that slots were given.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const ACTIVATIONS: u16 = 6;
    /// Programs that were taken out of slots.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const REMOVALS: u16 = 7;
    /// The largest number.
    pub const MAX: u16 = 7;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            COMPARISONS => "comparisons",
            MISMATCHES => "mismatches",
            FAULTS => "faults",
            REFUSALS => "refusals",
            ACTIVATIONS => "activations",
            REMOVALS => "removals",
            _ => return None,
        })
    }
}

/// How the device of an interface steers a frame that arrives: found by the
/// device itself, in the tables by which it steers at this moment. What a
/// program makes of the frame, or chooses for it, is not in it.
pub mod steer {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// The frame, from its Ethernet header on.
    ///
    /// Bytes.
    pub const FRAME: u16 = 2;
    /// Why it goes where it goes.
    ///
    /// A `u32`, one of [`SteerReason`](super::SteerReason).
    pub const REASON: u16 = 3;
    /// The receive queue. Absent if the frame is dropped.
    ///
    /// A `u32`.
    pub const QUEUE: u16 = 4;
    /// Location of the rule that the frame fits, or the priority of the
    /// entry of a raw table.
    ///
    /// A `u32`.
    pub const RULE: u16 = 5;
    /// Number of the RSS context by which it was hashed, or dropped for its
    /// type; 0 is the main one.
    ///
    /// A `u32`.
    pub const CONTEXT: u16 = 6;
    /// Index in the context's indirection table, if that named the queue.
    ///
    /// A `u32`.
    pub const ENTRY: u16 = 7;
    /// Length of that table.
    ///
    /// A `u32`.
    pub const ENTRIES: u16 = 8;
    /// What kind of frame it is.
    ///
    /// A `u32`, one of [`FlowType`](super::FlowType).
    pub const FLOW_TYPE: u16 = 9;
    /// Its hash. Absent if it has nothing that is hashed.
    ///
    /// A `u32`.
    pub const HASH: u16 = 10;
    /// What the hash tells apart.
    ///
    /// A `u32`, one of [`HashLevel`](super::HashLevel).
    pub const HASH_LEVEL: u16 = 11;
    /// What of the frame is hashed, as bits RXH_* of linux/ethtool.h: of
    /// those that the user has chosen for frames of its type, those that it
    /// has.
    ///
    /// A `u32`.
    pub const HASH_FIELDS: u16 = 12;
    /// What was done to the fields.
    ///
    /// A `u32`, one of [`Symmetry`](super::Symmetry).
    pub const SYMMETRY: u16 = 13;
    /// A program runs in the device that sees the frame next, and may change
    /// or drop it.
    ///
    /// Nothing: it is there or not.
    pub const PROGRAMMED: u16 = 14;
    /// Number of the raw table that has the entry. Absent for rules of
    /// receive flow classification.
    ///
    /// A `u32`.
    pub const TABLE: u16 = 15;
    /// The largest number.
    pub const MAX: u16 = 15;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            FRAME => "frame",
            REASON => "reason",
            QUEUE => "queue",
            RULE => "rule",
            CONTEXT => "context",
            ENTRY => "entry",
            ENTRIES => "entries",
            FLOW_TYPE => "flow-type",
            HASH => "hash",
            HASH_LEVEL => "hash-level",
            HASH_FIELDS => "hash-fields",
            SYMMETRY => "symmetry",
            PROGRAMMED => "programmed",
            TABLE => "table",
            _ => return None,
        })
    }
}

/// The parse graph by which a device finds its way through frames.
pub mod parser {
    /// An interface of the device.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// SHA-256 of the graph's canonical form.
    ///
    /// Bytes.
    pub const DIGEST: u16 = 2;
    /// Nodes of the graph.
    ///
    /// A `u32`.
    pub const NODES: u16 = 3;
    /// Entries of all of its tables.
    ///
    /// A `u32`.
    pub const ENTRIES: u16 = 4;
    /// Headers that are counted before the parser stops.
    ///
    /// A `u32`.
    pub const MAX_HEADERS: u16 = 5;
    /// Bytes of the device's memory that it takes.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const MEMORY: u16 = 6;
    /// SHA-256 of the instructions of the flow dissector that the device has
    /// made of the graph itself.
    ///
    /// Bytes.
    pub const DISSECTOR: u16 = 7;
    /// SHA-256 of those of the flow dissector that the graph's file names.
    /// Absent if it names none.
    ///
    /// Bytes.
    pub const ATTESTED: u16 = 8;
    /// Size of the graph's file in bytes: of what was flashed, with the
    /// names of nodes.
    ///
    /// A `u32`.
    pub const SIZE: u16 = 9;
    /// Where in it the piece begins, in bytes.
    ///
    /// A `u32`.
    pub const OFFSET: u16 = 10;
    /// The piece.
    ///
    /// Bytes.
    pub const CHUNK: u16 = 11;
    /// What speaks for it in the namespace of the interface.
    ///
    /// A `u32`, one of [`ParserLevel`](super::ParserLevel).
    pub const LEVEL: u16 = 12;
    /// That is enough for the policy of the interface: the stack and the
    /// kernel's programs are told the hashes of frames that were received.
    ///
    /// Nothing: it is there or not.
    pub const PERMITTED: u16 = 13;
    /// The release of the kernel that the graph was tested against. Present
    /// for level tested.
    ///
    /// Text with a zero byte at its end.
    pub const RELEASE: u16 = 14;
    /// Frames that the interface has handed up without the hash that was
    /// wanted of them, as nothing, or not enough, spoke for the parser.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const WITHHELD: u16 = 15;
    /// The largest number.
    pub const MAX: u16 = 15;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            DIGEST => "digest",
            NODES => "nodes",
            ENTRIES => "entries",
            MAX_HEADERS => "max-headers",
            MEMORY => "memory",
            DISSECTOR => "dissector",
            ATTESTED => "attested",
            SIZE => "size",
            OFFSET => "offset",
            CHUNK => "chunk",
            LEVEL => "level",
            PERMITTED => "permitted",
            RELEASE => "release",
            WITHHELD => "withheld",
            _ => return None,
        })
    }
}

/// What a device and the kernel make of a frame. The kernel's flow
/// dissector is the program that is attached in the namespace of the
/// interface, or else the kernel's own code.
pub mod parse {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// The frame, from its Ethernet header on.
    ///
    /// Bytes.
    pub const FRAME: u16 = 2;
    /// What is asked for, as bits BPF_FLOW_DISSECTOR_F_* of linux/bpf.h;
    /// the next one, 8, stops before what another packet carries. Absent
    /// stands for none.
    ///
    /// A `u32`.
    pub const FLAGS: u16 = 3;
    /// How the device's parser stopped.
    ///
    /// A `u32`, one of [`ParseVerdict`](super::ParseVerdict).
    pub const DEVICE_VERDICT: u16 = 4;
    /// What it found, as struct bpf_flow_keys of linux/bpf.h.
    ///
    /// Bytes.
    pub const DEVICE_KEYS: u16 = 5;
    /// What it found that has no place there: as the fields of a parse
    /// graph that only a device has, by their offsets.
    ///
    /// Bytes.
    pub const DEVICE_FIELDS: u16 = 6;
    /// Its way: for each node the number and the offset of its header, of
    /// two bytes each, little endian.
    ///
    /// Bytes.
    pub const STEPS: u16 = 7;
    /// How the kernel's flow dissector ended, okay or fail.
    ///
    /// A `u32`, one of [`ParseVerdict`](super::ParseVerdict).
    pub const KERNEL_VERDICT: u16 = 8;
    /// What it found, as struct bpf_flow_keys. What has no place there,
    /// and what struct flow_keys does not have (nhoff, flags), is zero.
    ///
    /// Bytes.
    pub const KERNEL_KEYS: u16 = 9;
    /// What of the device's fields it found: the outermost VLAN tag, without
    /// the drop eligible indicator, and the key of GRE; all others are zero.
    ///
    /// Bytes.
    pub const KERNEL_FIELDS: u16 = 10;
    /// A program is attached, and has done it, unless it left it to the kernel.
    ///
    /// Nothing: it is there or not.
    pub const KERNEL_PROGRAM: u16 = 11;
    /// The largest number.
    pub const MAX: u16 = 11;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            FRAME => "frame",
            FLAGS => "flags",
            DEVICE_VERDICT => "device-verdict",
            DEVICE_KEYS => "device-keys",
            DEVICE_FIELDS => "device-fields",
            STEPS => "steps",
            KERNEL_VERDICT => "kernel-verdict",
            KERNEL_KEYS => "kernel-keys",
            KERNEL_FIELDS => "kernel-fields",
            KERNEL_PROGRAM => "kernel-program",
            _ => return None,
        })
    }
}

/// Frames that were received, and that the kernel has dissected as well: what
/// it has found beside what the device's parser did.
pub mod audit {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Of so many frames one is dissected. 0 for none.
    ///
    /// A `u32`.
    pub const ONE_IN: u16 = 2;
    /// The first difference ends the permission to tell hashes, until the
    /// audit is set again. A number that is not 0 for yes.
    ///
    /// A `u32`.
    pub const ENDS_PERMISSION: u16 = 3;
    /// Frames that both have looked at.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const AUDITED: u16 = 4;
    /// Frames among those that the device's graph leaves to the kernel.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const LEFT_OUT: u16 = 5;
    /// Frames in which they have not found the same.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const DIFFERENT: u16 = 6;
    /// A difference has ended the permission.
    ///
    /// Nothing: it is there or not.
    pub const ENDED: u16 = 7;
    /// The first frame in which they have not found the same.
    ///
    /// Attributes of [`parse`](super::parse).
    pub const FIRST: u16 = 8;
    /// The largest number.
    pub const MAX: u16 = 8;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            ONE_IN => "one-in",
            ENDS_PERMISSION => "ends-permission",
            AUDITED => "audited",
            LEFT_OUT => "left-out",
            DIFFERENT => "different",
            ENDED => "ended",
            FIRST => "first",
            _ => return None,
        })
    }
}

/// Frames that were put together and, cut again, are not what was on the
/// wire.
pub mod cut {
    /// How many they were on the wire.
    ///
    /// A `u32`.
    pub const FRAMES: u16 = 1;
    /// How many they are when they are cut; 0 if they can't be.
    ///
    /// A `u32`.
    pub const SEGMENTS: u16 = 2;
    /// Why they can't be cut, as an error number.
    ///
    /// A `u32`.
    pub const ERROR: u16 = 3;
    /// Number of the first frame that is different, from 0 on.
    ///
    /// A `u32`.
    pub const INDEX: u16 = 4;
    /// Number of its first byte that is different, from 0 on.
    ///
    /// A `u32`.
    pub const OFFSET: u16 = 5;
    /// Cut again they are what was on the wire, but what the super-frame's own
    /// headers say is wrong: lengths, or their checksums. It stands in the
    /// place of the frame as it is cut.
    ///
    /// Nothing: it is there or not.
    pub const UNTRUE: u16 = 6;
    /// Length of that frame on the wire; 0 if there was none.
    ///
    /// A `u32`.
    pub const WIRE_LEN: u16 = 7;
    /// Its length as it is cut; 0 if there is none.
    ///
    /// A `u32`.
    pub const CUT_LEN: u16 = 8;
    /// Its first bytes on the wire.
    ///
    /// Bytes.
    pub const WIRE: u16 = 9;
    /// Its first bytes as it is cut.
    ///
    /// Bytes.
    pub const CUT: u16 = 10;
    /// The largest number.
    pub const MAX: u16 = 10;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            FRAMES => "frames",
            SEGMENTS => "segments",
            ERROR => "error",
            INDEX => "index",
            OFFSET => "offset",
            UNTRUE => "untrue",
            WIRE_LEN => "wire-len",
            CUT_LEN => "cut-len",
            WIRE => "wire",
            CUT => "cut",
            _ => return None,
        })
    }
}

/// Super-frames that the device of an interface has put together of frames
/// that were received (rx-gro-hw, large-receive-offload), and that the kernel
/// has cut again: what came out beside what was on the wire.
pub mod gro_audit {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Of so many super-frames one is cut. 0 for none.
    ///
    /// A `u32`.
    pub const ONE_IN: u16 = 2;
    /// The first difference ends the permission to put frames together, until
    /// the audit is set again: 1 for yes, as it is unless it is set, and 0
    /// for no.
    ///
    /// A `u32`.
    pub const ENDS_PERMISSION: u16 = 3;
    /// Super-frames that were cut and compared.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const AUDITED: u16 = 4;
    /// Those that were to be and were not, as there was no memory to keep
    /// their frames, or to cut them. They went up as they were.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const LEFT_OUT: u16 = 5;
    /// Those among the audited that the kernel's own GRO does not give back
    /// either: with urgent pointers that no flag speaks of, checksums of all
    /// ones, or identifications of an IPv4 header outside of IPv6 that do not
    /// count up. What was on the wire went up.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const LOSSY: u16 = 6;
    /// Those among the audited that are not what was on the wire. That went
    /// up.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const DIFFERENT: u16 = 7;
    /// A difference has ended the permission.
    ///
    /// Nothing: it is there or not.
    pub const ENDED: u16 = 8;
    /// The first one that is different.
    ///
    /// Attributes of [`cut`](super::cut).
    pub const FIRST: u16 = 9;
    /// The largest number.
    pub const MAX: u16 = 9;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            ONE_IN => "one-in",
            ENDS_PERMISSION => "ends-permission",
            AUDITED => "audited",
            LEFT_OUT => "left-out",
            LOSSY => "lossy",
            DIFFERENT => "different",
            ENDED => "ended",
            FIRST => "first",
            _ => return None,
        })
    }
}

/// Programs that are asked where fixed rules leave something open, in the
/// device of an interface and in the kernel: which of the frames that GRO
/// would put together are (slot gro, struct offload_gro), and what the
/// headers of segments are (slot gso, struct offload_gso).
pub mod rule_program {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// The number of a program in the device, of type XDP, which does not
    /// redirect, nor write in the slot gro. Without, there are no programs
    /// any more, and the fixed rules alone count.
    ///
    /// A `u32`.
    pub const DEVICE_ID: u16 = 2;
    /// Where the kernel's program is pinned, as the caller sees it. Without,
    /// the kernel has none to compare with.
    ///
    /// Text with a zero byte at its end.
    pub const KERNEL_PATH: u16 = 3;
    /// The driver runs the kernel's program, which must be the same, for
    /// frames that the device does not put together, or cut: 1 for yes, and
    /// 0, as it is without, for no.
    ///
    /// A `u32`.
    pub const IN_KERNEL: u16 = 4;
    /// The slot, gro or gso.
    ///
    /// A `u32`, one of [`Slot`](super::Slot).
    pub const SLOT: u16 = 5;
    /// The largest number.
    pub const MAX: u16 = 5;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            DEVICE_ID => "device-id",
            KERNEL_PATH => "kernel-path",
            IN_KERNEL => "in-kernel",
            SLOT => "slot",
            _ => return None,
        })
    }
}

/// A node of a parse graph, and what was counted of it.
pub mod counted_node {
    /// Its number, by which the graph's file has its name.
    ///
    /// A `u32`.
    pub const NUMBER: u16 = 1;
    /// How often a parser came to it.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const VISITS: u16 = 2;
    /// How often a frame failed there, as its header was broken, or nothing
    /// that the graph knows was behind it: the edge to stop-fail was taken.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const FAILURES: u16 = 3;
    /// How often its header was broken: cut off, or not as the node says.
    /// Not all have failed: a graph may have another node for such headers.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const BROKEN: u16 = 4;
    /// The first bytes of the last frame that failed there. Absent if none
    /// has, as the next ones.
    ///
    /// Bytes.
    pub const FRAME: u16 = 5;
    /// The length of that frame in bytes.
    ///
    /// A `u32`.
    pub const FRAME_LEN: u16 = 6;
    /// Where in it the node's header begins, in bytes.
    ///
    /// A `u32`.
    pub const OFFSET: u16 = 7;
    /// That header is broken.
    ///
    /// Nothing: it is there or not.
    pub const FRAME_BROKEN: u16 = 8;
    /// The largest number.
    pub const MAX: u16 = 8;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            NUMBER => "number",
            VISITS => "visits",
            FAILURES => "failures",
            BROKEN => "broken",
            FRAME => "frame",
            FRAME_LEN => "frame-len",
            OFFSET => "offset",
            FRAME_BROKEN => "frame-broken",
            _ => return None,
        })
    }
}

/// An edge of a parse graph, and what was counted of it.
pub mod counted_edge {
    /// Number of the node that it comes from.
    ///
    /// A `u32`.
    pub const FROM: u16 = 1;
    /// Number of the node that it leads to, or stop-left-out, stop-fail or
    /// stop-okay.
    ///
    /// A `u32`.
    pub const TO: u16 = 2;
    /// How often it was taken.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const TAKEN: u16 = 3;
    /// The largest number.
    pub const MAX: u16 = 3;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            FROM => "from",
            TO => "to",
            TAKEN => "taken",
            _ => return None,
        })
    }
}

/// Frames that came to the queues of an interface, and how a device's parser
/// has found its way through them to the outermost flow. A super-frame is one.
pub mod counts {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Whether they are counted. A number that is not 0 for yes.
    ///
    /// A `u32`.
    pub const COUNTING: u16 = 2;
    /// SHA-256 of the canonical form of the parser's graph. Absent if nothing
    /// is counted, as all that follow.
    ///
    /// Bytes.
    pub const DIGEST: u16 = 3;
    /// How many frames there were.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const FRAMES: u16 = 4;
    /// A node.
    ///
    /// Attributes of [`counted_node`](super::counted_node). There may be several of them.
    pub const NODE: u16 = 5;
    /// An edge. They are sorted by from, and then by to.
    ///
    /// Attributes of [`counted_edge`](super::counted_edge). There may be several of them.
    pub const EDGE: u16 = 6;
    /// The largest number.
    pub const MAX: u16 = 6;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            COUNTING => "counting",
            DIGEST => "digest",
            FRAMES => "frames",
            NODE => "node",
            EDGE => "edge",
            _ => return None,
        })
    }
}

/// A part of the key of a raw table: some bits of a header. A frame that has
/// not that header, or ends before the bits do, is not in the table. Looked
/// at are the first 256 bytes of frames.
pub mod table_field {
    /// The name of the header's node, as the file of the parse graph has it.
    ///
    /// Text with a zero byte at its end.
    pub const NODE: u16 = 1;
    /// Which time it is that a frame comes to the node, from 1 on, with all
    /// that it carries. Absent stands for 1.
    ///
    /// A `u32`.
    pub const OCCURRENCE: u16 = 2;
    /// Bits between the beginning of the header and those that are meant.
    /// Absent stands for none.
    ///
    /// A `u32`.
    pub const OFFSET: u16 = 3;
    /// How many they are.
    ///
    /// A `u32`.
    pub const BITS: u16 = 4;
    /// The largest number.
    pub const MAX: u16 = 4;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            NODE => "node",
            OCCURRENCE => "occurrence",
            OFFSET => "offset",
            BITS => "bits",
            _ => return None,
        })
    }
}

/// A raw table of an interface: rules of receive steering that match any bits
/// of the headers that the device's parse graph knows.
pub mod table {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// Its number.
    ///
    /// A `u32`.
    pub const TABLE: u16 = 2;
    /// Its name. There may be none.
    ///
    /// Text with a zero byte at its end.
    pub const NAME: u16 = 3;
    /// What of the kernel's it stands for. Absent stands for ntuple.
    ///
    /// A `u32`, one of [`TableTarget`](super::TableTarget).
    pub const TARGET: u16 = 4;
    /// A field of its key, in their order.
    ///
    /// Attributes of [`table_field`](super::table_field). There may be several of them.
    pub const FIELD: u16 = 5;
    /// How long its key is, in bits.
    ///
    /// A `u32`.
    pub const KEY_BITS: u16 = 6;
    /// How many entries it has.
    ///
    /// A `u32`.
    pub const ENTRIES: u16 = 7;
    /// The largest number.
    pub const MAX: u16 = 7;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            TABLE => "table",
            NAME => "name",
            TARGET => "target",
            FIELD => "field",
            KEY_BITS => "key-bits",
            ENTRIES => "entries",
            _ => return None,
        })
    }
}

/// An entry of a raw table: a rule. The bits of the fields of the key lie one
/// behind the other in value and mask, from the highest of the first byte on;
/// what is left of the last byte is zero.
pub mod table_entry {
    /// The interface.
    ///
    /// A `u32`.
    pub const IFINDEX: u16 = 1;
    /// The number of its table.
    ///
    /// A `u32`.
    pub const TABLE: u16 = 2;
    /// Its number in the table. Of all rules of the interface that match a
    /// frame, the one with the lowest number counts, be that the location of
    /// a rule of receive flow classification or this; of two with the same
    /// number the former, or that of the lower table. If a request that adds
    /// it has none, it gets the lowest one that no other entry of the table
    /// has.
    ///
    /// A `u32`.
    pub const PRIORITY: u16 = 3;
    /// What a frame is to have in the fields of the key.
    ///
    /// Bytes.
    pub const VALUE: u16 = 4;
    /// Which bits of it count. Absent stands for all.
    ///
    /// Bytes.
    pub const MASK: u16 = 5;
    /// What becomes of the frame.
    ///
    /// A `u32`, one of [`TableAction`](super::TableAction).
    pub const ACTION: u16 = 6;
    /// The receive queue; for action context, what is added to the queue that
    /// the context's indirection table names, where absent stands for 0.
    ///
    /// A `u32`.
    pub const QUEUE: u16 = 7;
    /// Number of the RSS context, for action context.
    ///
    /// A `u32`.
    pub const CONTEXT: u16 = 8;
    /// Frames that have come to the interface and gone where it says. One
    /// that a program has changed is not looked up for that again.
    ///
    /// A `u32` or a `u64`, as its length says.
    pub const HITS: u16 = 9;
    /// The largest number.
    pub const MAX: u16 = 9;

    /// The name of an attribute in the specification.
    pub const fn name(number: u16) -> Option<&'static str> {
        Some(match number {
            IFINDEX => "ifindex",
            TABLE => "table",
            PRIORITY => "priority",
            VALUE => "value",
            MASK => "mask",
            ACTION => "action",
            QUEUE => "queue",
            CONTEXT => "context",
            HITS => "hits",
            _ => return None,
        })
    }
}

/// What [`Command::DevGet`] without `NLM_F_DUMP` may have.
pub const DEV_GET_DO: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::DevGet`] with `NLM_F_DUMP` may have.
pub const DEV_GET_DUMP: [AttributePolicy; 0] = [];

/// What [`Command::DevSet`] without `NLM_F_DUMP` may have.
pub const DEV_SET_DO: [AttributePolicy; 7] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::Reject,
    AttributePolicy::Reject,
    AttributePolicy::Reject,
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: None,
        max: Some(1),
    },
];

/// What [`Command::SlotGet`] without `NLM_F_DUMP` may have.
pub const SLOT_GET_DO: [AttributePolicy; 3] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: Some(4),
    },
];

/// What [`Command::SlotGet`] with `NLM_F_DUMP` may have.
pub const SLOT_GET_DUMP: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::ProgramGet`] without `NLM_F_DUMP` may have.
pub const PROGRAM_GET_DO: [AttributePolicy; 3] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::ProgramGet`] with `NLM_F_DUMP` may have.
pub const PROGRAM_GET_DUMP: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::ImageGet`] with `NLM_F_DUMP` may have.
pub const IMAGE_GET_DUMP: [AttributePolicy; 3] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::StatsGet`] without `NLM_F_DUMP` may have.
pub const STATS_GET_DO: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::StatsGet`] with `NLM_F_DUMP` may have.
pub const STATS_GET_DUMP: [AttributePolicy; 0] = [];

/// What [`Command::SteerGet`] without `NLM_F_DUMP` may have.
pub const STEER_GET_DO: [AttributePolicy; 3] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::Binary {
        max_len: Some(65531),
    },
];

/// What [`Command::ParserGet`] without `NLM_F_DUMP` may have.
pub const PARSER_GET_DO: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::ParserGet`] with `NLM_F_DUMP` may have.
pub const PARSER_GET_DUMP: [AttributePolicy; 0] = [];

/// What [`Command::GraphGet`] with `NLM_F_DUMP` may have.
pub const GRAPH_GET_DUMP: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::ParseGet`] without `NLM_F_DUMP` may have.
pub const PARSE_GET_DO: [AttributePolicy; 4] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::Binary {
        max_len: Some(65531),
    },
    AttributePolicy::U32 {
        min: None,
        max: Some(15),
    },
];

/// What [`Command::AuditGet`] without `NLM_F_DUMP` may have.
pub const AUDIT_GET_DO: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::AuditGet`] with `NLM_F_DUMP` may have.
pub const AUDIT_GET_DUMP: [AttributePolicy; 0] = [];

/// What [`Command::AuditSet`] without `NLM_F_DUMP` may have.
pub const AUDIT_SET_DO: [AttributePolicy; 4] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
];

/// What [`Command::CountsGet`] with `NLM_F_DUMP` may have.
pub const COUNTS_GET_DUMP: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::CountsSet`] without `NLM_F_DUMP` may have.
pub const COUNTS_SET_DO: [AttributePolicy; 3] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
];

/// What [`Command::TableNew`] without `NLM_F_DUMP` may have.
pub const TABLE_NEW_DO: [AttributePolicy; 6] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: Some(32767),
    },
    AttributePolicy::String { max_len: Some(31) },
    AttributePolicy::U32 {
        min: None,
        max: Some(3),
    },
    AttributePolicy::Nest(&[
        AttributePolicy::Reject,
        AttributePolicy::String { max_len: Some(63) },
        AttributePolicy::U32 {
            min: Some(1),
            max: Some(16),
        },
        AttributePolicy::U32 {
            min: None,
            max: Some(2048),
        },
        AttributePolicy::U32 {
            min: Some(1),
            max: Some(512),
        },
    ]),
];

/// What [`Command::TableDel`] without `NLM_F_DUMP` may have.
pub const TABLE_DEL_DO: [AttributePolicy; 3] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: Some(32767),
    },
];

/// What [`Command::TableGet`] with `NLM_F_DUMP` may have.
pub const TABLE_GET_DUMP: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::TableEntryNew`] without `NLM_F_DUMP` may have.
pub const TABLE_ENTRY_NEW_DO: [AttributePolicy; 9] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: Some(32767),
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
    AttributePolicy::Binary { max_len: Some(64) },
    AttributePolicy::Binary { max_len: Some(64) },
    AttributePolicy::U32 {
        min: None,
        max: Some(2),
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
];

/// What [`Command::TableEntryDel`] without `NLM_F_DUMP` may have.
pub const TABLE_ENTRY_DEL_DO: [AttributePolicy; 4] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: Some(32767),
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
];

/// What [`Command::TableEntryGet`] with `NLM_F_DUMP` may have.
pub const TABLE_ENTRY_GET_DUMP: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::GroAuditGet`] without `NLM_F_DUMP` may have.
pub const GRO_AUDIT_GET_DO: [AttributePolicy; 2] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
];

/// What [`Command::GroAuditGet`] with `NLM_F_DUMP` may have.
pub const GRO_AUDIT_GET_DUMP: [AttributePolicy; 0] = [];

/// What [`Command::GroAuditSet`] without `NLM_F_DUMP` may have.
pub const GRO_AUDIT_SET_DO: [AttributePolicy; 4] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
];

/// What [`Command::RuleProgramSet`] without `NLM_F_DUMP` may have.
pub const RULE_PROGRAM_SET_DO: [AttributePolicy; 6] = [
    AttributePolicy::Reject,
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::U32 {
        min: Some(1),
        max: None,
    },
    AttributePolicy::String {
        max_len: Some(4095),
    },
    AttributePolicy::U32 {
        min: None,
        max: None,
    },
    AttributePolicy::U32 {
        min: None,
        max: Some(4),
    },
];

/// Every operation, by its number.
pub const OPERATIONS: &[Operation<Command>] = &[
    Operation {
        command: Command::DevGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&DEV_GET_DO),
            dump: Some(&DEV_GET_DUMP),
        },
    },
    Operation {
        command: Command::DevSet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&DEV_SET_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::DevChangeNtf,
        mode: Mode::Notification {
            like: Command::DevGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::SlotGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&SLOT_GET_DO),
            dump: Some(&SLOT_GET_DUMP),
        },
    },
    Operation {
        command: Command::SlotActivateNtf,
        mode: Mode::Notification {
            like: Command::SlotGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::SlotRemoveNtf,
        mode: Mode::Notification {
            like: Command::SlotGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::SlotMismatchNtf,
        mode: Mode::Notification {
            like: Command::SlotGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::SlotFaultNtf,
        mode: Mode::Notification {
            like: Command::SlotGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::ProgramGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&PROGRAM_GET_DO),
            dump: Some(&PROGRAM_GET_DUMP),
        },
    },
    Operation {
        command: Command::ProgramLoadNtf,
        mode: Mode::Notification {
            like: Command::ProgramGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::ProgramUnloadNtf,
        mode: Mode::Notification {
            like: Command::ProgramGet,
            group: GROUP_EVENTS,
        },
    },
    Operation {
        command: Command::ImageGet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: None,
            dump: Some(&IMAGE_GET_DUMP),
        },
    },
    Operation {
        command: Command::StatsGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&STATS_GET_DO),
            dump: Some(&STATS_GET_DUMP),
        },
    },
    Operation {
        command: Command::SteerGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&STEER_GET_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::ParserGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&PARSER_GET_DO),
            dump: Some(&PARSER_GET_DUMP),
        },
    },
    Operation {
        command: Command::GraphGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: None,
            dump: Some(&GRAPH_GET_DUMP),
        },
    },
    Operation {
        command: Command::ParseGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&PARSE_GET_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::AuditGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: Some(&AUDIT_GET_DO),
            dump: Some(&AUDIT_GET_DUMP),
        },
    },
    Operation {
        command: Command::AuditSet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&AUDIT_SET_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::CountsGet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: None,
            dump: Some(&COUNTS_GET_DUMP),
        },
    },
    Operation {
        command: Command::CountsSet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&COUNTS_SET_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::TableNew,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&TABLE_NEW_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::TableDel,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&TABLE_DEL_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::TableGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: None,
            dump: Some(&TABLE_GET_DUMP),
        },
    },
    Operation {
        command: Command::TableEntryNew,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&TABLE_ENTRY_NEW_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::TableEntryDel,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&TABLE_ENTRY_DEL_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::TableEntryGet,
        mode: Mode::Request {
            permission: Permission::Anyone,
            one: None,
            dump: Some(&TABLE_ENTRY_GET_DUMP),
        },
    },
    Operation {
        command: Command::GroAuditGet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&GRO_AUDIT_GET_DO),
            dump: Some(&GRO_AUDIT_GET_DUMP),
        },
    },
    Operation {
        command: Command::GroAuditSet,
        mode: Mode::Request {
            permission: Permission::NamespaceAdmin,
            one: Some(&GRO_AUDIT_SET_DO),
            dump: None,
        },
    },
    Operation {
        command: Command::RuleProgramSet,
        mode: Mode::Request {
            permission: Permission::Admin,
            one: Some(&RULE_PROGRAM_SET_DO),
            dump: None,
        },
    },
];
