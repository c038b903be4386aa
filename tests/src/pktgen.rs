// SPDX-License-Identifier: GPL-2.0

//! The kernel's own packet generator as the source (Documentation/networking/pktgen.rst).

use std::fs;
use std::time::Duration;

use anyhow::{bail, Context, Result};

use crate::command::Cmd;
use crate::link::Link;
use crate::netns;

/// What one run of the generator did.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From the first frame to the last.
    pub elapsed: Duration,
    /// Frames that the interface took.
    pub sent: u64,
}

/// The files of the network namespace of this very thread.
const DIRECTORY: &str = "/proc/thread-self/net/pktgen";

fn write(file: &str, command: &str) -> Result<()> {
    let path = format!("{DIRECTORY}/{file}");
    fs::write(&path, format!("{command}\n"))
        .with_context(|| format!("pktgen: write '{command}' to {path}"))
}

/// Makes the generator ready: it may be a kernel module.
///
/// # Errors
///
/// Where the kernel has none.
pub fn load() -> Result<()> {
    if !fs::exists("/proc/net/pktgen")? {
        Cmd::new("modprobe pktgen").run()?;
    }
    Ok(())
}

/// Sends `count` frames of 60 bytes on `link` as fast as it takes them, or what `settings` say
/// instead. The frames are one buffer each that the generator gives away (`flag !SHARED`); with
/// `flag SHARED`, its default, it keeps a reference to each while it is under way.
///
/// # Errors
///
/// Where the generator refuses a setting.
pub fn run<S: AsRef<str> + Sync>(link: &Link, count: u64, settings: &[S]) -> Result<Run> {
    let all = run_at_once(link, count, &[settings])?;
    all.first().copied().context("nobody has sent")
}

/// As [`run`], on processors 0 and up at once, each with settings of its own: what each has done.
///
/// # Errors
///
/// As there, and where there are fewer processors.
pub fn run_at_once<S: AsRef<str>>(
    link: &Link,
    count: u64,
    settings: &[impl AsRef<[S]> + Sync],
) -> Result<Vec<Run>> {
    netns::enter(link.ns.as_deref(), || {
        let threads: Vec<_> = (0..settings.len())
            .map(|processor| {
                let device = format!("{}@{processor}", link.name);
                (format!("kpktgend_{processor}"), device)
            })
            .collect();
        for ((thread, device), settings) in threads.iter().zip(settings) {
            write(thread, "rem_device_all")?;
            write(thread, &format!("add_device {device}"))?;
            for setting in [
                format!("count {count}"),
                "clone_skb 0".to_owned(),
                "flag !SHARED".to_owned(),
                "pkt_size 60".to_owned(),
                "delay 0".to_owned(),
                "queue_map_min 0".to_owned(),
                "queue_map_max 0".to_owned(),
                "dst 10.9.0.2".to_owned(),
                "dst_mac 02:00:00:00:00:02".to_owned(),
            ] {
                write(device, &setting)?;
            }
            for setting in settings.as_ref() {
                write(device, setting.as_ref())?;
            }
        }
        // Returns when all frames have been sent.
        write("pgctrl", "start")?;
        let mut runs = Vec::new();
        for (thread, device) in &threads {
            let path = format!("{DIRECTORY}/{device}");
            let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
            runs.push(parse(&text).with_context(|| format!("pktgen says: {text}"))?);
            write(thread, "rem_device_all")?;
        }
        Ok(runs)
    })
}

/// Reads `Result: OK: 123456(c120000+d3456) usec, 100000 (60byte,0frags)`.
fn parse(text: &str) -> Result<Run> {
    let Some((_, result)) = text.split_once("Result: OK: ") else {
        bail!("no result");
    };
    let number = |text: &str| -> Result<u64> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().context("a number is missing")
    };
    let elapsed = Duration::from_micros(number(result)?);
    let (_, rest) = result.split_once("usec, ").context("no frames")?;
    Ok(Run {
        elapsed,
        sent: number(rest)?,
    })
}
