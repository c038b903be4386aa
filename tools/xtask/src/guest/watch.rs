// SPDX-License-Identifier: GPL-2.0

//! Whether a guest ends, and whether it boots at all.
//!
//! An emulated machine can lose an interrupt while its kernel sets up timers, and then waits for
//! it without a word. The command has not begun, so the guest may be started again; without that
//! such a guest takes all of its command's time and fails for nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::boot::{read, BOOTED};

/// How long a kernel that boots may say nothing. The longest silences, where an initial RAM disk
/// is unpacked by a busy host, are below half a minute.
pub(super) const SILENCE: Duration = Duration::from_secs(180);
/// How often its log is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How the wait for a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It went off by itself.
    Off,
    /// It was not done in time.
    TimedOut,
    /// It stopped booting.
    Silent,
}

/// Waits for a guest for `timeout` at most, and while it boots, for as long as it says something.
/// Who calls kills a guest that has not gone off.
pub(super) fn wait(handle: &duct::Handle, console: &Path, timeout: Duration) -> Result<End> {
    let started = Instant::now();
    let left = || timeout.saturating_sub(started.elapsed());
    let mut boot = Boot::new(started);
    loop {
        if handle.wait_timeout(LOOK.min(left()))?.is_some() {
            return Ok(End::Off);
        }
        if left().is_zero() {
            return Ok(End::TimedOut);
        }
        let console = read(console);
        if console.contains(BOOTED) {
            break;
        }
        if boot.is_silent(console.len(), Instant::now()) {
            return Ok(End::Silent);
        }
    }
    Ok(match handle.wait_timeout(left())? {
        Some(_) => End::Off,
        None => End::TimedOut,
    })
}

/// A kernel that boots.
struct Boot {
    /// How long its log was, and since when.
    length: usize,
    since: Instant,
}

impl Boot {
    fn new(now: Instant) -> Self {
        Self {
            length: 0,
            since: now,
        }
    }

    /// Whether it has said nothing for too long, its log being `length` bytes long `now`.
    fn is_silent(&mut self, length: usize, now: Instant) -> bool {
        if length != self.length {
            *self = Self { length, since: now };
        }
        now.duration_since(self.since) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A guest that prints `says` to its log and then does nothing for `secs` seconds.
    fn guest(dir: &Path, says: &str, secs: &str) -> (duct::Handle, std::path::PathBuf) {
        let console = dir.join("console.log");
        std::fs::write(&console, says).unwrap();
        let handle = duct::cmd!("sleep", secs).unchecked().start().unwrap();
        (handle, console)
    }

    #[test]
    fn only_a_boot_that_says_nothing_is_silent() {
        let start = Instant::now();
        let mut boot = Boot::new(start);
        assert!(!boot.is_silent(0, start + SILENCE / 2));
        assert!(!boot.is_silent(10, start + SILENCE));
        assert!(!boot.is_silent(10, start + SILENCE + SILENCE / 2));
        assert!(boot.is_silent(10, start + 2 * SILENCE));
    }

    #[test]
    fn a_guest_ends_or_its_time_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let long = Duration::from_secs(60);
        let (off, console) = guest(dir.path(), "", "0");
        assert_eq!(wait(&off, &console, long).unwrap(), End::Off);
        for says in ["", BOOTED] {
            let (on, console) = guest(dir.path(), says, "60");
            assert_eq!(wait(&on, &console, Duration::ZERO).unwrap(), End::TimedOut);
            on.kill().unwrap();
        }
    }
}
