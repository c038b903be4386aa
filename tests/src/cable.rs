// SPDX-License-Identifier: GPL-2.0

//! Two links cabled to each other, each in a namespace of its own, silent: what
//! travels is only what a test sends.

use anyhow::{Context, Result};

use crate::bpf::{Attached, Mode};
use crate::command::Cmd;
use crate::frames::{mark_number, MARK_PASS, MARK_TX};
use crate::link::Link;
use crate::module::Module;
use crate::netns::NetNs;
use crate::nic::Nic;
use crate::wire::{Capture, Sender};

/// The section of programs that take frames in several buffers.
const FRAGS: &str = "xdp.frags";

/// A near end that sends and a far end whose program is under test.
#[derive(Debug)]
pub struct Cable {
    /// The end that sends, and gets what bounces.
    pub near: Link,
    /// The end that receives.
    pub far: Link,
    mode: Mode,
    // Dropped in this order: a namespace gives a port back before the module goes.
    _near_ns: NetNs,
    _far_ns: NetNs,
    _module: Option<Module>,
}

/// What came out at both ends of a cable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// What the far end's stack was given.
    pub passed: Vec<Vec<u8>>,
    /// What came back to the near end.
    pub bounced: Vec<Vec<u8>>,
}

/// Takes both ends of a cable up, so that what is sent arrives as it is, whomever it is for, and
/// nothing else does. Their namespaces must have been silenced.
///
/// # Errors
///
/// Where `ip` fails.
pub fn bring_up(near: &Link, far: &Link, mtu: usize) -> Result<()> {
    for link in [near, far] {
        // Merged or split frames would not be those that were sent. Not every
        // device has each of these, so the answer does not matter.
        link.cmd(format!(
            "ethtool -K {} rx off tx off gro off gso off tso off",
            link.name
        ))
        .output()?;
        link.set(format!("arp off promisc on mtu {mtu} up")).run()?;
    }
    for link in [near, far] {
        link.await_carrier()?;
    }
    Ok(())
}

/// Runs the lines at both ends of a cable, with the number of the end (1 or 2) for `@`, that of the other
/// for `%`, and the port's name for `PORT`.
///
/// # Errors
///
/// Where one fails.
pub fn at_both_ends(near: &Link, far: &Link, lines: &[&str]) -> Result<()> {
    for (link, this, other) in [(near, "1", "2"), (far, "2", "1")] {
        for line in lines {
            let line = line.replace('@', this).replace('%', other);
            link.cmd(line.replace("PORT", &link.name)).run()?;
        }
    }
    Ok(())
}

impl Cable {
    /// A pair of veth devices, for native XDP.
    ///
    /// # Errors
    ///
    /// Where `ip` fails.
    pub fn veth(mtu: usize) -> Result<Self> {
        let near_ns = NetNs::new("vnear")?;
        let far_ns = NetNs::new("vfar")?;
        Cmd::new("ip link add veth0 netns vnear type veth peer name veth1 netns vfar").run()?;
        let near = Link::within(&near_ns, "veth0");
        let far = Link::within(&far_ns, "veth1");
        let cable = Self {
            near,
            far,
            mode: Mode::Native,
            _near_ns: near_ns,
            _far_ns: far_ns,
            _module: None,
        };
        cable.bring_up(mtu)?;
        // A frame bounces off a veth only if the other end polls, which it does
        // while it has a program.
        Attached::new(&cable.near, Mode::Native, "pass")?;
        Ok(cable)
    }

    /// Both ports of one NIC with one queue each, for programs in the device.
    ///
    /// # Errors
    ///
    /// Where the module or `ip` fails.
    pub fn onic(mtu: usize) -> Result<Self> {
        Self::onic_with_queues(1, mtu)
    }

    /// Both ports of one NIC with one queue each, for native XDP.
    ///
    /// # Errors
    ///
    /// Where the module or `ip` fails.
    pub fn onic_native(mtu: usize) -> Result<Self> {
        let cable = Self::onic(mtu)?;
        let mode = Mode::Native;
        Ok(Self { mode, ..cable })
    }

    /// As [`Cable::onic`] with several queues, over which the kernel spreads flows.
    ///
    /// # Errors
    ///
    /// Where the module or `ip` fails.
    pub fn onic_with_queues(queues: u32, mtu: usize) -> Result<Self> {
        Self::onic_with_sizes(queues, mtu, &[])
    }

    /// As [`Cable::onic_with_queues`], in a NIC whose resources, by their paths, have these sizes.
    ///
    /// # Errors
    ///
    /// Where the module, `devlink` or `ip` fails.
    pub fn onic_with_sizes(queues: u32, mtu: usize, sizes: &[(&str, u64)]) -> Result<Self> {
        let module = Module::insert(&format!("nics=1 ports=2 queues={queues}"))?;
        if !sizes.is_empty() {
            let nic = Nic { id: 0 };
            for (path, size) in sizes {
                nic.resize(path, *size).run()?;
            }
            nic.reload().run()?;
        }
        let near_ns = NetNs::new("onear")?;
        let far_ns = NetNs::new("ofar")?;
        let mut near = Link::new("onic0");
        let mut far = Link::new("onic1");
        near.move_to(&near_ns)?;
        far.move_to(&far_ns)?;
        let cable = Self {
            near,
            far,
            mode: Mode::Offload,
            _near_ns: near_ns,
            _far_ns: far_ns,
            _module: Some(module),
        };
        cable.bring_up(mtu)?;
        Ok(cable)
    }

    fn bring_up(&self, mtu: usize) -> Result<()> {
        self._near_ns.silence()?;
        self._far_ns.silence()?;
        bring_up(&self.near, &self.far, mtu)
    }

    /// Puts a program on the far end.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn attach(&self, object: &str) -> Result<Attached> {
        Attached::new(&self.far, self.mode, object)
            .with_context(|| format!("{object} on {}", self.far))
    }

    /// As [`Cable::attach`], for a program in the section `xdp.frags`.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn attach_frags(&self, object: &str) -> Result<Attached> {
        Attached::in_section(&self.far, self.mode, object, FRAGS)
    }

    /// As [`Cable::attach`], for the program pinned as `path`.
    ///
    /// # Errors
    ///
    /// Where it is refused.
    pub fn attach_pinned(&self, path: &str) -> Result<Attached> {
        let keyword = self.mode.keyword();
        self.far.set(format!("{keyword} pinned {path}")).run()?;
        Attached::of(&self.far, self.mode)?.with_context(|| format!("{} has no {path}", self.far))
    }

    /// Where programs of the far end run.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Takes the program off the far end.
    ///
    /// # Errors
    ///
    /// Where `ip` fails.
    pub fn detach(&self) -> Result<()> {
        crate::bpf::detach(&self.far, self.mode)
    }

    /// Sends `frames` from the near end in batches and tells what came out where.
    /// The program must answer the marks.
    ///
    /// # Errors
    ///
    /// Where a mark does not come through, or `tcpdump` misses frames.
    pub fn exchange(&self, frames: &[Vec<u8>]) -> Result<Observed> {
        let sender = Sender::new(&self.near)?;
        let at_far = Capture::start(&self.far, "")?;
        let at_near = Capture::start(&self.near, "")?;
        let mut observed = Observed::default();
        for (number, batch) in (0..).zip(frames.chunks(200)) {
            for frame in batch {
                sender.send(frame)?;
            }
            let ours =
                |ethertype| move |frame: &[u8]| mark_number(ethertype, frame) == Some(number);
            sender.end_batch(MARK_PASS, number)?;
            observed.passed.extend(at_far.until(ours(MARK_PASS))?);
            sender.end_batch(MARK_TX, number)?;
            observed.bounced.extend(at_near.until(ours(MARK_TX))?);
        }
        observed.passed.extend(at_far.stop()?);
        observed.bounced.extend(at_near.stop()?);
        Ok(observed)
    }
}
