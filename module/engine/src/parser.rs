// SPDX-License-Identifier: GPL-2.0

//! The parser of the device: which headers a frame has, and which flow it is of.
//!
//! What it looks for is a [graph](parse_graph), which is data. The device [walks](Machine) over it; the
//! kernel runs a [flow dissector](dissector) that is made of the same graph, and finds the same.

mod counts;
mod decisive;
pub mod dissector;
mod flow;
mod found;
mod hashed;
mod keys;
mod machine;
mod more;
mod moves;
mod number;
mod stages;
mod tables;
mod trace;
mod unroll;
mod walk;

pub use crate::protocol::{IPPROTO_AH, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP};
pub use counts::{Counts, EdgeCount, Failure, NodeCount, Uncounted, KEPT, MAX_COUNTS_MEMORY};
pub use decisive::{words_of, Decisive, WORDS};
pub use flow::{widened, Parsed, ASKED_OF_FLOWS};
pub use found::{Found, Step, Verdict, STEPS};
pub use hashed::{FlowKeys, IpVersion};
pub use keys::{FlowType, KeyWords, Keys, Layer4, Path};
pub use machine::{Machine, MAX_MEMORY};
pub(crate) use number::load;
pub use trace::{Passed, Trace};

/// Bytes at the beginning of a frame in which most have all of the headers that a parser reads: a
/// stack of tags, IPv6 with extensions, ports. It finds less in what is cut off there.
pub const USUAL_HEADERS: usize = 128;
