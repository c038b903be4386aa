// SPDX-License-Identifier: GPL-2.0

//! Running the system's own tools, with errors that can be acted upon.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;

use crate::setns;

/// A command line, built argument by argument and printable as it would be typed.
#[derive(Clone, Debug)]
pub struct Cmd {
    argv: Vec<String>,
    /// The network namespace in which it runs, as `ip netns` names it.
    ns: Option<String>,
}

impl Cmd {
    /// The command line `line`, split at blanks (so no argument may hold one).
    pub fn new(line: impl AsRef<str>) -> Self {
        Self {
            argv: line
                .as_ref()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            ns: None,
        }
    }

    /// Adds one argument, taken as it is.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.argv.push(arg.as_ref().to_string_lossy().into_owned());
        self
    }

    /// Adds arguments, split at blanks.
    #[must_use]
    pub fn args(mut self, args: impl AsRef<str>) -> Self {
        self.argv
            .extend(args.as_ref().split_whitespace().map(str::to_owned));
        self
    }

    /// The same command run in the network namespace `ns` (as `ip netns` names it).
    ///
    /// It is printed with `nsenter`, which does the same: `ip netns exec` would hide the BPF file
    /// system behind a new /sys.
    #[must_use]
    pub fn in_netns(mut self, ns: Option<&str>) -> Self {
        self.ns = ns.map(str::to_owned);
        self
    }

    /// Starts the command without standard input, with its output on a pipe and what it has to say
    /// on `stderr`.
    ///
    /// # Errors
    ///
    /// Where it can't be started.
    pub fn spawn(&self, stderr: Stdio) -> Result<Child> {
        // A child is born into the namespace of the thread that starts it: no program is needed
        // to get there, which counts where to start one takes a tenth of a second.
        setns::enter(self.ns.as_deref(), || {
            Command::new(&self.argv[0])
                .args(&self.argv[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(stderr)
                .spawn()
                .with_context(|| format!("`{self}` can't be started; is the tool installed?"))
        })
    }

    /// Runs the command and gives what came out, whatever its status.
    ///
    /// # Errors
    ///
    /// Only where the command can't be started.
    pub fn output(&self) -> Result<Finished> {
        let child = self.spawn(Stdio::piped())?;
        Ok(Finished {
            line: self.to_string(),
            output: child.wait_with_output()?,
        })
    }

    /// Runs the command, which must succeed, and gives its standard output.
    ///
    /// # Errors
    ///
    /// Where it can't be started or its status is not 0; the text holds the
    /// command line and all that it printed.
    pub fn run(&self) -> Result<String> {
        let finished = self.output()?;
        if !finished.success() {
            bail!("{finished}");
        }
        Ok(finished.stdout())
    }

    /// Runs the command, which must succeed, and parses its output as JSON.
    ///
    /// # Errors
    ///
    /// As [`Cmd::run`], and where the output is not JSON.
    pub fn json(&self) -> Result<Value> {
        let text = self.run()?;
        serde_json::from_str(&text).with_context(|| format!("`{self}` printed no JSON: {text}"))
    }

    /// Runs the command, which must fail, and gives all that it printed.
    ///
    /// # Errors
    ///
    /// Where it can't be started or succeeds.
    pub fn refused(&self) -> Result<String> {
        let finished = self.output()?;
        if finished.success() {
            bail!("should have been refused, but succeeded: {finished}");
        }
        Ok(format!("{}{}", finished.stdout(), finished.stderr()))
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ns) = &self.ns {
            write!(f, "nsenter --net=/run/netns/{ns} ")?;
        }
        f.write_str(&self.argv.join(" "))
    }
}

/// A command that has come to its end.
#[derive(Debug)]
pub struct Finished {
    line: String,
    output: Output,
}

impl Finished {
    /// The exit status, if it has one.
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Whether the exit status was 0.
    pub fn success(&self) -> bool {
        self.output.status.success()
    }

    /// What it printed on standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// What it printed on standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ended with {}\n{}{}",
            self.line,
            self.output.status,
            self.stdout(),
            self.stderr()
        )
    }
}

/// A command that runs beside the test and is killed on drop.
#[derive(Debug)]
pub struct Background {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    line: String,
}

impl Background {
    /// Starts `cmd` with its output kept for [`Background::next_line`].
    ///
    /// # Errors
    ///
    /// Where it can't be started.
    pub fn start(cmd: &Cmd) -> Result<Self> {
        let line = cmd.to_string();
        let mut child = cmd.spawn(Stdio::inherit())?;
        let stdout = child.stdout.take().context("no pipe")?;
        Ok(Self {
            child,
            lines: BufReader::new(stdout).lines(),
            line,
        })
    }

    /// The next line that it prints.
    ///
    /// # Errors
    ///
    /// Where it ended instead.
    pub fn next_line(&mut self) -> Result<String> {
        let line = self.lines.next();
        Ok(line.with_context(|| format!("`{}` ended too early", self.line))??)
    }

    /// Reads until a line contains `text`, and gives that line.
    ///
    /// # Errors
    ///
    /// Where it ended before.
    pub fn await_line(&mut self, text: &str) -> Result<String> {
        loop {
            let line = self.next_line()?;
            if line.contains(text) {
                return Ok(line);
            }
        }
    }

    /// Waits for its end, reading what it still prints.
    ///
    /// # Errors
    ///
    /// Where it can't be waited for.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.lines.by_ref().map_while(Result::ok).for_each(drop);
        Ok(self.child.wait()?)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of `words` stand in one line of `text`.
///
/// # Errors
///
/// Where they do not.
pub fn says(text: &str, words: &[&str]) -> Result<()> {
    let found = text
        .lines()
        .any(|line| words.iter().all(|word| line.contains(word)));
    ensure!(found, "no line with all of {words:?} in: {text}");
    Ok(())
}
