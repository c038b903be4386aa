// SPDX-License-Identifier: GPL-2.0

//! Two NICs that get the very same frames of the stack: what leaves the one's port is mirrored to the
//! other's, which does nothing by itself. What arrives behind the two is what the device makes of a
//! frame, and what software makes of it.

use std::cell::Cell;
use std::collections::BTreeMap;

use anyhow::{ensure, Result};

use super::run::{is_ours, transmit_offloads};
use super::{Capture, Sender};
use crate::cable::{at_both_ends, bring_up};
use crate::frames::{mark_number, MARK_PASS};
use crate::link::{Link, Statistics};
use crate::module::Module;
use crate::netns::NetNs;
use crate::nic::set_profile;
use crate::processor::all_on_the_first;

/// The two NICs.
#[derive(Debug)]
pub struct Twins {
    /// The port whose frames are looked at.
    pub near: Link,
    /// The other end of its cable.
    pub far: Link,
    /// The port of the other NIC.
    pub mirror: Link,
    /// At the far ends of the port's cable and of the other's, for as long as there are frames to
    /// compare: to start them takes longer than all the rest.
    captures: [Capture; 2],
    /// How many marks have been sent.
    marks: Cell<u32>,
    // Dropped in this order: a namespace gives a port back before the module goes.
    _namespaces: [NetNs; 3],
    _module: Module,
}

/// What came of the same frames.
#[derive(Debug)]
pub struct Outcome {
    /// On the wire of the port.
    pub frames: Vec<Vec<u8>>,
    /// On that of the one that has all done by software.
    pub software: Vec<Vec<u8>>,
    statistics: [Statistics; 2],
}

impl Twins {
    /// Both NICs, with an MTU that both wires have. The ends of the first one's cable have the
    /// addresses 10.8.0.1 and fd08::1, and 10.8.0.2 and fd08::2.
    ///
    /// # Errors
    ///
    /// Where the module, `ip` or `tc` fails.
    pub fn new(mtu: usize) -> Result<Self> {
        let module = Module::insert("nics=2 ports=2 queues=1")?;
        let namespaces = [
            NetNs::new("tnear")?,
            NetNs::new("tfar")?,
            NetNs::new("tmirror")?,
        ];
        let [mut near, mut far, mut mirror, mut mirror_far] =
            ["onic0", "onic1", "onic2", "onic3"].map(Link::new);
        let [near_ns, far_ns, mirror_ns] = &namespaces;
        near.move_to(near_ns)?;
        mirror.move_to(near_ns)?;
        far.move_to(far_ns)?;
        mirror_far.move_to(mirror_ns)?;
        for ns in &namespaces {
            ns.silence()?;
        }
        bring_up(&near, &far, mtu)?;
        bring_up(&mirror, &mirror_far, mtu)?;
        let twins = Self {
            captures: [Capture::start(&far, "")?, Capture::start(&mirror_far, "")?],
            near,
            far,
            mirror,
            marks: Cell::new(0),
            _namespaces: namespaces,
            _module: module,
        };
        twins.set_up()?;
        Ok(twins)
    }

    fn set_up(&self) -> Result<()> {
        // What timers and polls send goes to both wires at one time, and not to one of them before a
        // mark and to the other behind it.
        all_on_the_first(&self.near)?;
        for link in [&self.near, &self.mirror] {
            transmit_offloads(link, true)?;
            // What is dropped by one queue, and not by the other, is no difference.
            link.set("txqueuelen 20000").run()?;
        }
        set_profile(1, "none")?;
        self.at_both_ends(&[
            "sysctl -q net.ipv6.conf.default.disable_ipv6=0",
            "sysctl -q net.ipv6.conf.lo.disable_ipv6=0",
            "sysctl -q net.ipv6.conf.PORT.disable_ipv6=0",
            "ip link set dev PORT arp on",
            "ip address add 10.8.0.@/24 dev PORT",
            "ip address add fd08::@/64 nodad dev PORT",
        ])?;
        let (from, to) = (&self.near.name, &self.mirror.name);
        let tc = |line: &str| self.near.cmd(format!("tc {line}")).run();
        tc(&format!("qdisc add dev {from} clsact"))?;
        tc(&format!(
            "filter add dev {from} egress matchall action mirred egress mirror dev {to}"
        ))?;
        Ok(())
    }

    /// [`at_both_ends`], of the first cable.
    ///
    /// # Errors
    ///
    /// Where one fails.
    pub fn at_both_ends(&self, lines: &[&str]) -> Result<()> {
        at_both_ends(&self.near, &self.far, lines)
    }

    /// What comes of all that the port sends while `traffic` runs.
    ///
    /// # Errors
    ///
    /// What `traffic` gives, or where a capture misses frames.
    pub fn compare(&self, traffic: impl FnOnce() -> Result<()>) -> Result<Outcome> {
        let before = self.near.statistics()?;
        let [begin, end] = [self.marks.get() + 1, self.marks.get() + 2];
        self.marks.set(end);
        // They are mirrored, too.
        let marks = Sender::new(&self.near)?;
        marks.end_batch(MARK_PASS, begin)?;
        traffic()?;
        marks.end_batch(MARK_PASS, end)?;
        let taken = |capture: &Capture| -> Result<_> {
            let is = |number| move |frame: &[u8]| mark_number(MARK_PASS, frame) == Some(number);
            capture.until(is(begin))?;
            let mut frames = capture.until(is(end))?;
            frames.retain(|frame| is_ours(frame));
            Ok(frames)
        };
        Ok(Outcome {
            frames: taken(&self.captures[0])?,
            software: taken(&self.captures[1])?,
            statistics: [before, self.near.statistics()?],
        })
    }
}

/// The frames, and how often there is each: those of several flows need not come in one order.
fn counted(frames: &[Vec<u8>]) -> BTreeMap<&[u8], usize> {
    let mut counts = BTreeMap::new();
    for frame in frames {
        *counts.entry(&frame[..]).or_default() += 1;
    }
    counts
}

impl Outcome {
    /// By how much a counter of the port has grown.
    ///
    /// # Errors
    ///
    /// Where there is no such counter.
    pub fn count(&self, counter: &str) -> Result<u64> {
        self.statistics[1].since(&self.statistics[0], counter)
    }

    /// By how much the counters have grown whose names begin with `prefix`.
    pub fn count_all(&self, prefix: &str) -> u64 {
        let [before, now] = &self.statistics;
        let sum = |statistics: &Statistics| statistics.sum(|name| name.starts_with(prefix));
        sum(now) - sum(before)
    }

    /// How many frames of software's are not on the port's wire.
    ///
    /// # Errors
    ///
    /// Where one wire has more frames than the other.
    pub fn differing(&self) -> Result<usize> {
        let (frames, software) = (self.frames.len(), self.software.len());
        ensure!(
            frames == software,
            "{frames} frames, {software} by software"
        );
        let ours = counted(&self.frames);
        let missing = counted(&self.software)
            .into_iter()
            .map(|(frame, count)| count.saturating_sub(*ours.get(frame).unwrap_or(&0)));
        Ok(missing.sum())
    }

    /// Errs unless both wires have the same frames.
    ///
    /// # Errors
    ///
    /// Then, with the first two that are not the same.
    pub fn ensure_same(&self) -> Result<()> {
        let differing = self.differing()?;
        let (ours, theirs) = (counted(&self.frames), counted(&self.software));
        let alone = |these: &BTreeMap<&[u8], usize>, others: &BTreeMap<&[u8], usize>| {
            let alone = these
                .iter()
                .find(|(frame, n)| others.get(*frame) != Some(n));
            alone.map(|(frame, _)| format!("{} bytes, {:02x?}", frame.len(), head(frame)))
        };
        ensure!(
            differing == 0,
            "{differing} of {} frames differ: {:?}, by software {:?}",
            self.frames.len(),
            alone(&ours, &theirs),
            alone(&theirs, &ours)
        );
        Ok(())
    }
}

/// As much of a frame as its headers take.
fn head(frame: &[u8]) -> &[u8] {
    &frame[..frame.len().min(160)]
}
