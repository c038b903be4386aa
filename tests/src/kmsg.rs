// SPDX-License-Identifier: GPL-2.0

//! What the kernel has logged since a moment.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::command::Cmd;

/// A moment in the kernel's log.
#[derive(Debug)]
pub struct Moment(String);

static MOMENTS: AtomicU32 = AtomicU32::new(0);

impl Moment {
    /// Now. Leaves a line in the log to be found again.
    ///
    /// # Errors
    ///
    /// Where /dev/kmsg can't be written.
    pub fn now() -> Result<Self> {
        let number = MOMENTS.fetch_add(1, Ordering::Relaxed);
        let line = format!("offload_tests: moment {}.{number}", std::process::id());
        // Without an end of line the kernel may add to it, and shows it to nobody until something
        // else is logged.
        std::fs::write("/dev/kmsg", format!("{line}\n")).context("write to /dev/kmsg")?;
        Ok(Self(line))
    }

    /// All that was logged since.
    ///
    /// # Errors
    ///
    /// Where `dmesg` fails, or so much was logged that the moment is gone.
    pub fn log(&self) -> Result<String> {
        let all = Cmd::new("dmesg").run()?;
        let (_, since) = all
            .rsplit_once(&*self.0)
            .context("the kernel's log has been overwritten since the test began")?;
        Ok(since.to_owned())
    }
}
