// SPDX-License-Identifier: GPL-2.0

//! The offload infrastructure, for any driver.
//!
//! A device may do work for the kernel only if it does exactly what the kernel would do itself. So
//! a driver reports which programs lie in its device ([`ReportPrograms`]), and the kernel compares
//! their digests with those of what it runs itself ([`Comparison`]). User space asks for the programs
//! and for what the comparison says by the generic netlink family `offload`
//! (`uapi/netlink/specs/offload.yaml`), and sets what it is for ([`Policy`]). What a device does for
//! frames that are sent is decided frame by frame ([`transmit`]), and what it says of received ones
//! becomes what the stack wants to know ([`receive`]).
//!
//! # Locking
//!
//! RTNL serialises all that is told, compared, set and permitted here: whoever calls shows it
//! ([`Rtnl`](net::netdev::Rtnl)). The list of interfaces has a lock of its own behind it, which is
//! held for no longer than it takes to find one.

#![forbid(unsafe_code)]

mod answer;
mod audit;
mod compare;
mod counts;
mod digest;
mod enforce;
mod events;
mod family;
mod gro_audit;
mod interface;
mod offload;
mod parser;
mod parser_audit;
mod program;
pub mod receive;
mod registry;
mod report;
mod rules;
mod steer;
mod table;
mod tables;
pub mod transmit;

pub use audit::Audit;
pub use compare::{
    compare,
    Comparison,
    Mismatch, //
};
pub use counts::{
    CountedEdge,
    CountedNode,
    FailedFrame,
    ParserCounts, //
};
pub use digest::{
    Digest,
    Digests, //
};
pub use enforce::{
    Enforcer,
    Permit, //
};
pub use gro_audit::{
    GroAudit,
    SuperFrame, //
};
pub use interface::{
    DeviceName,
    Interface, //
};
pub use offload::{
    Family,
    Offload,
    ProgramEvent, //
};
pub use offload_uapi::netlink::{
    FlowType,
    HashLevel,
    Policy,
    ProgramKind,
    Slot,
    State,
    SteerReason,
    Symmetry,
    TableTarget,
    Unit,
    Verdict, //
};
pub use parser::{
    permits,
    Evidence,
    ParseVerdict,
    Parsed,
    Parser,
    ParserLevel, //
};
pub use parser_audit::{
    Difference,
    AUDITED, //
};
pub use program::{
    DeviceProgram,
    ImageFacts,
    KernelProgram, //
};
pub use report::{
    ReportPrograms,
    Resource, //
};
pub use rules::{
    RuleBlame,
    RulePrograms,
    RuleSlot, //
};
pub use steer::{
    Hashed,
    Steered, //
};
pub use table::{
    Blame,
    Entry,
    EntryAction,
    Field,
    NewEntry,
    Table, //
};

/// What `pr_info!` and its like begin a line with: `module!` makes it in the crate that it stands in;
/// that is another one.
const __LOG_PREFIX: &[u8] = b"offload_nic\0";
