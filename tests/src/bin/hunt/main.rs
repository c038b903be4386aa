// SPDX-License-Identifier: GPL-2.0

//! Looks for what the device does otherwise than the kernel: `hunt programs|gro MINUTES SEED`.
//! `hunt programs|gro 0 SEED NUMBER` tries one program, or one sequence of frames, again.

mod gro;
mod programs;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, Result};
use offload_tests::until::Until;

/// What is asked for.
struct Wish {
    minutes: u64,
    seed: u64,
    /// This one alone.
    number: Option<u64>,
}

impl Wish {
    /// The number of the first one, and when it is over.
    fn range(&self) -> (u64, Until) {
        match self.number {
            None => (0, Until::Elapsed(Duration::from_secs(60 * self.minutes))),
            Some(number) => (number, Until::Count(1)),
        }
    }
}

/// Prints the `findings` that have come since as many were `told`: who waits for the end may wait for an hour.
fn tell(findings: &[String], told: &mut usize) {
    for finding in &findings[*told..] {
        println!("\n{finding}");
    }
    *told = findings.len();
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let numbers = arguments
        .map(|argument| argument.parse::<u64>())
        .collect::<Result<Vec<_>, _>>()?;
    let [minutes, seed, number @ ..] = &numbers[..] else {
        bail!("hunt programs|gro MINUTES SEED [NUMBER]");
    };
    let wish = Wish {
        minutes: *minutes,
        seed: *seed,
        number: number.first().copied(),
    };
    let finds_nothing = match &*what {
        "programs" => programs::hunt(&wish)?,
        "gro" => gro::hunt(&wish)?,
        _ => bail!("{what:?} is nothing to hunt for"),
    };
    Ok(match finds_nothing {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
