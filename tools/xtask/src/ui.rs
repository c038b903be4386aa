// SPDX-License-Identifier: GPL-2.0

//! What the user sees while xtask works.
//!
//! A step says what it is about to do and, when it is over, how long it took. On
//! a terminal a spinner shows the last line of the step's log; anywhere else
//! (CI, a pipe) there are plain lines, which keep a recorded log readable. All
//! of it goes to stderr: stdout belongs to the commands and tests that are run.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// How many lines of a failed step's log are shown.
const TAIL_LINES: usize = 40;

/// A long step: announced at its start, timed at its end.
pub(crate) struct Step {
    what: String,
    log: PathBuf,
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl Step {
    /// Announces `what`. `hint` is the expected time on a small machine, such as
    /// "about 6 min". The step's commands write to the file `log`, which is
    /// started afresh.
    pub(crate) fn start(what: &str, hint: &str, log: &Path) -> Result<Self> {
        if let Some(dir) = log.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make {dir:?}"))?;
        }
        File::create(log).with_context(|| format!("cannot write the log {log:?}"))?;
        let title = match hint {
            "" => what.to_owned(),
            hint => format!("{what} ({hint})"),
        };
        let spinner = if fancy() {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template(
                "{spinner} {prefix} [{elapsed}] {wide_msg:.dim}",
            )?);
            bar.set_prefix(title);
            bar.enable_steady_tick(Duration::from_millis(120));
            Some(bar)
        } else {
            eprintln!("==> {title}");
            None
        };
        Ok(Self {
            what: what.to_owned(),
            log: log.to_owned(),
            started: Instant::now(),
            spinner,
        })
    }

    /// Runs `expr` to its end with stdout and stderr appended to the step's log.
    ///
    /// # Errors
    ///
    /// If it cannot be started or its status is not zero; the tail of the log
    /// has then been shown.
    pub(crate) fn run(&self, expr: duct::Expression) -> Result<()> {
        let log = File::options().append(true).open(&self.log)?;
        let handle = expr
            .stdin_null()
            .stderr_to_stdout()
            .stdout_file(log)
            .unchecked()
            .start()
            .with_context(|| format!("cannot start: {}", self.what))?;
        let output = loop {
            if let Some(output) = handle.wait_timeout(Duration::from_millis(200))? {
                break output;
            }
            if let Some(spinner) = &self.spinner {
                spinner.set_message(tail(&self.log, 1).trim().to_owned());
            }
        };
        if !output.status.success() {
            if let Some(spinner) = &self.spinner {
                spinner.finish_and_clear();
            }
            eprintln!("{}", tail(&self.log, TAIL_LINES));
            bail!(
                "{}: failed ({}); the whole log is {}",
                self.what,
                output.status,
                self.log.display()
            );
        }
        Ok(())
    }

    /// Says how long the step took.
    pub(crate) fn done(self) {
        let took = duration(self.started.elapsed());
        match self.spinner {
            Some(spinner) => {
                spinner.finish_and_clear();
                eprintln!("==> {}: done in {took}", self.what);
            }
            None => eprintln!("    done in {took}"),
        }
    }
}

/// One plain line about what happens.
pub(crate) fn say(line: &str) {
    eprintln!("==> {line}");
}

/// `3m12s`, `12.3s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1}s", time.as_secs_f64())
    } else {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    }
}

/// The last `lines` lines of a file, or nothing if it cannot be read.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    /// More than any tail that is asked for, and cheap to read five times a second.
    const WINDOW: u64 = 16 * 1024;
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Whether stderr is a terminal that a person watches.
fn fancy() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("CI").is_none()
        && std::env::var_os("NO_COLOR").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_short_and_readable() {
        assert_eq!(duration(Duration::from_millis(1234)), "1.2s");
        assert_eq!(duration(Duration::from_secs(192)), "3m12s");
        assert_eq!(duration(Duration::from_secs(60)), "1m00s");
    }

    #[test]
    fn tail_keeps_the_last_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\nb\nc\n").unwrap();
        assert_eq!(tail(file.path(), 2), "b\nc");
        assert_eq!(tail(file.path(), 9), "a\nb\nc");
        assert_eq!(tail(Path::new("/nonexistent"), 9), "");
    }
}
