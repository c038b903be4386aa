// SPDX-License-Identifier: GPL-2.0

//! Which queue a frame goes to.

mod flow;
mod rule;

pub use flow::{FlowTable, MAX_FLOWS};
pub use rule::{Action, Rule, RuleTable};
