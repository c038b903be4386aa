// SPDX-License-Identifier: GPL-2.0

//! The subcommands, one file each.

pub(crate) mod completions;
pub(crate) mod device;
pub(crate) mod events;
mod frames;
pub(crate) mod gro;
pub(crate) mod man;
pub(crate) mod parser;
pub(crate) mod policy;
pub(crate) mod program;
pub(crate) mod resource;
pub(crate) mod stats;
pub(crate) mod steer;
pub(crate) mod table;
