// SPDX-License-Identifier: GPL-2.0

//! What the device leaves behind of programs that it had to stop, for people to read.

use engine::fault::FaultRecord;
use kernel::{
    fmt,
    new_spinlock,
    prelude::*,
    sync::SpinLock, //
};
use net::{
    machine,
    sync::with_bh_disabled, //
};

/// A fault, and when it was.
#[derive(Clone, Copy)]
struct Entry {
    record: FaultRecord,
    /// Nanoseconds of the monotonic clock.
    at: u64,
}

/// The last fault of a receive queue.
#[pin_data]
pub struct FaultLog {
    /// The queue's poll writes it, in softirq; process context has to keep bottom halves off.
    #[pin]
    last: SpinLock<Option<Entry>>,
}

impl FaultLog {
    /// No fault yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            last <- new_spinlock!(None, "offload_nic_fault_log"),
        })
    }

    /// Notes a fault. Called by the queue's poll.
    #[cold]
    pub(crate) fn note(&self, record: FaultRecord) {
        let at = machine::ktime_get_ns();
        *self.last.lock() = Some(Entry { record, at });
    }

    /// Writes the last fault, if there was one, as two lines that begin with the queue's number,
    /// `queue`. Process context.
    pub fn write(&self, queue: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match with_bh_disabled(|| *self.last.lock()) {
            Some(entry) => entry.write(queue, f),
            None => Ok(()),
        }
    }
}

impl Entry {
    /// Writes the entry as two lines.
    fn write(&self, queue: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FaultRecord {
            fault,
            registers,
            digest,
        } = &self.record;
        let (seconds, nanoseconds) = (self.at / NS_PER_SEC, self.at % NS_PER_SEC);
        write!(
            f,
            "[{seconds:5}.{:06}] queue {queue}, program tag ",
            nanoseconds / 1000
        )?;
        for byte in digest.iter().take(TAG) {
            write!(f, "{byte:02x}")?;
        }
        writeln!(
            f,
            ": {} at insn {} (op {}), address or value {:#x}",
            fault.cause.name(),
            fault.insn,
            fault.op,
            fault.address
        )?;
        for (number, register) in registers.iter().enumerate() {
            write!(f, " r{number}={register:#x}")?;
        }
        writeln!(f)
    }
}

const NS_PER_SEC: u64 = 1_000_000_000;
/// Bytes of a program's digest that are its tag, as `bpftool prog show` has it.
const TAG: usize = 8;
