// SPDX-License-Identifier: GPL-2.0

//! The NICs under stress and the namespaces that their ports travel between.

use anyhow::{ensure, Context, Result};
use offload_tests::bind::Binder;
use offload_tests::command::Cmd;
use offload_tests::graphs::{sample, Dissector, Graphs};
use offload_tests::link::Link;
use offload_tests::netns::NetNs;
use offload_tests::nic::Nic;
use offload_uapi::stats;
use rand::seq::IndexedRandom;
use rand::Rng;

/// Ports that a NIC has at most.
pub(crate) const PORTS: u32 = 4;
/// Queue pairs of a port.
pub(crate) const QUEUES: u32 = 3;

/// The graphs by which the NICs parse, by turns.
pub(crate) const GRAPHS: [&str; 3] = ["kernel", "small", "overlay"];

/// Two NICs and three namespaces, and a tool.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The NICs.
    pub(crate) nics: [Nic; 2],
    /// The namespaces beside the first one.
    pub(crate) homes: Vec<NetNs>,
    /// Gives maps to programs that are loaded.
    pub(crate) binder: Binder,
    /// What is flashed to each NIC.
    pub(crate) graphs: [Graphs; 2],
    /// What the kernel may run in the place of its own flow dissector.
    pub(crate) dissectors: Vec<Dissector>,
}

impl Fleet {
    /// Makes the NICs, with all of their ports, in the namespace of the calling thread.
    pub(crate) fn new() -> Result<Self> {
        let homes = ["stress0", "stress1", "stress2"].map(NetNs::new);
        let homes = homes.into_iter().collect::<Result<Vec<_>>>()?;
        for ns in &homes {
            ns.silence()?;
        }
        for scope in ["all", "default"] {
            let file = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
            std::fs::write(file, "1").context("switch IPv6 off")?;
        }
        let nics = [Nic::new(0, PORTS, QUEUES)?, Nic::new(1, PORTS, QUEUES)?];
        let here = Link::new("lo");
        let graphs = [Graphs::new(nics[0], &here)?, Graphs::new(nics[1], &here)?];
        let mut dissectors = Vec::new();
        for name in GRAPHS {
            graphs[0].build(name, &sample(name))?;
            dissectors.push(graphs[0].load(name)?);
        }
        Ok(Self {
            nics,
            homes,
            binder: Binder::new()?,
            graphs,
            dissectors,
        })
    }

    /// All ports, wherever they are.
    pub(crate) fn ports(&self) -> Result<Vec<Link>> {
        let names = self.homes.iter().map(|ns| Some(ns.name()));
        let mut ports = Vec::new();
        for ns in names.chain([None]) {
            let links = Cmd::new("ip -j link show").in_netns(ns).json()?;
            for link in links.as_array().context("no list")? {
                let name = link["ifname"].as_str().unwrap_or_default();
                if name.starts_with("onic") {
                    ports.push(Link {
                        name: name.to_owned(),
                        ns: ns.map(str::to_owned),
                    });
                }
            }
        }
        Ok(ports)
    }

    /// Any port.
    pub(crate) fn any_port(&self, rng: &mut impl Rng) -> Result<Link> {
        let ports = self.ports()?;
        ports.choose(rng).cloned().context("no port is left")
    }

    /// Takes all ports down, so that no frame is under way, sees that what each of them has taken
    /// from its cable went one of the ways that are counted, and takes them up again.
    pub(crate) fn check(&self) -> Result<()> {
        let ports = self.ports()?;
        for port in &ports {
            port.set("down").run()?;
        }
        for port in &ports {
            adds_up(port)?;
        }
        for port in &ports {
            port.set("promisc on up").run()?;
        }
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for nic in self.nics {
            if let Err(error) = nic.remove() {
                eprintln!("NIC {} could not be removed: {error:#}", nic.id);
            }
        }
    }
}

/// The ways of a frame that the device takes from the cable (see `offload_uapi::stats`), beside
/// that to the host.
const WAYS: &[&str] = &[
    stats::XDP_HW_DROP,
    stats::XDP_HW_ABORTED,
    stats::XDP_HW_TX,
    stats::XDP_HW_REDIRECT,
    stats::TC_HW_SHOT,
    stats::TC_HW_STOLEN,
    stats::TC_HW_TRAP,
    stats::TC_HW_REDIRECT,
    stats::RX_NO_BUFFER_DROPS,
    stats::RX_RUNT_DROPS,
    stats::XDP_HW_QUEUE_RING_FULL_DROPS,
];

/// Those of frames that rules drop: before the device takes them, or when a program has changed them so.
const BY_RULES: &[&str] = &[stats::RX_RULE_DROPPED, stats::RX_FLOW_TYPE_DROPPED];

fn adds_up(port: &Link) -> Result<()> {
    let counters = port.statistics()?;
    let taken = counters.get(stats::RX_DEVICE_FRAMES)?;
    let to_host = port.stat("rx", "packets")?;
    let elsewhere = counters.sum(|name| WAYS.contains(&name));
    let by_rules = counters.sum(|name| BY_RULES.contains(&name));
    let found = to_host + elsewhere;
    ensure!(
        (found..=found + by_rules).contains(&taken),
        "{port} took {taken} frames: {to_host} to the host, {elsewhere} elsewhere, at most {by_rules} \
         dropped by rules: {counters:?}"
    );
    Ok(())
}
