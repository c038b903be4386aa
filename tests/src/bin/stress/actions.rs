// SPDX-License-Identifier: GPL-2.0

//! What is done to the NICs, each by the user's own tools.

mod gro;
mod parser;
mod rules;
mod steer;

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::command::Cmd;
use offload_tests::frames::Frames;
use offload_tests::link::Link;
use offload_tests::netns;
use offload_tests::nic::{self, Nic};
use offload_tests::pktgen;
use offload_tests::sockets::{self, Lender};
use offload_tests::tc;
use offload_tests::wire::{Sender, Tap};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fleet::{Fleet, PORTS, QUEUES};

type Random = ChaCha8Rng;

/// Something to do, and its name.
pub(crate) type Action = (&'static str, fn(&Fleet, &mut Random) -> Result<()>);

/// Each list is what one thread does, chosen at random.
pub(crate) const WORKERS: &[&[Action]] = &[
    &[("send frames", send)],
    &[
        ("send frames", send),
        ("pktgen", generate),
        ("lend pages", lend),
    ],
    &[
        ("packet sockets", tap),
        ("defer interrupts", defer),
        ("poll busily", poll_busily),
    ],
    &[
        ("offload XDP", offload),
        ("take offloaded XDP off", unload),
        ("native XDP", native),
        ("take native XDP off", unload_native),
        ("offload a filter", filter),
        ("remove the filter", remove_filter),
    ],
    &[
        ("offload XDP", offload),
        ("dump a map", dump_map),
        ("change a map", change_map),
        ("dump the image", dump_image),
        ("bind new maps", bind_new_maps),
        ("bind a map", bind_map),
    ],
    &[
        ("new port", new_port),
        ("delete a port", delete_port),
        ("plug", plug),
        ("plug", plug),
        ("unplug", unplug),
        ("new NIC", new_nic),
    ],
    &[("move to a namespace", move_port), ("take up", take_up)],
    &[
        ("queues", set_queues),
        ("rings", set_rings),
        ("MTU", set_mtu),
        ("down and up", down_and_up),
        ("read all counters", read_counters),
        ("read debugfs", read_debugfs),
    ],
    steer::ACTIONS,
    parser::ACTIONS,
    gro::ACTIONS,
    rules::ACTIONS,
];

/// Those that need a choice of processors.
pub(crate) const OF_SEVERAL_PROCESSORS: &[&str] = &["affinity", "follow readers"];

const PROGRAMS: &[&str] = &[
    "actions",
    "balancer",
    "bounce",
    "calls",
    "checksum",
    "drop",
    "firewall",
    "flows",
    "pass",
    "protocols",
    "resize",
    "vlan",
];

/// One thread's work, counted.
#[derive(Debug)]
pub(crate) struct Worker {
    actions: &'static [Action],
    counts: Vec<(u64, u64)>,
    /// Why each was refused last.
    refusals: Vec<Option<String>>,
    rng: Random,
}

impl Worker {
    /// A worker that chooses among `actions`.
    pub(crate) fn new(actions: &'static [Action], seed: u64) -> Self {
        Self {
            actions,
            counts: vec![(0, 0); actions.len()],
            refusals: vec![None; actions.len()],
            rng: Random::seed_from_u64(seed),
        }
    }

    /// Does something: anything, or every other time what was done least often, so that a slow
    /// kernel gets round to everything, too.
    pub(crate) fn act(&mut self, fleet: &Fleet) {
        let least_done = (0..self.actions.len()).min_by_key(|index| self.counts[*index].0);
        let index = match least_done {
            Some(index) if self.rng.random_bool(0.5) => index,
            _ => self.rng.random_range(0..self.actions.len()),
        };
        let (_, action) = self.actions[index];
        match action(fleet, &mut self.rng) {
            Ok(()) => self.counts[index].0 += 1,
            Err(error) => {
                self.counts[index].1 += 1;
                self.refusals[index] = Some(format!("{error:#}"));
            }
        }
    }

    /// Why an action was refused last.
    pub(crate) fn refusal_of(&self, name: &str) -> Option<&str> {
        let mut named = self.actions.iter().zip(&self.refusals);
        let (_, refusal) = named.find(|((its, _), _)| *its == name)?;
        refusal.as_deref()
    }

    /// Name, how often done, how often refused.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64, u64)> + '_ {
        let counts = self.counts.iter();
        let named = self.actions.iter().zip(counts);
        named.map(|((name, _), (done, refused))| (*name, *done, *refused))
    }
}

fn send(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let sender = Sender::new(&fleet.any_port(rng)?)?;
    let mut frames = Frames::new(rng.random(), 1500);
    for _ in 0..500 {
        sender.send(&frames.next_frame())?;
    }
    Ok(())
}

/// What the packet generator may be told. It takes each flag, whatever else it was told.
const GENERATOR: &[&str] = &[
    "flag SHARED",
    "flag !SHARED",
    "flag UDPCSUM",
    "flag NO_TIMESTAMP",
    "flag UDPSRC_RND",
    "flag UDPDST_RND",
    "flag IPSRC_RND",
    "flag MACSRC_RND",
    "flag QUEUE_MAP_RND",
    "flag QUEUE_MAP_CPU",
    "flag VID_RND",
    "flag MPLS_RND",
    "vlan_id 7",
    "mpls 00001000",
    "frags 4",
    "pkt_size 1400",
    "xmit_mode queue_xmit",
    "xmit_mode start_xmit",
];

fn generate(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    pktgen::load()?;
    let settings: Vec<&str> = GENERATOR
        .iter()
        .filter(|_| rng.random_bool(0.3))
        .copied()
        .collect();
    pktgen::run(&fleet.any_port(rng)?, 2_000, &settings).map(drop)
}

/// A packet socket that nobody reads, on a port that sends.
fn tap(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let tap = Tap::new(&port)?;
    let sender = Sender::new(&port)?;
    let mut frames = Frames::new(rng.random(), 1500);
    for _ in 0..200 {
        sender.send(&frames.next_frame())?;
    }
    tap.frames().map(drop)
}

fn defer(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    port.defer_interrupts(if rng.random() { 200_000 } else { 0 })
}

/// An address that any port may have for a moment, with one of nobody in the same network.
const HERE: &str = "10.99.0.1";
const THERE: &str = "10.99.0.2";

/// Has `work` use a port that has an address, and knows where to send what goes to another one.
fn with_address<T>(
    fleet: &Fleet,
    rng: &mut Random,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T>
where
    T: Send,
{
    let port = fleet.any_port(rng)?;
    let name = &port.name;
    port.cmd(format!("ip address replace {HERE}/24 dev {name}"))
        .run()?;
    let neighbour = format!("ip neighbour replace {THERE} lladdr 02:00:00:00:00:07 dev {name}");
    let worked = port
        .cmd(neighbour)
        .run()
        .and_then(|_| netns::enter(port.ns.as_deref(), work));
    // The port may have gone to another namespace, which takes its addresses away.
    let _ = port
        .cmd(format!("ip address del {HERE}/24 dev {name}"))
        .run();
    worked
}

/// Waits for what never comes, each time with a poll of the queue that the last frame came by.
fn poll_busily(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    with_address(fleet, rng, || {
        let socket = UdpSocket::bind((HERE, 0))?;
        sockets::poll_busily(&socket)?;
        socket.set_read_timeout(Some(Duration::from_millis(5)))?;
        for _ in 0..20 {
            socket.send_to(&[0; 64], (THERE, 9))?;
            // Nobody answers, but for those whose program sends everything back.
            let _ = socket.recv(&mut [0; 64]);
        }
        Ok(())
    })
}

/// Sends pages that are written to while they are under way.
fn lend(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    with_address(fleet, rng, || {
        let socket = UdpSocket::bind((HERE, 0))?;
        socket.connect((THERE, 9))?;
        let lender = Lender::new(socket)?;
        let mut bytes = vec![0; 1_400];
        for number in 0..=u8::MAX {
            bytes.fill(number);
            lender.send(&bytes)?;
        }
        Ok(())
    })
}

fn offload(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let object = PROGRAMS.choose(rng).context("no program")?;
    let port = fleet.any_port(rng)?;
    // In place of the one that is there, if one is.
    port.cmd("ip -force link set")
        .args(format!("dev {} xdpoffload obj", port.name))
        .arg(offload_tests::env::object(object)?)
        .args("sec xdp")
        .run()?;
    Ok(())
}

fn unload(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    detach(&fleet.any_port(rng)?, Mode::Offload)
}

fn native(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let object = PROGRAMS.choose(rng).context("no program")?;
    Attached::new(&fleet.any_port(rng)?, Mode::Native, object).map(drop)
}

fn unload_native(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    detach(&fleet.any_port(rng)?, Mode::Native)
}

fn filter(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    // One program in the device, and none of the host's before a filter. Each of these may have
    // nothing to do.
    detach(&port, Mode::Offload).ok();
    detach(&port, Mode::Native).ok();
    let qdisc = format!("tc qdisc add dev {} clsact", port.name);
    port.cmd(qdisc).run().ok();
    tc::offload(&port, true).run().ok();
    let object = ["tc_verdicts", "tc_count"].choose(rng).context("none")?;
    tc::filter(&port, "replace", 1, object, "skip_sw")?.run()?;
    Ok(())
}

fn remove_filter(fleet: &Fleet, _: &mut Random) -> Result<()> {
    let ports = fleet.ports()?;
    let with = |port: &&Link| tc::attached(port, 1).is_ok();
    let port = ports.iter().find(with).context("no filter")?;
    tc::delete(port, 1).run().map(drop)
}

/// The id of any of our maps.
fn any_map(rng: &mut Random) -> Result<u64> {
    let maps = Cmd::new("bpftool -j map show").json()?;
    let maps = maps.as_array().context("no list")?;
    let ours: Vec<_> = maps
        .iter()
        .filter(|map| map["type"] == "hash" || map["type"] == "array")
        .filter_map(|map| map["id"].as_u64())
        .collect();
    ours.choose(rng).copied().context("no map")
}

fn dump_map(_: &Fleet, rng: &mut Random) -> Result<()> {
    let id = any_map(rng)?;
    Cmd::new(format!("bpftool -j map dump id {id}")).json()?;
    Ok(())
}

fn change_map(_: &Fleet, rng: &mut Random) -> Result<()> {
    let id = any_map(rng)?;
    let info = Cmd::new(format!("bpftool -j map show id {id}")).json()?;
    let bytes = |name: &str| info[name].as_u64().context("no size");
    let (key, value) = (bytes("bytes_key")?, bytes("bytes_value")?);
    let mut random = |count: u64, below: u8| -> String {
        let bytes = (0..count).map(|_| rng.random_range(0..below).to_string());
        bytes.collect::<Vec<_>>().join(" ")
    };
    let (key, value) = (random(key, 3), random(value, 255));
    Cmd::new(format!(
        "bpftool map update id {id} key {key} value {value}"
    ))
    .run()?;
    if info["type"] == "hash" {
        Cmd::new(format!("bpftool map delete id {id} key {key}")).run()?;
    }
    Ok(())
}

/// The id of any of the programs.
fn any_program(rng: &mut Random) -> Result<u64> {
    let programs = Cmd::new("bpftool -j prog show").json()?;
    let ids: Vec<_> = programs
        .as_array()
        .context("no list")?
        .iter()
        .filter_map(|program| program["id"].as_u64())
        .collect();
    ids.choose(rng).copied().context("no program")
}

fn dump_image(_: &Fleet, rng: &mut Random) -> Result<()> {
    let id = any_program(rng)?;
    Cmd::new(format!("bpftool -j prog dump xlated id {id}")).run()?;
    Ok(())
}

fn bind_new_maps(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    fleet.binder.new_maps(any_program(rng)?, 20)
}

/// Any map to any program, whatever device each of them is in.
fn bind_map(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    fleet.binder.map(any_program(rng)?, any_map(rng)?)
}

fn any_nic(fleet: &Fleet, rng: &mut Random) -> Result<Nic> {
    fleet.nics.choose(rng).copied().context("no NIC")
}

/// In the first place that is free, from any on.
fn new_port(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let first = rng.random_range(0..PORTS);
    let places = (0..PORTS).map(|step| (first + step) % PORTS);
    let mut places = places.flat_map(|index| fleet.nics.map(|nic| (nic, index)));
    let made = places.find(|(nic, index)| nic.ask("new_port", &index.to_string()).is_ok());
    made.map(drop).context("no place is free")
}

fn delete_port(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    // Leave some, or all the others have nothing to do.
    ensure!(fleet.ports()?.len() > 4, "too few are left");
    let nic = any_nic(fleet, rng)?;
    nic.ask("del_port", &rng.random_range(0..PORTS).to_string())?;
    Ok(())
}

fn plug(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let ports = fleet.ports()?;
    let ends: Vec<_> = ports.choose_multiple(rng, 2).collect();
    let [left, right] = ends[..] else {
        bail!("too few ports");
    };
    nic::plug(left, right)?;
    for port in ends {
        port.set("promisc on up").run()?;
    }
    Ok(())
}

fn unplug(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    nic::unplug(&fleet.any_port(rng)?)
}

/// A third NIC that comes and goes, with a program and a map in it.
fn new_nic(_: &Fleet, _: &mut Random) -> Result<()> {
    let nic = Nic::new(7, 1, 1)?;
    let loaded = nic.ports().and_then(|ports| {
        let port = ports.first().context("no port")?;
        Attached::new(port, Mode::Offload, "flows")
    });
    nic.remove()?;
    loaded.map(drop)
}

fn move_port(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let home = fleet.homes.choose(rng).context("no namespace")?;
    let mut port = fleet.any_port(rng)?;
    port.move_to(home)?;
    port.set("promisc on up").run()?;
    Ok(())
}

fn take_up(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    fleet.any_port(rng)?.set("promisc on up").run().map(drop)
}

fn set_queues(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let (port, count) = (fleet.any_port(rng)?, rng.random_range(1..=QUEUES));
    let set = format!("ethtool -L {} combined {count}", port.name);
    port.cmd(set).run().map(drop)
}

fn set_rings(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let (port, size) = (fleet.any_port(rng)?, rng.random_range(64..1024));
    let set = format!("ethtool -G {} rx {size} tx {size}", port.name);
    port.cmd(set).run().map(drop)
}

fn set_mtu(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let mtu = [1500, 3000, 9000].choose(rng).context("none")?;
    let port = fleet.any_port(rng)?;
    port.set(format!("mtu {mtu}")).run().map(drop)
}

fn down_and_up(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    port.set("down").run()?;
    port.set("promisc on up").run().map(drop)
}

fn read_counters(fleet: &Fleet, _: &mut Random) -> Result<()> {
    for port in fleet.ports()? {
        port.statistics()?;
        port.show()?;
    }
    Ok(())
}

fn read_debugfs(_: &Fleet, _: &mut Random) -> Result<()> {
    let files = Cmd::new("find /sys/kernel/debug/offload_nic -type f").run()?;
    // What is listed may be gone by now.
    let read = files.lines().filter_map(|file| std::fs::read(file).ok());
    ensure!(read.count() > 0, "nothing to read");
    Ok(())
}
