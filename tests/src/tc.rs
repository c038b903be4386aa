// SPDX-License-Identifier: GPL-2.0

//! Classifiers on interfaces, through `tc`.

use anyhow::{Context, Result};

use crate::bpf::Attached;
use crate::command::Cmd;
use crate::env;
use crate::link::Link;

/// Who runs a classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// The host.
    Host,
    /// The device (`skip_sw`).
    Device,
}

impl Runner {
    /// The keyword of `tc filter`.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Host => "skip_hw",
            Self::Device => "skip_sw",
        }
    }
}

/// Gives `link` a qdisc that filters can be in, and lets it offload them if it can.
///
/// # Errors
///
/// Where `tc` or `ethtool` fails.
pub fn prepare(link: &Link, runner: Runner) -> Result<()> {
    link.cmd(format!("tc qdisc add dev {} clsact", link.name))
        .run()?;
    if runner == Runner::Device {
        offload(link, true).run()?;
    }
    Ok(())
}

/// The command that switches the offload of filters on or off.
pub fn offload(link: &Link, on: bool) -> Cmd {
    let word = if on { "on" } else { "off" };
    link.cmd(format!("ethtool -K {} hw-tc-offload {word}", link.name))
}

/// `tc filter VERB` for the program `tests/bpf/OBJECT.bpf.c` at the ingress of `link`, as filter
/// `prio` with direct action and the options `options`.
///
/// # Errors
///
/// Outside the VM.
pub fn filter(link: &Link, verb: &str, prio: u32, object: &str, options: &str) -> Result<Cmd> {
    let line = format!(
        "tc filter {verb} dev {} ingress prio {prio} handle 1 bpf",
        link.name
    );
    Ok(link
        .cmd(line)
        .args("obj")
        .arg(env::object(object)?)
        .args("sec tc da")
        .args(options))
}

/// Puts a classifier at the ingress of `link`, as its first filter.
///
/// # Errors
///
/// Where it is refused.
pub fn attach(link: &Link, runner: Runner, object: &str) -> Result<Attached> {
    filter(link, "add", 1, object, runner.keyword())?.run()?;
    attached(link, 1)
}

/// What `tc -s filter show` says of the filters at the ingress of `link`.
///
/// # Errors
///
/// Where `tc` fails.
pub fn show(link: &Link) -> Result<String> {
    link.cmd(format!("tc -s filter show dev {} ingress", link.name))
        .run()
}

/// The program of filter `prio` at the ingress of `link`.
///
/// # Errors
///
/// Where there is none.
pub fn attached(link: &Link, prio: u32) -> Result<Attached> {
    let text = show(link)?;
    let mine = format!("pref {prio} ");
    let mut lines = text.lines().filter(|line| line.contains(&mine));
    let id = lines.find_map(|line| {
        let mut words = line.split_whitespace();
        words.find(|word| *word == "id")?;
        words.next()?.parse().ok()
    });
    let id = id.with_context(|| format!("no filter {prio} at {link}: {text}"))?;
    Ok(Attached::with_id(link, id))
}

/// The command that removes filter `prio` from the ingress of `link`.
pub fn delete(link: &Link, prio: u32) -> Cmd {
    link.cmd(format!(
        "tc filter del dev {} ingress prio {prio}",
        link.name
    ))
}
