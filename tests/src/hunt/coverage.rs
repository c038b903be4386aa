// SPDX-License-Identifier: GPL-2.0

//! What of the device the programs have reached: its operations and its helpers.

use std::collections::BTreeMap;
use std::fmt;

use engine::helper::Helper;
use engine::image::Image;
use engine::insn::{class, jump};
use engine::memory::HostMemory;
use engine::op::Code;

use super::code::Insns;
use super::observed::Ran;

/// How often something was in an accepted program, and in how many of these it was executed: in a
/// statement that came to its end on some frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// In programs.
    pub generated: u64,
    /// Of these, executed.
    pub executed: u64,
}

impl Count {
    fn add(&mut self, executed: bool) {
        self.generated += 1;
        self.executed += u64::from(executed);
    }
}

/// All counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    operations: BTreeMap<u8, Count>,
    helpers: BTreeMap<u8, Count>,
    statements: BTreeMap<&'static str, Count>,
}

impl Coverage {
    /// Counts a program that ran.
    pub fn add(&mut self, code: &Insns, images: &[&Image<HostMemory>], ran: &Ran) {
        let has_run = |owner: Option<u16>| {
            let statement = owner.and_then(|owner| code.statements.get(usize::from(owner)));
            let mark = statement.and_then(|statement| statement.mark);
            mark.is_some_and(|mark| {
                let mut left = ran
                    .observed
                    .iter()
                    .map(|seen| seen.left.get(usize::from(mark)));
                left.any(|note| note.is_some_and(|note| *note != 0))
            })
        };
        for (statement, number) in code.statements.iter().zip(0..) {
            let count = self.statements.entry(statement.name).or_default();
            count.add(has_run(Some(number)));
        }
        let owner = |insn: usize| code.owner.get(insn).copied().flatten();
        for (at, insn) in code.insns.iter().enumerate() {
            if insn.code == class::JMP | jump::CALL && insn.src() == 0 {
                if let Some(helper) = Helper::from_id(insn.imm) {
                    let count = self.helpers.entry(helper as u8).or_default();
                    count.add(has_run(owner(at)));
                }
            }
        }
        for image in images {
            for (at, op) in image.ops().iter().enumerate() {
                let origin = image.origin(at).map(|origin| origin as usize);
                let count = self.operations.entry(op.code as u8).or_default();
                count.add(has_run(origin.and_then(owner)));
            }
        }
    }

    /// The operations and helpers of the device that were never executed.
    pub fn holes(&self) -> Vec<String> {
        let was_executed = |counts: &BTreeMap<u8, Count>, number| {
            counts.get(&number).is_some_and(|count| count.executed > 0)
        };
        let operations = Code::ALL
            .iter()
            .filter(|code| !was_executed(&self.operations, **code as u8));
        let helpers = Helper::ALL.iter();
        let helpers = helpers.filter(|helper| !was_executed(&self.helpers, **helper as u8));
        operations
            .map(|code| code.mnemonic().to_owned())
            .chain(helpers.map(|helper| helper.name().to_owned()))
            .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<32} {:>12} {:>12}", "", "generated", "executed")?;
        let mut line = |name: &str, count: Option<&Count>| {
            let Count {
                generated,
                executed,
            } = count.copied().unwrap_or_default();
            writeln!(f, "{name:<32} {generated:>12} {executed:>12}")
        };
        for (name, count) in &self.statements {
            line(&format!("statement: {name}"), Some(count))?;
        }
        for helper in Helper::ALL {
            line(helper.name(), self.helpers.get(&(*helper as u8)))?;
        }
        for code in Code::ALL {
            line(
                &format!("operation: {}", code.mnemonic()),
                self.operations.get(&(*code as u8)),
            )?;
        }
        Ok(())
    }
}
