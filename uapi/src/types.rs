// SPDX-License-Identifier: GPL-2.0

//! What the kernel tells, as types.
//!
//! All of them can be serialised. Digests are hexadecimal text then, and what has a name in the
//! specification goes by it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::netlink::{
    DigestAlgorithm, FlowType, HashLevel, ParseVerdict, ParserLevel, Policy, ProgramKind, Slot,
    State, SteerReason, Symmetry, TableAction, TableTarget, Unit, Verdict,
};

/// A number that has a name in the specification.
pub trait Named: Copy + Eq {
    /// The one with that number, if this crate knows it.
    fn from_raw(raw: u32) -> Option<Self>;
    /// Its name in the specification.
    fn name(self) -> &'static str;
}

macro_rules! named {
    ($($name:ty),*) => {$(
        impl Named for $name {
            fn from_raw(raw: u32) -> Option<Self> {
                Self::from_raw(raw)
            }

            fn name(self) -> &'static str {
                self.name()
            }
        }
    )*};
}

named!(
    DigestAlgorithm,
    FlowType,
    HashLevel,
    ParseVerdict,
    ParserLevel,
    Policy,
    ProgramKind,
    Slot,
    State,
    SteerReason,
    Symmetry,
    TableAction,
    TableTarget,
    Unit,
    Verdict
);

/// One of `T`, or one that a newer kernel has and this crate does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Known<T> {
    /// One that is known.
    Is(T),
    /// Its number.
    Other(u32),
}

impl<T: Named> Known<T> {
    /// The one with that number.
    pub fn from_raw(raw: u32) -> Self {
        T::from_raw(raw).map_or(Self::Other(raw), Self::Is)
    }
}

impl<T: Named> PartialEq<T> for Known<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Is(known) if known == other)
    }
}

/// The name, or the number with a `#` before it.
impl<T: Named> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(known) => f.pad(known.name()),
            Self::Other(raw) => f.pad(&format!("#{raw}")),
        }
    }
}

impl<T: Named> Serialize for Known<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An interface whose driver reports programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Index of the interface in the network namespace of whoever asked.
    pub ifindex: u32,
    /// Its name.
    pub ifname: String,
    /// The driver's name.
    pub driver: Option<String>,
    /// Name of the bus that the device is on, as devlink has it.
    pub bus: Option<String>,
    /// Name of the device, as devlink has it. Its interfaces share it.
    pub device: Option<String>,
    /// What the comparison is for at this interface.
    pub policy: Known<Policy>,
    /// What the device has a limited amount of.
    pub resources: Vec<Resource>,
}

/// A resource of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// Its name, as `devlink resource show` has it.
    pub name: String,
    /// What it is counted in.
    pub unit: Known<Unit>,
    /// How much there is.
    pub limit: u64,
    /// How much of it is taken.
    pub used: u64,
}

/// What names a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// How it was made.
    pub algorithm: Known<DigestAlgorithm>,
    /// Its bytes.
    #[serde(serialize_with = "hexadecimal")]
    pub value: Vec<u8>,
}

/// A program, in a device or in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// What it is.
    pub kind: Known<ProgramKind>,
    /// The name that it was loaded with.
    pub name: Option<String>,
    /// Its number, as `bpftool prog show` has it.
    pub id: Option<u32>,
    /// Its digests, one for each algorithm.
    pub digests: Vec<Digest>,
    /// What has become of it in the device.
    pub state: Option<Known<State>>,
    /// Number of its eBPF instruction slots.
    pub instructions: Option<u32>,
    /// Version of the format of the device's image of it.
    pub image_format: Option<u32>,
    /// Size of the image in bytes.
    pub image_size: Option<u32>,
    /// Operations of the image.
    pub operations: Option<u32>,
    /// Device memory that it takes, in bytes, without its maps.
    pub memory: Option<u64>,
}

impl Program {
    /// Its digest by `algorithm`, if it was told.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Option<&[u8]> {
        let mut digests = self.digests.iter();
        let found = digests.find(|digest| digest.algorithm == algorithm)?;
        Some(&found.value)
    }

    /// What `bpftool prog show` has for its tag: the first 8 bytes of its SHA-256.
    pub fn tag(&self) -> Option<&[u8]> {
        self.digest(DigestAlgorithm::Sha256)?.get(..8)
    }
}

/// A slot of an interface, and what the comparison says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotReport {
    /// Index of the interface.
    pub ifindex: u32,
    /// Which slot it is.
    pub slot: Known<Slot>,
    /// What the device has in it.
    pub device: Option<Program>,
    /// What the kernel runs for it.
    pub kernel: Option<Program>,
    /// Whether they are the same.
    pub verdict: Known<Verdict>,
    /// Whether the kernel does not run its program for frames that the device's has seen.
    pub replaces_kernel: bool,
    /// Whether the driver runs the kernel's program for frames for which the device does not ask its own.
    pub in_kernel: bool,
}

/// What the programs of a slot whose program is asked are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePrograms {
    /// The number of the one in the device.
    pub device_id: u32,
    /// Where the kernel's is pinned.
    pub kernel_path: Option<String>,
    /// Whether the driver runs that one for frames for which the device does not ask its own.
    pub in_kernel: bool,
}

/// A program that lies in the device of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceProgram {
    /// Index of an interface of the device.
    pub ifindex: u32,
    /// The program's number, unless the kernel has forgotten it.
    pub id: Option<u32>,
    /// The program.
    pub program: Program,
}

/// What has happened at an interface since it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Index of the interface.
    pub ifindex: u32,
    /// Comparisons of a program in the device with one of the kernel.
    pub comparisons: u64,
    /// Those of them that found different programs.
    pub mismatches: u64,
    /// Programs that were found changed in the device's memory.
    pub faults: u64,
    /// Activations that the policy has refused.
    pub refusals: u64,
    /// Programs that slots were given.
    pub activations: u64,
    /// Programs that were taken out of slots.
    pub removals: u64,
}

/// The parser of the device of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parser {
    /// Index of the interface.
    pub ifindex: u32,
    /// SHA-256 of the canonical form of its parse graph.
    #[serde(serialize_with = "hexadecimal")]
    pub digest: Vec<u8>,
    /// Nodes of the graph.
    pub nodes: u32,
    /// Entries of its tables.
    pub entries: u32,
    /// Headers that are counted before it stops.
    pub max_headers: u32,
    /// Bytes of the device's memory that it takes.
    pub memory: u64,
    /// SHA-256 of the instructions of the flow dissector that the device has made of the graph.
    #[serde(serialize_with = "hexadecimal")]
    pub dissector: Vec<u8>,
    /// SHA-256 of those of the flow dissector that the graph's file names; empty if it names none.
    #[serde(serialize_with = "hexadecimal")]
    pub attested: Vec<u8>,
    /// Size of the graph's file in bytes.
    pub size: u32,
    /// What speaks for it.
    pub level: Known<ParserLevel>,
    /// Whether that is enough for the policy of the interface, so that hashes are told.
    pub permitted: bool,
    /// The release of the kernel that the graph was tested against, where that speaks for it.
    pub release: Option<String>,
    /// Frames that the interface has handed up without the hash that was wanted of them.
    pub withheld: u64,
}

/// A parse graph that a device runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseGraph {
    /// Its file, as it was flashed.
    pub bytes: Vec<u8>,
    /// SHA-256 of its canonical form, as the device tells it.
    pub digest: Vec<u8>,
}

/// A piece of a parse graph's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphPiece {
    /// SHA-256 of its canonical form.
    pub digest: Vec<u8>,
    /// Size of the whole in bytes.
    pub size: u32,
    /// Where the piece begins.
    pub offset: u32,
    /// The piece.
    pub bytes: Vec<u8>,
}

/// What the device and the kernel find in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Index of the interface.
    pub ifindex: u32,
    /// What the device's parser has found.
    pub device: FoundKeys,
    /// The way of the device's parser: for each node its number and the offset of its header, in bytes.
    pub steps: Vec<(u16, u16)>,
    /// What the kernel's flow dissector has found. Of the fields, it tells the outermost VLAN tag (without
    /// the drop eligible indicator) and the key of GRE.
    pub kernel: FoundKeys,
    /// Whether a program is attached in the place of the kernel's own dissector.
    pub kernel_program: bool,
}

/// What a parser has found in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKeys {
    /// How it stopped.
    pub verdict: Known<ParseVerdict>,
    /// `struct bpf_flow_keys`.
    pub keys: Vec<u8>,
    /// The fields that only devices have.
    pub fields: Vec<u8>,
}

/// Frames of an interface in which the kernel has looked as well as the device's parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Index of the interface.
    pub ifindex: u32,
    /// Of so many frames one is looked at; 0 for none.
    pub one_in: u32,
    /// Whether the first difference ends the permission to tell hashes.
    pub ends_permission: bool,
    /// Whether one has.
    pub ended: bool,
    /// Frames that both have looked at.
    pub audited: u64,
    /// Those among them that the device's graph leaves to the kernel.
    pub left_out: u64,
    /// Those in which they have not found the same.
    pub different: u64,
    /// The first of these: its first bytes, and what was found in it.
    pub first: Option<(Vec<u8>, Parsed)>,
}

/// Super-frames of an interface that its device has put together, and that the kernel has cut again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroAudit {
    /// Index of the interface.
    pub ifindex: u32,
    /// Of so many super-frames one is cut; 0 for none.
    pub one_in: u32,
    /// Whether the first difference ends the permission to put frames together.
    pub ends_permission: bool,
    /// Whether one has.
    pub ended: bool,
    /// Super-frames that were cut and compared.
    pub audited: u64,
    /// Those that were to be, and were not: there was no memory.
    pub left_out: u64,
    /// Those among the audited that the kernel's own GRO does not give back either.
    pub lossy: u64,
    /// Those among the audited that are not what was on the wire.
    pub different: u64,
    /// The first of these.
    pub first: Option<CutDifference>,
}

/// A super-frame that is not cut into what was on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutDifference {
    /// How many frames were on the wire.
    pub frames: u32,
    /// How many come out; 0 if it can't be cut.
    pub segments: u32,
    /// Why not, as an error number.
    pub error: Option<u32>,
    /// Whether what comes out is the same, but its own headers are not true: what is kept as cut is itself.
    pub untrue: bool,
    /// Number of the first frame that is different, from 0 on.
    pub index: u32,
    /// Number of its first byte that is different, from 0 on.
    pub offset: u32,
    /// That frame on the wire.
    pub wire: KeptFrame,
    /// It as it is cut.
    pub cut: KeptFrame,
}

/// What was kept of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptFrame {
    /// Its length; 0 if there is none.
    pub len: u32,
    /// Its first bytes.
    #[serde(serialize_with = "hexadecimal")]
    pub data: Vec<u8>,
}

/// How the device of an interface steers a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Steered {
    /// Index of the interface.
    pub ifindex: u32,
    /// Why the frame goes where it goes.
    pub reason: Known<SteerReason>,
    /// The receive queue; `None` if it is dropped.
    pub queue: Option<u32>,
    /// Location of the rule that it fits, or the priority of the entry of a raw table.
    pub rule: Option<u32>,
    /// Number of the raw table that has the entry; `None` for rules of receive flow classification.
    pub table: Option<u32>,
    /// Number of the RSS context by which it was hashed, or dropped for its type; 0 is the main one.
    /// `None` if the device has not looked at it.
    pub context: Option<u32>,
    /// Index in the context's indirection table, if that has named the queue.
    pub entry: Option<u32>,
    /// Length of that table.
    pub entries: Option<u32>,
    /// What kind of frame it is, unless the device has not looked at it.
    pub flow_type: Option<Known<FlowType>>,
    /// Its hash, if it has anything that is hashed.
    pub hash: Option<u32>,
    /// What the hash tells apart.
    pub hash_level: Option<Known<HashLevel>>,
    /// What of the frame is hashed.
    pub hash_fields: Option<HashFields>,
    /// What was done to the fields.
    pub symmetry: Option<Known<Symmetry>>,
    /// Whether a program runs in the device that sees the frame next, and may change or drop it.
    pub programmed: bool,
}

/// A raw table: rules of receive steering that match any bits of the headers that a parse graph knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Index of the interface.
    pub ifindex: u32,
    /// Its number.
    pub table: u32,
    /// Its name; may be empty.
    pub name: String,
    /// What of the kernel's it stands for.
    pub target: Known<TableTarget>,
    /// The fields of its key, in their order.
    pub key: Vec<TableField>,
    /// How long its key is, in bits.
    pub bits: u32,
    /// How many entries it has.
    pub entries: u32,
}

/// A part of the key of a raw table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableField {
    /// The name of the node whose header it is of.
    pub node: String,
    /// Which time it is that a frame comes to the node, from 1 on.
    pub occurrence: u32,
    /// Where in the header it begins, in bits.
    pub offset: u32,
    /// How long it is, in bits.
    pub bits: u32,
}

/// As it is written on a command line, in bits: `NODE#OCCURRENCE:OFFSET:LENGTH`.
impl fmt::Display for TableField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.node)?;
        if self.occurrence != 1 {
            write!(f, "#{}", self.occurrence)?;
        }
        write!(f, ":{}:{}", self.offset, self.bits)
    }
}

/// An entry of a raw table: a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableEntry {
    /// Index of the interface.
    pub ifindex: u32,
    /// The number of its table.
    pub table: u32,
    /// Its number there. Of all rules that match a frame, the one with the lowest number counts.
    pub priority: u32,
    /// What a frame is to have in the fields of the key, one behind the other, from the highest bit of the
    /// first byte on.
    #[serde(serialize_with = "hexadecimal")]
    pub value: Vec<u8>,
    /// Which bits of it count.
    #[serde(serialize_with = "hexadecimal")]
    pub mask: Vec<u8>,
    /// What becomes of the frame.
    pub action: Known<TableAction>,
    /// The receive queue, or what is added to the one that the context's table names.
    pub queue: Option<u32>,
    /// Number of the RSS context.
    pub context: Option<u32>,
    /// Frames that have come to the interface and gone where it says.
    pub hits: u64,
}

/// What becomes of a frame that an entry of a raw table matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is dropped.
    Drop,
    /// It goes to this receive queue.
    Queue(u32),
    /// It is spread by an RSS context.
    Context {
        /// Number of the context.
        id: u32,
        /// What is added to the queue that the context's table names.
        offset: u32,
    },
}

/// Fields of a frame: `RXH_*` of `linux/ethtool.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashFields(pub u32);

impl HashFields {
    /// Each bit, with its letter to `ethtool -N DEV rx-flow-hash` and its name in the specification of
    /// the family `ethtool`.
    pub const NAMES: [(u32, char, &'static str); 9] = [
        (1, 'm', "l2da"),
        (2, 'v', "vlan"),
        (3, 't', "l3-proto"),
        (4, 's', "ip-src"),
        (5, 'd', "ip-dst"),
        (6, 'f', "l4-b-0-1"),
        (7, 'n', "l4-b-2-3"),
        (8, 'e', "gtp-teid"),
        (9, 'l', "ip6-fl"),
    ];

    fn each(self) -> impl Iterator<Item = (char, &'static str)> {
        let all = Self::NAMES.into_iter();
        all.filter(move |(bit, ..)| self.0 >> bit & 1 == 1)
            .map(|(_, letter, name)| (letter, name))
    }
}

/// Their letters.
impl fmt::Display for HashFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: String = self.each().map(|(letter, _)| letter).collect();
        f.pad(&letters)
    }
}

/// A list of their names.
impl Serialize for HashFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.each().map(|(_, name)| name))
    }
}

/// What was counted of the frames of an interface, as its device's parser went through them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// SHA-256 of the canonical form of the parser's graph.
    #[serde(serialize_with = "hexadecimal")]
    pub digest: Vec<u8>,
    /// How many frames there were.
    pub frames: u64,
    /// The nodes of the graph, by their numbers.
    pub nodes: Vec<CountedNode>,
    /// Its edges, by the nodes that they come from, and then by where they lead.
    pub edges: Vec<CountedEdge>,
}

/// What was counted of a node of a parse graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountedNode {
    /// Its number.
    pub number: u32,
    /// How often a parser came to it.
    pub visits: u64,
    /// How often a frame failed there, as its header was broken, or nothing that the graph knows was behind
    /// it.
    pub failures: u64,
    /// How often its header was broken: cut off, or not as the node says. A graph may have another node for
    /// such headers.
    pub broken: u64,
    /// The last frame that failed there.
    pub last: Option<FailedFrame>,
}

/// A frame that failed at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedFrame {
    /// Its first bytes.
    #[serde(serialize_with = "hexadecimal")]
    pub data: Vec<u8>,
    /// How many it has.
    pub len: u32,
    /// Where in it the node's header begins.
    pub offset: u32,
    /// Whether that is broken.
    pub broken: bool,
}

/// What was counted of an edge of a parse graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountedEdge {
    /// Number of the node that it comes from.
    pub from: u32,
    /// Number of the node that it leads to, or [`STOP_LEFT_OUT`](crate::netlink::STOP_LEFT_OUT),
    /// [`STOP_FAIL`](crate::netlink::STOP_FAIL) or [`STOP_OKAY`](crate::netlink::STOP_OKAY).
    pub to: u32,
    /// How often it was taken.
    pub taken: u64,
}

/// A piece of what was counted of the frames of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsPiece {
    /// Whether anything is counted. If not, there is nothing of what follows.
    pub counting: bool,
    /// SHA-256 of the canonical form of the parser's graph.
    pub digest: Vec<u8>,
    /// How many frames there were; the first piece has it.
    pub frames: Option<u64>,
    /// Some nodes.
    pub nodes: Vec<CountedNode>,
    /// Some edges.
    pub edges: Vec<CountedEdge>,
}

/// A piece of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePiece {
    /// Version of the image's format.
    pub format: u32,
    /// Size of the whole image in bytes.
    pub size: u32,
    /// Where the piece begins, in bytes.
    pub offset: u32,
    /// The piece.
    pub bytes: Vec<u8>,
}

/// The image that a device runs of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Version of its format.
    pub format: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The policy of an interface has changed.
    DevChange(Device),
    /// A slot was given a program.
    SlotActivate(SlotReport),
    /// A slot was emptied.
    SlotRemove(SlotReport),
    /// The policy has refused a program, which is told as the device's.
    SlotMismatch(SlotReport),
    /// A program was found changed in the device's memory and taken out of its slot.
    SlotFault(SlotReport),
    /// A program was loaded into a device.
    ProgramLoad(DeviceProgram),
    /// A program was removed from a device.
    ProgramUnload(DeviceProgram),
    /// Something that this crate does not know, by its number.
    Other {
        /// The number of the operation.
        command: u8,
    },
}

/// Bytes as hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hexadecimal<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_digests_are_text() {
        let program = Program {
            kind: Known::from_raw(0),
            name: None,
            id: Some(7),
            digests: vec![Digest {
                algorithm: Known::from_raw(0),
                value: (0..32).collect(),
            }],
            state: Some(Known::from_raw(99)),
            instructions: None,
            image_format: None,
            image_size: None,
            operations: None,
            memory: None,
        };
        assert_eq!(hex(program.tag().unwrap()), "0001020304050607");
        assert_eq!(program.digest(DigestAlgorithm::Sha1), None);
        let event = Event::ProgramLoad(DeviceProgram {
            ifindex: 2,
            id: Some(7),
            program,
        });
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], "program-load");
        assert_eq!(json["program"]["kind"], "xdp");
        assert_eq!(json["program"]["state"], "#99");
        let digest = &json["program"]["digests"][0];
        assert_eq!(digest["algorithm"], "sha256");
        assert!(digest["value"].as_str().unwrap().starts_with("000102"));
    }
}
