// SPDX-License-Identifier: GPL-2.0

//! Proof that a kernel's checkers are awake and that their reports are seen: once
//! per kernel, every one of them is provoked (with lkdtm, the kernel's own fault
//! maker) in a guest of its own, and the run must come out as failed for the
//! right reason.

use std::fs;

use anyhow::{bail, Result};

use crate::flavour::Flavour;
use crate::guest::Output;
use crate::kernel::Kernel;
use crate::session::Session;
use crate::ui;

/// Goes up when the check becomes stricter.
const NOTE: &str = "selfcheck-2";

/// What provokes a fault, and what must be seen of it.
struct Fault {
    /// A word for lkdtm.
    provoke: &'static str,
    seen: &'static str,
}

/// What every kernel must report.
const PLAIN: &[Fault] = &[Fault {
    provoke: "WARNING",
    seen: "WARNING: ",
}];

/// What the kernel with the memory checks must report besides.
const MEMORY: &[Fault] = &[
    Fault {
        provoke: "READ_AFTER_FREE",
        seen: "BUG: KASAN: ",
    },
    Fault {
        provoke: "ARRAY_BOUNDS",
        seen: "UBSAN: array-index-out-of-bounds",
    },
];

/// Makes the check if it was not made for this kernel before.
///
/// # Errors
///
/// If a fault that was provoked does not turn the run into a failure.
pub(crate) fn ensure(session: &Session<'_>, kernel: &Kernel) -> Result<()> {
    let note = kernel.entry().join(NOTE);
    if note.exists() {
        return Ok(());
    }
    ui::say(&format!(
        "Provoking faults in the kernel {} once, to see that they are seen",
        kernel.flavour
    ));
    let faults = match kernel.flavour {
        Flavour::UmlKasan => PLAIN.iter().chain(MEMORY).collect::<Vec<_>>(),
        _ => PLAIN.iter().collect(),
    };
    let mut script = String::new();
    for fault in &faults {
        script.push_str(&format!(
            "echo {} > /sys/kernel/debug/provoke-crash/DIRECT\n",
            fault.provoke
        ));
    }
    if kernel.flavour == Flavour::UmlLockdep {
        script.push_str("test -e /mnt/jiffies && grep -q 'debug_locks: *1' /proc/lockdep_stats\n");
    }
    let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
    let outcome = session.run(Some(argv), Output::Keep)?;
    let reports = outcome.faults.join("\n");
    for fault in &faults {
        if !reports.contains(fault.seen) {
            bail!(
                "the kernel {} is no good for tests: lkdtm's {} was to be reported as {:?} and \
                 was not. Its log is {}",
                kernel.flavour,
                fault.provoke,
                fault.seen,
                outcome.console.display()
            );
        }
    }
    if outcome.status != Some(0) {
        bail!(
            "the kernel {} is no good for tests: its leak or lock checker is off (status {:?}). \
             Its log is {}",
            kernel.flavour,
            outcome.status,
            outcome.console.display()
        );
    }
    fs::write(&note, "")?;
    Ok(())
}
