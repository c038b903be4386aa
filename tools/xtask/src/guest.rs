// SPDX-License-Identifier: GPL-2.0

//! Guests: a kernel booted with the build-and-guest root as its file system, one
//! command run in it, and a verdict on all of it.
//!
//! The procedure, the same for QEMU and User Mode Linux:
//!
//! 1. A control directory gets `init` (qemu/guest-init.sh), `config` (the
//!    environment) and `command`. The guest sees it as /mnt.
//! 2. The guest runs inside the root's namespaces, so what is mounted there is
//!    what the guest sees, at the same paths: the repo and other directories
//!    read-only, the results directory writable.
//! 3. The command's stdout and stderr come over two lines of their own (serial
//!    lines of UML, virtio ports of QEMU) and are passed on as they arrive; the
//!    kernel's messages go to `console.log`.
//! 4. The guest writes the command's status to a file and goes off. No file, no
//!    success: a panic, a hang past the deadline, a killed guest all end there.
//! 5. The console is searched for kernel faults ([`crate::splat`]); the debug
//!    kernels' checkers must have been awake, and kmemleak must have found nothing.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::enter::Enter;
use crate::flavour::Machine;
use crate::ktap::Subtest;
use crate::splat;
use crate::ui;

mod boot;
mod qemu;
mod uml;
mod watch;

use boot::{read, BOOTED, CONTROL};
pub(crate) use boot::{Boot, Job};
pub(crate) use qemu::kvm_plausible;
use watch::End;

/// The start-up script.
const INIT: &str = include_str!("../../../qemu/guest-init.sh");

/// How often a guest is started whose machine crashes or stops before its kernel has booted.
const STARTS: u32 = 3;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The command's exit status; None if the guest died before it had one.
    pub(crate) status: Option<i32>,
    /// Why the run fails whatever the command's status: kernel faults, leaks, a
    /// checker asleep, a guest that died. One text per reason.
    pub(crate) faults: Vec<String>,
    /// All that the command printed on stdout, if it was asked for.
    pub(crate) stdout: String,
    /// The kernel's messages.
    pub(crate) console: PathBuf,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The exit status that xtask passes on.
    pub(crate) fn code(&self) -> i32 {
        match self.status {
            Some(0) | None if !self.faults.is_empty() => 1,
            Some(code) => code,
            None => 1,
        }
    }

    /// Shows on stderr why the run fails, if it does.
    pub(crate) fn report(&self) {
        for fault in &self.faults {
            eprintln!("{}", fault.trim_end());
        }
        if !self.faults.is_empty() {
            eprintln!("The kernel's log: {}", self.console.display());
        }
    }
}

/// What becomes of the command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Passed on, nothing kept.
    Pass,
    /// Passed on, and stdout kept for [`Outcome::stdout`].
    PassAndKeep,
    /// Stdout, which is a report of tests, passed on as KTAP of a subtest; and kept as it
    /// was.
    Subtest,
    /// Stdout kept only, for who shows it later; stderr passed on.
    KeepStdout,
    /// Kept only.
    Keep,
}

/// Boots, runs, judges. `control` is an empty directory.
///
/// # Errors
///
/// Only if the guest could not be started; what goes wrong in it is in the
/// outcome.
pub(crate) fn run(
    enter: Enter,
    boot: &Boot,
    job: &Job,
    control: &Path,
    output: Output,
) -> Result<Outcome> {
    let started = Instant::now();
    prepare(control, boot, job)?;
    let mut enter = enter
        .ro(&job.repo)
        .rw(&job.results)
        .ro(&boot.image)
        .rw_at(control, Path::new(CONTROL));
    for dir in &job.ro {
        enter = enter.ro(dir);
    }
    if let Some(initrd) = &boot.initrd {
        enter = enter.ro(initrd);
    }
    if let Some(modules) = &boot.modules {
        enter = enter.ro_at(modules, Path::new("/usr/lib/modules"));
    }
    let interactive = job.argv.is_none();
    let command = match boot.machine {
        Machine::Uml => uml::command(boot, interactive),
        Machine::Qemu => qemu::command(boot, job, interactive),
    };
    let console_path = control.join("console.log");
    let mut starts = 1;
    let (end, stdout, console) = loop {
        let (end, stdout) = if interactive {
            enter.command(&command).unchecked().run()?;
            (End::Off, String::new())
        } else {
            stream(&enter, &command, &console_path, job.timeout, output)?
        };
        let console = read(&console_path);
        let why = match end {
            End::Silent => Some(format!(
                "the kernel stopped before it had booted, after: {}",
                console.lines().last().unwrap_or("nothing")
            )),
            End::Off | End::TimedOut => qemu::crash_at_boot(&console)
                .map(|assertion| format!("QEMU crashed before the kernel had booted: {assertion}")),
        };
        match why {
            Some(why) if starts < STARTS => {
                starts += 1;
                ui::say(&format!("{why}; once more"));
                prepare(control, boot, job)?;
            }
            _ => break (end, stdout, console),
        }
    };
    let status = read(&control.join("status")).trim().parse().ok();
    let mut faults = Vec::new();
    for splat in splat::find(after_boot(&console)) {
        faults.push(format!("kernel fault in the guest:\n{splat}"));
    }
    let trouble = match end {
        End::TimedOut => Some(format!(
            "the guest was killed: it was not done after {} (--timeout sets the limit)",
            ui::duration(job.timeout)
        )),
        End::Silent => Some(format!(
            "the guest was killed: its kernel said nothing for {} before it had booted, \
             {starts} times",
            ui::duration(watch::SILENCE)
        )),
        End::Off if status.is_none() => {
            Some("the guest died before the command was done".to_owned())
        }
        End::Off => None,
    };
    if let Some(trouble) = trouble {
        faults.push(format!(
            "{trouble}. The end of its log:\n{}",
            ui::tail(&console_path, 40)
        ));
    }
    let since = read(&control.join("jiffies")).trim().parse().unwrap_or(0);
    faults.extend(splat::leaks(&read(&control.join("kmemleak")), since));
    faults.extend(splat::lockdep_asleep(&read(&control.join("lockdep"))));
    Ok(Outcome {
        status,
        faults,
        stdout,
        console: console_path,
        took: started.elapsed(),
    })
}

/// Whether a guest boots, runs a command and ends under KVM. A `/dev/kvm` that
/// opens says little: inside another virtual machine it often cannot run a stock
/// kernel, so this tries with the very kernel.
pub(crate) fn kvm_works(enter: Enter, boot: &Boot, job: &Job, control: &Path) -> Result<bool> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(false);
    }
    let boot = Boot {
        kvm: true,
        ..boot.clone()
    };
    let job = Job {
        argv: Some(vec!["true".to_owned()]),
        timeout: qemu::PROBE,
        ..job.clone()
    };
    let outcome = run(enter, &boot, &job, control, Output::Keep)?;
    Ok(outcome.status == Some(0))
}

/// Fills the control directory.
fn prepare(control: &Path, boot: &Boot, job: &Job) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let init = control.join("init");
    std::fs::write(&init, INIT)?;
    std::fs::set_permissions(&init, std::fs::Permissions::from_mode(0o755))?;
    std::fs::write(control.join("console.log"), "")?;
    let mut config = String::new();
    let mut export = |name: &str, value: &str| {
        config.push_str(&format!("export {name}={}\n", quote(value)));
    };
    export("OFFLOAD_NIC_VM", boot.machine.name());
    export("OFFLOAD_NIC_REPO", &text(&job.repo)?);
    export("OFFLOAD_NIC_RESULTS", &text(&job.results)?);
    let mut shown = String::new();
    for dir in [&job.repo].into_iter().chain(&job.ro) {
        shown.push_str(&format!("{}\n", text(dir)?));
    }
    export("OFFLOAD_NIC_SHOWN", &shown);
    for (name, value) in &job.env {
        export(name, value);
    }
    if let Ok(term) = std::env::var("TERM") {
        export("TERM", &term);
    }
    std::fs::write(control.join("config"), config)?;
    if let Some(argv) = &job.argv {
        let words: Vec<String> = argv.iter().map(|word| quote(word)).collect();
        std::fs::write(
            control.join("command"),
            format!("exec {}\n", words.join(" ")),
        )?;
    }
    Ok(())
}

/// Runs the guest with the command's output on pipes.
fn stream(
    enter: &Enter,
    command: &[String],
    console: &Path,
    timeout: Duration,
    output: Output,
) -> Result<(End, String)> {
    // Descriptors 3 and 4 are the command's; what the machine itself says belongs
    // to the console.
    let mut argv: Vec<String> = ["sh", "-c"].map(str::to_owned).to_vec();
    argv.push(format!(
        "exec \"$@\" 3>&1 4>&2 >>{CONTROL}/console.log 2>&1"
    ));
    argv.push("guest".to_owned());
    argv.extend_from_slice(command);
    let (out_read, out_write) = os_pipe::pipe()?;
    let (err_read, err_write) = os_pipe::pipe()?;
    let handle = enter
        .command(argv)
        .stdin_null()
        .stdout_file(out_write)
        .stderr_file(err_write)
        .unchecked()
        .start()
        .context("cannot start the guest")?;
    let stdout: Option<Box<dyn Write + Send>> = match output {
        Output::Pass | Output::PassAndKeep => Some(Box::new(std::io::stdout())),
        Output::Subtest => Some(Box::new(Subtest::new(std::io::stdout()))),
        Output::KeepStdout | Output::Keep => None,
    };
    let pass_stderr = output != Output::Keep;
    let keep = output != Output::Pass;
    std::thread::scope(|scope| {
        let out = scope.spawn(move || pump(out_read, stdout, keep));
        let err = scope.spawn(move || pump(err_read, pass_stderr.then(std::io::stderr), false));
        let end = watch::wait(&handle, console, timeout)?;
        if end != End::Off {
            handle.kill()?;
        }
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<u8>>| thread.join();
        let (Ok(stdout), Ok(_)) = (join(out), join(err)) else {
            bail!("a thread that reads the guest's output panicked");
        };
        Ok((end, String::from_utf8_lossy(&stdout).into_owned()))
    })
}

/// Copies from a pipe until its end; returns what it copied if `keep`.
pub(crate) fn pump(mut from: impl Read, mut to: Option<impl Write>, keep: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(to) = &mut to {
            // A reader of xtask's who has gone away does not stop the guest.
            let _ = to.write_all(&buffer[..count]);
            let _ = to.flush();
        }
        if keep {
            kept.extend_from_slice(&buffer[..count]);
        }
    }
    kept
}

/// What the kernel said once the guest was up. On User Mode Linux kmemleak and
/// lockdep together complain of each other at boot; what matters here is what comes
/// with the command, and a boot that fails leaves no status.
fn after_boot(console: &str) -> &str {
    console.split_once(BOOTED).map_or(console, |(_, rest)| rest)
}

/// A path as text, which the guest's scripts need.
fn text(path: &Path) -> Result<String> {
    match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("{path:?} is not UTF-8, which paths that a guest sees must be"),
    }
}

/// A word as the shell reads it back.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        for word in ["a b", "it's", "$(x) `y` \"z\" \\", "", "-n", "two\nlines"] {
            let printed = duct::cmd!("sh", "-c", format!("printf %s {}", quote(word)))
                .read()
                .unwrap();
            assert_eq!(printed, word);
        }
    }

    #[test]
    fn faults_of_the_boot_are_the_kernels_own() {
        let log = "WARNING: early\n[ 1.0] Run /mnt/init as init process\nBUG: late\n";
        assert_eq!(after_boot(log), "\nBUG: late\n");
        assert_eq!(after_boot("Kernel panic"), "Kernel panic");
    }

    fn outcome(status: Option<i32>, faults: &[&str]) -> i32 {
        Outcome {
            status,
            faults: faults.iter().map(|&s| s.to_owned()).collect(),
            stdout: String::new(),
            console: PathBuf::new(),
            took: Duration::ZERO,
        }
        .code()
    }

    #[test]
    fn faults_turn_success_into_failure_and_keep_failures() {
        assert_eq!(outcome(Some(0), &[]), 0);
        assert_eq!(outcome(Some(7), &[]), 7);
        assert_eq!(outcome(Some(7), &["WARNING"]), 7);
        assert_eq!(outcome(Some(0), &["WARNING"]), 1);
        assert_eq!(outcome(None, &[]), 1);
    }
}
