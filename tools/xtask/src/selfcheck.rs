// SPDX-License-Identifier: GPL-2.0

//! Proof that a kernel's checkers are awake and that their reports are seen: once
//! per kernel, every one of them is provoked (with lkdtm, the kernel's own fault
//! maker, where there is one) in a guest of its own, and the run must come out as failed for the
//! right reason.

use std::fs;

use anyhow::{bail, Result};

use crate::flavour::Flavour;
use crate::guest::Outcome;
use crate::kernel::Kernel;
use crate::ui;

/// Goes up when the check becomes stricter.
const NOTE: &str = "selfcheck-2";

/// What provokes a fault, and what must be seen of it.
struct Fault {
    provoke: Provoke,
    seen: &'static str,
}

/// How a fault is provoked.
#[derive(Clone, Copy, Debug)]
enum Provoke {
    /// By a word for lkdtm.
    Lkdtm(&'static str),
    /// By a key for the console, after which the guest is dead.
    Sysrq(char),
}

/// What every kernel must report.
const PLAIN: &[Fault] = &[Fault {
    provoke: Provoke::Lkdtm("WARNING"),
    seen: "WARNING: ",
}];

/// What the kernel with the memory checks must report besides.
const MEMORY: &[Fault] = &[
    Fault {
        provoke: Provoke::Lkdtm("READ_AFTER_FREE"),
        seen: "BUG: KASAN: ",
    },
    Fault {
        provoke: Provoke::Lkdtm("ARRAY_BOUNDS"),
        seen: "UBSAN: array-index-out-of-bounds",
    },
];

/// What a distribution's kernel must report, which has no lkdtm.
const DEADLY: &[Fault] = &[Fault {
    provoke: Provoke::Sysrq('c'),
    seen: "Kernel panic - not syncing: sysrq triggered crash",
}];

/// Makes the check if it was not made for this kernel before. `run` runs a command in a guest, and shows
/// nobody what that prints.
///
/// # Errors
///
/// If a fault that was provoked does not turn the run into a failure.
pub(crate) fn ensure(
    kernel: &Kernel,
    run: impl FnOnce(Vec<String>) -> Result<Outcome>,
) -> Result<()> {
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
        flavour if flavour.is_distribution() => DEADLY.iter().collect(),
        _ => PLAIN.iter().collect(),
    };
    let mut script = String::new();
    for fault in &faults {
        let (what, whereto) = match fault.provoke {
            Provoke::Lkdtm(word) => (word.to_owned(), "/sys/kernel/debug/provoke-crash/DIRECT"),
            Provoke::Sysrq(key) => (key.to_string(), "/proc/sysrq-trigger"),
        };
        script.push_str(&format!("echo {what} > {whereto}\n"));
    }
    if kernel.flavour == Flavour::UmlLockdep {
        script.push_str("test -e /mnt/jiffies && grep -q 'debug_locks: *1' /proc/lockdep_stats\n");
    }
    let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
    let outcome = run(argv)?;
    let reports = outcome.faults.join("\n");
    for fault in &faults {
        if !reports.contains(fault.seen) {
            bail!(
                "the kernel {} is no good for tests: {:?} was to be reported as {:?} and was \
                 not. Its log is {}",
                kernel.flavour,
                fault.provoke,
                fault.seen,
                outcome.console.display()
            );
        }
    }
    let expected = (!kernel.flavour.is_distribution()).then_some(0);
    if outcome.status != expected {
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
