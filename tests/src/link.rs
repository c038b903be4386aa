// SPDX-License-Identifier: GPL-2.0

//! A network interface as `ip` and `ethtool` show it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use serde_json::Value;

use crate::command::Cmd;
use crate::env;
use crate::netns::NetNs;

/// How long an event that must come is waited for; generous, for an emulated
/// machine with every checker of the kernel switched on.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// An interface: its name and the namespace it lies in (`None`: the initial one).
#[derive(Clone, Debug)]
pub struct Link {
    /// The interface's name.
    pub name: String,
    /// The name of its network namespace.
    pub ns: Option<String>,
}

impl Link {
    /// The interface `name` of the initial network namespace.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ns: None,
        }
    }

    /// The interface `name` of the namespace `ns`.
    pub fn within(ns: &NetNs, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ns: Some(ns.name().to_owned()),
        }
    }

    /// A command to be run in the interface's namespace.
    pub fn cmd(&self, line: impl AsRef<str>) -> Cmd {
        Cmd::new(line).in_netns(self.ns.as_deref())
    }

    /// The user's tool, in the interface's namespace.
    ///
    /// # Errors
    ///
    /// Outside the VM.
    pub fn offloadctl(&self, args: impl AsRef<str>) -> Result<Cmd> {
        Ok(self.cmd("").arg(env::offloadctl()?).args(args))
    }

    /// `ip link set dev NAME ARGS`.
    pub fn set(&self, args: impl AsRef<str>) -> Cmd {
        self.cmd(format!("ip link set dev {}", self.name))
            .args(args)
    }

    /// Moves the interface to another namespace.
    ///
    /// # Errors
    ///
    /// Where `ip` fails.
    pub fn move_to(&mut self, ns: &NetNs) -> Result<()> {
        self.set(format!("netns {}", ns.name())).run()?;
        self.ns = Some(ns.name().to_owned());
        Ok(())
    }

    /// What `ip -d -s -j link show` says, one object.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn show(&self) -> Result<Value> {
        let mut list = self
            .cmd(format!("ip -d -s -s -j link show dev {}", self.name))
            .json()?;
        Ok(list[0].take())
    }

    /// A counter of `ip -s link`: `rx` or `tx`, and `packets`, `bytes`, `dropped`, ...
    ///
    /// # Errors
    ///
    /// Where there is no such interface or counter.
    pub fn stat(&self, direction: &str, what: &str) -> Result<u64> {
        let show = self.show()?;
        show["stats64"][direction][what]
            .as_u64()
            .with_context(|| format!("no {direction} {what} in `ip -s link` of {self}: {show}"))
    }

    /// Whether the interface has a carrier.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn has_carrier(&self) -> Result<bool> {
        let show = self.show()?;
        let flags = show["flags"].as_array().context("no flags")?;
        Ok(flags.iter().any(|flag| flag == "LOWER_UP"))
    }

    /// Waits until the interface has a carrier and sends: the kernel notices a carrier a little
    /// after it is there, and until then a frame is lost without a word.
    ///
    /// # Errors
    ///
    /// Where it never does.
    pub fn await_carrier(&self) -> Result<()> {
        self.await_that("a carrier", |link| {
            let show = link.show()?;
            // One whose driver has never said that there is none has no state of its own.
            let is_up = show["operstate"] == "UP" || show["operstate"] == "UNKNOWN";
            Ok(link.has_carrier()? && is_up && show["qdisc"] != "noop")
        })
    }

    /// Waits until the bridge that the interface is a port of forwards what comes in by it.
    ///
    /// # Errors
    ///
    /// Where it never does.
    pub fn await_forwarding(&self) -> Result<()> {
        self.await_that("forwarding", |link| {
            Ok(link.show()?["linkinfo"]["info_slave_data"]["state"] == "forwarding")
        })
    }

    /// Has interrupts of the interface, which lies in a namespace, wait for `nanoseconds` after a poll
    /// with work; 0 ends that.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn defer_interrupts(&self, nanoseconds: u128) -> Result<()> {
        let polls = if nanoseconds > 0 { 100 } else { 0 };
        self.write("gro_flush_timeout", nanoseconds)?.run()?;
        self.write("napi_defer_hard_irqs", polls)?.run()?;
        Ok(())
    }

    /// A command that writes `value` to the interface's file `file` in sysfs.
    ///
    /// # Errors
    ///
    /// Where the interface lies in no namespace.
    pub fn write(&self, file: &str, value: impl fmt::Display) -> Result<Cmd> {
        let ns = self.ns.as_deref().context("no namespace")?;
        let path = format!("/sys/class/net/{}/{file}", self.name);
        // `ip netns exec` brings the namespace's own sysfs.
        let command = Cmd::new(format!("ip netns exec {ns} sh -c"));
        Ok(command.arg(format!("echo {value} > {path}")))
    }

    /// The interface's Ethernet address, as tools have it.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn address_text(&self) -> Result<String> {
        let show = self.show()?;
        let text = show["address"].as_str().context("no address")?;
        Ok(text.to_owned())
    }

    /// The interface's Ethernet address.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn address(&self) -> Result<[u8; 6]> {
        let text = self.address_text()?;
        let bytes = text.split(':').map(|byte| u8::from_str_radix(byte, 16));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>()?;
        let len = bytes.len();
        let bytes = bytes.try_into().ok();
        bytes.with_context(|| format!("{text} has {len} bytes"))
    }

    /// The interface's index.
    ///
    /// # Errors
    ///
    /// Where there is no such interface.
    pub fn index(&self) -> Result<u32> {
        let show = self.show()?;
        let index = show["ifindex"].as_u64().context("no ifindex")?;
        Ok(u32::try_from(index)?)
    }

    /// All of `ethtool -S`, by name.
    ///
    /// # Errors
    ///
    /// Where there is no such interface or it has no statistics.
    pub fn statistics(&self) -> Result<Statistics> {
        let text = self.cmd(format!("ethtool -S {}", self.name)).run()?;
        let values = text
            .lines()
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(':')?;
                Some((name.trim().to_owned(), value.trim().parse().ok()?))
            })
            .collect();
        Ok(Statistics {
            link: self.to_string(),
            values,
        })
    }

    /// Waits until `holds` does; looks again and again, for [`PATIENCE`].
    ///
    /// # Errors
    ///
    /// Where it never did, with `what` was waited for.
    pub fn await_that(&self, what: &str, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        await_that(&format!("{self}: {what}"), || holds(self))
    }
}

/// How many receive queues the interface may have of which [`Link::show`] says `shown`. A kernel for
/// one processor does not tell (`CONFIG_RPS`), nor does its sysfs have them.
pub fn receive_queues(shown: &Value) -> Option<u64> {
    shown["num_rx_queues"].as_u64()
}

/// Waits until `holds` does.
///
/// # Errors
///
/// Where it did not within [`PATIENCE`], with `what` was waited for.
pub fn await_that(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        if Instant::now() > deadline {
            bail!("waited {} s in vain for: {what}", PATIENCE.as_secs());
        }
        std::thread::yield_now();
    }
    Ok(())
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ns {
            Some(ns) => write!(f, "{}@{ns}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The counters of `ethtool -S`.
#[derive(Clone, Debug)]
pub struct Statistics {
    link: String,
    values: BTreeMap<String, u64>,
}

impl Statistics {
    /// The counter `name`.
    ///
    /// # Errors
    ///
    /// Where there is none of that name.
    pub fn get(&self, name: &str) -> Result<u64> {
        self.values.get(name).copied().with_context(|| {
            let names: Vec<_> = self.values.keys().map(String::as_str).collect();
            format!(
                "`ethtool -S {}` has no {name}, only {}",
                self.link,
                names.join(" ")
            )
        })
    }

    /// How far the counter `name` has come since `before`.
    ///
    /// # Errors
    ///
    /// Where there is no such counter, or it went back.
    pub fn since(&self, before: &Self, name: &str) -> Result<u64> {
        let (now, then) = (self.get(name)?, before.get(name)?);
        now.checked_sub(then)
            .with_context(|| format!("{name} of {} went back from {then} to {now}", self.link))
    }

    /// The sum of all counters whose name `matches`.
    pub fn sum(&self, matches: impl Fn(&str) -> bool) -> u64 {
        self.values
            .iter()
            .filter(|(name, _)| matches(name))
            .map(|(_, value)| value)
            .sum()
    }

    /// Every counter, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(name, value)| (&**name, *value))
    }
}
