// SPDX-License-Identifier: GPL-2.0

//! Whether a classifier does the same on the host and in the device.
//!
//! The same object gets the same frames, once as a filter that the host runs for a port and once as
//! one that the device runs for it (a veth would not do: it notes no receive queue). What goes on to
//! the stack is seen behind a bridge, where a program of the host has written all that the stack
//! knows of a frame behind it; what is sent back or to another interface is seen there.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::bpf::Attached;
use crate::cable::bring_up;
use crate::command::Cmd;
use crate::env;
use crate::frames::{Frames, JUMBO_MTU, MARK_AWAY, MARK_PASS, MARK_TX};
use crate::link::Link;
use crate::module::Module;
use crate::netns::NetNs;
use crate::outcome::{self, same_frames, same_maps, Dumps, Ends};
use crate::tc::{self, Runner};

/// What frames may have at most, so that none grows beyond what the interfaces carry.
const LONGEST: usize = JUMBO_MTU - 600;

fn how_many() -> usize {
    if env::is_checked() {
        300
    } else if env::is_slow() {
        500
    } else {
        10_000
    }
}

/// A cable whose far end runs the classifier and is in a bridge, and another cable.
#[derive(Debug)]
pub struct Stage {
    /// Sends, and gets what is sent back.
    pub near: Link,
    /// Receives.
    pub far: Link,
    /// Gets what goes through the bridge.
    pub away: Link,
    /// Sends what is redirected.
    pub other: Link,
    /// Gets what is redirected.
    pub beyond: Link,
    runner: Runner,
    _namespaces: Vec<NetNs>,
    _module: Module,
}

impl Stage {
    fn of(runner: Runner) -> Result<Self> {
        let namespaces = ["tnear", "tmid", "taway"].map(NetNs::new);
        let namespaces = namespaces.into_iter().collect::<Result<Vec<_>>>()?;
        for ns in &namespaces {
            ns.silence()?;
        }
        let [near_ns, mid, away_ns] = &namespaces[..] else {
            unreachable!("three were made");
        };
        let [mut out, mut away] = ["out", "away"].map(Link::new);
        Cmd::new("ip link add out type veth peer name away").run()?;
        take_in_order(&away)?;
        out.move_to(mid)?;
        away.move_to(away_ns)?;
        let module = Module::insert("nics=1 ports=4 queues=1")?;
        let mut links = [0, 1, 2, 3].map(|index| Link::new(&format!("onic{index}")));
        for (link, ns) in links.iter_mut().zip([near_ns, mid, mid, away_ns]) {
            link.move_to(ns)?;
        }
        let [near, far, other, beyond] = links;
        for (left, right) in [(&near, &far), (&other, &beyond), (&out, &away)] {
            bring_up(left, right, JUMBO_MTU)?;
        }
        mid.cmd("ip link add br0 type bridge mcast_snooping 0")
            .run()?;
        mid.cmd(format!("ip link set br0 mtu {JUMBO_MTU} up"))
            .run()?;
        for link in [&far, &out] {
            link.set("master br0").run()?;
            // The test's frames come from anywhere, to anywhere.
            link.set("type bridge_slave learning off flood on").run()?;
            link.await_forwarding()?;
        }
        tc::prepare(&far, runner)?;
        tc::prepare(&out, Runner::Host)?;
        out.cmd("tc filter add dev out egress prio 1 handle 1 bpf obj")
            .arg(env::object("tc_observer")?)
            .args("sec tc da")
            .run()?;
        Ok(Self {
            near,
            far,
            away,
            other,
            beyond,
            runner,
            _namespaces: namespaces,
            _module: module,
        })
    }

    fn exchange(&self, frames: &[Vec<u8>], marks: &[u16]) -> Result<Ends> {
        let ends = [
            ("passed", MARK_PASS, &self.away),
            ("sent back", MARK_TX, &self.near),
            ("redirected", MARK_AWAY, &self.beyond),
        ];
        let wanted = ends.into_iter().filter(|(_, mark, _)| marks.contains(mark));
        outcome::exchange(&self.near, &wanted.collect::<Vec<_>>(), frames)
    }
}

/// Has one processor alone take in what a veth gets. Without that it is the one that sends, and as
/// the sender moves to another, frames overtake those that the first has not got round to. The veth
/// must be in the namespace whose `/sys` this is.
fn take_in_order(veth: &Link) -> Result<()> {
    let processors = format!("/sys/class/net/{}/queues/rx-0/rps_cpus", veth.name);
    // A kernel for one processor has no such file.
    if Path::new(&processors).exists() {
        fs::write(&processors, "1").with_context(|| format!("write 1 to {processors}"))?;
    }
    Ok(())
}

/// What a run left behind, to be compared.
struct Outcome {
    observed: Ends,
    maps: Dumps,
}

/// Fills a program's maps before it gets its first frame.
pub type Prepare = fn(&Stage, &Attached) -> Result<()>;

/// For programs without maps to be filled.
///
/// # Errors
///
/// None.
pub fn nothing(_: &Stage, _: &Attached) -> Result<()> {
    Ok(())
}

fn run(
    runner: Runner,
    object: &str,
    prepare: Prepare,
    frames: &[Vec<u8>],
    marks: &[u16],
) -> Result<Outcome> {
    let stage = Stage::of(runner)?;
    let program = tc::attach(&stage.far, stage.runner, object)?;
    prepare(&stage, &program)?;
    let observed = stage.exchange(frames, marks)?;
    let mut maps = outcome::dump_maps(&program)?;
    // Interface indexes, others in each run.
    maps.remove("targets");
    tc::delete(&stage.far, 1).run()?;
    Ok(Outcome { observed, maps })
}

/// Where frames can come out, with the mark that comes out there: see [`equal`].
pub type Kind = (&'static str, u16);
/// Behind the stack of the port that received them.
pub const PASSED: Kind = ("passed", MARK_PASS);
/// Where they came from.
pub const SENT_BACK: Kind = ("sent back", MARK_TX);
/// At the other end of another port's cable.
pub const REDIRECTED: Kind = ("redirected", MARK_AWAY);

/// The law of the project for one classifier: gives frames of random shapes, of at least `shortest`
/// bytes, to `object`, run by the host and by the device. Of each kind of `kinds` some must come
/// out, and all that comes out must be the same.
///
/// # Errors
///
/// Where it is not, the program is refused, or a tool fails.
pub fn equal(
    shortest: usize,
    object: &str,
    seed: u64,
    prepare: Prepare,
    kinds: &[Kind],
) -> Result<()> {
    let mut source = Frames::new(seed, LONGEST);
    let frames = std::iter::from_fn(|| Some(source.next_frame()));
    let frames = frames.filter(|frame| frame.len() >= shortest);
    let frames: Vec<_> = frames.take(how_many()).collect();
    let marks: Vec<_> = kinds.iter().map(|(_, mark)| *mark).collect();
    let [host, device] = [Runner::Host, Runner::Device].map(|runner| {
        run(runner, object, prepare, &frames, &marks).with_context(|| format!("{runner:?}"))
    });
    let (host, device) = (host?, device?);
    for (what, expected) in &host.observed {
        let (found, all) = (expected.len(), frames.len());
        println!("{object}: {found} of {all} frames {what}");
        ensure!(found > all / 20, "only {found} of {all} frames {what}");
        same_frames(what, expected, &device.observed[what])
            .with_context(|| format!("{object}, seed {seed}"))?;
    }
    same_maps(&host.maps, &device.maps).with_context(|| format!("{object}, seed {seed}"))
}
