// SPDX-License-Identifier: GPL-2.0

//! Which queue a frame goes to.

mod rule;

pub use rule::{Action, Rule, RuleTable};
