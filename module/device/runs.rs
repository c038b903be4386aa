// SPDX-License-Identifier: GPL-2.0

//! What a program has said so far, at all ports that ran it.

use crate::queue::RxQueue;
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use engine::{
    descriptor::RxDescriptor,
    exec::{
        TcVerdict,
        XdpVerdict, //
    },
    store::ProgramKind, //
};
use kernel::fmt;
use net::stats::sum;

/// The most verdicts that a type of program has.
const MOST: usize = if TcVerdict::ALL.len() > XdpVerdict::ALL.len() {
    TcVerdict::ALL.len()
} else {
    XdpVerdict::ALL.len()
};

/// Numbers by verdict, of the one type or the other.
type ByVerdict = [u64; MOST];

/// How often a program has run, by verdict. Several queues count at once: at the end of a poll, and
/// for a frame that has met its program before.
#[derive(Default)]
pub struct Runs([AtomicU64; MOST]);

/// What the counters of a queue said when its poll began.
pub(crate) struct Since {
    kind: ProgramKind,
    before: ByVerdict,
}

#[inline]
fn counted(kind: ProgramKind, rx: &RxQueue) -> ByVerdict {
    let mut counts = [0; MOST];
    match kind {
        ProgramKind::Xdp => {
            for (count, verdict) in counts.iter_mut().zip(XdpVerdict::ALL) {
                *count = rx.programs.xdp.packets(*verdict);
            }
        }
        ProgramKind::SchedCls => {
            for (count, verdict) in counts.iter_mut().zip(TcVerdict::ALL) {
                *count = rx.programs.tc.packets(*verdict);
            }
        }
    }
    counts
}

impl Since {
    /// The poll of `rx` begins, in which programs of type `kind` will run.
    #[inline]
    pub(crate) fn now(kind: ProgramKind, rx: &RxQueue) -> Self {
        Self {
            kind,
            before: counted(kind, rx),
        }
    }

    /// The poll ends: counts what was said since for the program that ran.
    #[inline]
    pub(crate) fn count(self, rx: &RxQueue, runs: &Runs) {
        let after = counted(self.kind, rx);
        for ((total, before), after) in runs.0.iter().zip(self.before).zip(after) {
            if after != before {
                total.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
            }
        }
    }
}

impl Runs {
    /// Counts one run, of which `said` came.
    #[inline]
    pub(crate) fn count(&self, said: &RxDescriptor) {
        let verdict = match (said.verdict, said.tc) {
            (Some(verdict), _) => verdict as usize,
            (None, Some(tc)) => tc.verdict as usize,
            (None, None) => return,
        };
        if let Some(total) = self.0.get(verdict) {
            total.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes a line with the number of all runs, and one for each verdict of programs of type
    /// `kind`.
    pub fn write(&self, kind: ProgramKind, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        writeln!(f, "runs {}", sum(self.0.iter().map(load)))?;
        for (index, count) in self.0.iter().enumerate() {
            let name = match kind {
                ProgramKind::Xdp => XdpVerdict::ALL.get(index).map(|verdict| verdict.name()),
                ProgramKind::SchedCls => TcVerdict::ALL.get(index).map(|verdict| verdict.name()),
            };
            if let Some(name) = name {
                writeln!(f, "{name} {}", load(count))?;
            }
        }
        Ok(())
    }
}
