// SPDX-License-Identifier: GPL-2.0

//! What the stack may leave to the NIC (`ethtool -k`), and what kind of device the NIC is
//! (`devlink dev param`).

use anyhow::{ensure, Context, Result};
use nix::sys::socket::SockProtocol;
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::link::{await_that, Link};
use offload_tests::module::Module;
use offload_tests::nic::Nic;
use offload_tests::wire::matrix::{Combination, Fields, Layer2, Network, Storage, Transport, Work};
use offload_tests::wire::run::{packet, transmit_offloads};
use offload_tests::wire::tunnels;
use offload_tests::wire::vnet::VnetSender;
use offload_uapi::stats;

/// What the stack may leave open of a frame, as `ethtool -K` calls it. The driver takes all of it,
/// whatever the device can do.
const TRANSMIT: &[&str] = &[
    "tx-checksum-ip-generic",
    "tx-checksum-sctp",
    "tx-scatter-gather",
    "tx-scatter-gather-fraglist",
    "tx-tcp-segmentation",
    "tx-tcp-ecn-segmentation",
    "tx-tcp-mangleid-segmentation",
    "tx-tcp6-segmentation",
    "tx-gso-robust",
    "tx-gre-segmentation",
    "tx-gre-csum-segmentation",
    "tx-ipxip4-segmentation",
    "tx-ipxip6-segmentation",
    "tx-udp_tnl-segmentation",
    "tx-udp_tnl-csum-segmentation",
    "tx-gso-partial",
    "tx-tunnel-remcsum-segmentation",
    "tx-sctp-segmentation",
    "tx-esp-segmentation",
    "tx-udp-segmentation",
    "tx-gso-list",
];

/// What only a device with less than `tx-checksum-ip-generic` has, and what nothing can fall back
/// on software for.
const NEVER: &[&str] = &[
    "tx-checksum-ipv4",
    "tx-checksum-ipv6",
    "tx-fcoe-segmentation",
];

/// The largest super-frame of BIG TCP in bytes.
const BIG_TCP: u64 = 8 * 65_535;

/// The most frames that the device makes of one.
const MAX_SEGMENTS: u64 = 1024;

/// Whether `feature` of `link` is on, and whether that can be changed.
fn feature(link: &Link, feature: &str) -> Result<(bool, bool)> {
    let list = link.cmd(format!("ethtool -k {}", link.name)).run()?;
    let mut words = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix(feature)?.strip_prefix(": "));
    let words = words.next().with_context(|| format!("no {feature}"))?;
    Ok((words.starts_with("on"), !words.contains("[fixed]")))
}

fn ensure_all_on(link: &Link) -> Result<()> {
    for name in TRANSMIT {
        let (is_on, _) = feature(link, name)?;
        ensure!(is_on, "{name} of {link} is off");
    }
    Ok(())
}

#[test]
fn the_driver_takes_whatever_the_stack_leaves_open() -> Result<()> {
    let _module = Module::insert("nics=1 ports=1 queues=1")?;
    let link = Link::new("onic0");
    ensure_all_on(&link)?;
    for name in NEVER {
        ensure!(!feature(&link, name)?.0, "{name} is on");
    }
    let shown = link.show()?;
    ensure!(
        shown["tso_max_size"] == BIG_TCP && shown["tso_max_segs"] == MAX_SEGMENTS,
        "{shown}"
    );

    let switch = |name: &str, to: &str| link.cmd(format!("ethtool -K onic0 {name} {to}")).run();
    for name in TRANSMIT {
        ensure!(feature(&link, name)?.1, "{name} can't be changed");
        switch(name, "off")?;
        ensure!(!feature(&link, name)?.0, "{name} stays on");
        // What needs it comes back with it.
        switch(name, "on")?;
        ensure_all_on(&link).with_context(|| format!("behind {name}"))?;
    }
    // Filed under another name by the tool.
    switch("rx-checksum", "off")?;
    ensure!(feature(&link, "rx-checksumming")? == (false, true));
    switch("rx-checksum", "on")?;
    ensure!(feature(&link, "rx-checksumming")? == (true, true));
    Ok(())
}

/// The profile of `nic`, as devlink shows it.
fn profile(nic: &Nic) -> Result<String> {
    let handle = nic.handle();
    let show = format!("devlink -j dev param show {handle} name profile");
    let shown = Cmd::new(show).json()?;
    let value = &shown["param"][&handle][0]["values"][0];
    ensure!(value["cmode"] == "runtime", "{shown}");
    Ok(value["value"].as_str().context("no value")?.to_owned())
}

fn set_profile(nic: &Nic, to: &str) -> Cmd {
    let handle = nic.handle();
    Cmd::new(format!(
        "devlink dev param set {handle} name profile cmode runtime value {to}"
    ))
}

#[test]
fn the_profile_is_a_parameter_of_the_nic() -> Result<()> {
    let _module = Module::insert("nics=2 ports=1 queues=1")?;
    let (nic, other) = (Nic { id: 0 }, Nic { id: 1 });
    let profiles = ["programmable", "legacy", "none", "legacy-unchecked"];
    ensure!(profile(&nic)? == profiles[0]);
    for name in profiles.iter().rev() {
        set_profile(&nic, name).run()?;
        ensure!(profile(&nic)? == *name);
        // The driver decides frame by frame: the stack does not see a profile.
        ensure_all_on(&Link::new("onic0")).with_context(|| (*name).to_owned())?;
    }
    set_profile(&nic, "legacy").run()?;
    ensure!(profile(&other)? == profiles[0], "another NIC has changed");

    for nonsense in ["legac", "legacy2", "Legacy"] {
        let said = set_profile(&nic, nonsense).refused()?;
        ensure!(
            said.contains(&format!("\"{nonsense}\"")) && profiles.iter().all(|p| said.contains(p)),
            "{said}"
        );
        ensure!(profile(&nic)? == "legacy", "{nonsense} has changed it");
    }

    Cmd::new(format!("devlink dev reload {}", nic.handle())).run()?;
    ensure!(profile(&nic)? == "legacy", "a reload has changed it");
    Ok(())
}

/// Those of [`TRANSMIT`] that no VLAN device of the kernel offers, whatever is below.
const NOT_IN_VLANS: &[&str] = &[
    "tx-gso-robust",
    "tx-gso-partial",
    "tx-tunnel-remcsum-segmentation",
    "tx-esp-segmentation",
];

/// What a VLAN device leaves to software by itself, so that it is on whatever is below.
const OF_VLANS: &[&str] = &[
    "tx-tcp-segmentation",
    "tx-tcp-ecn-segmentation",
    "tx-tcp-mangleid-segmentation",
    "tx-tcp6-segmentation",
    "tx-sctp-segmentation",
    "tx-udp-segmentation",
    "tx-gso-list",
];

#[test]
fn vlan_devices_take_what_the_port_takes() -> Result<()> {
    let _module = Module::insert("nics=1 ports=1 queues=1")?;
    let port = Link::new("onic0");
    let mut below = port.clone();
    let mut vlans = Vec::new();
    for (name, protocol) in [("outer", "802.1ad"), ("inner", "802.1q")] {
        let vlan = Link::new(name);
        below
            .cmd(format!(
                "ip link add link {} name {name} type vlan proto {protocol} id 7",
                below.name
            ))
            .run()?;
        below = vlan.clone();
        vlans.push(vlan);
    }
    let offered = || TRANSMIT.iter().filter(|name| !NOT_IN_VLANS.contains(name));
    for vlan in &vlans {
        for name in offered() {
            ensure!(feature(vlan, name)?.0, "{name} of {vlan} is off");
        }
    }
    for name in offered().filter(|name| !OF_VLANS.contains(name)) {
        for (state, on) in [("off", false), ("on", true)] {
            port.cmd(format!("ethtool -K onic0 {name} {state}")).run()?;
            for vlan in &vlans {
                ensure!(
                    feature(vlan, name)?.0 == on,
                    "{name} of {vlan} is not {state}"
                );
            }
        }
    }
    Ok(())
}

/// Whatever is in front of a packet, the stack leaves to the port what it leaves to it without:
/// `vlan_features`, `hw_enc_features` and `mpls_features` are those of the port. Nothing shows them
/// but what the driver gets.
#[test]
fn the_stack_leaves_as_much_open_of_packets_in_others() -> Result<()> {
    if env::is_checked() {
        println!(
            "skipped: the_stack_leaves_as_much_open_of_packets_in_others: what the stack makes of \
             features is the same on the kernels that do not check themselves"
        );
        return Ok(());
    }
    let cable = Cable::onic(9000)?;
    let tunnels = tunnels::create(&cable.near)?;
    transmit_offloads(&cable.near, true)?;
    let base = Combination {
        tunnel: None,
        layer2: Layer2::Plain,
        network: Network::V4,
        transport: Transport::Tcp,
        work: Work::Segments(500),
        payload: 5000,
        storage: Storage::HeadersLinear,
        zero: false,
        fields: Fields::Right,
    };
    let mut all = Vec::new();
    for layer2 in [Layer2::Plain, Layer2::Vlan, Layer2::QinQ] {
        for network in [Network::V4, Network::V6] {
            for transport in [Transport::Tcp, Transport::Udp] {
                let combination = Combination {
                    layer2,
                    network,
                    transport,
                    ..base
                };
                all.push((combination, stats::TX_HW_GSO_PACKETS));
            }
        }
    }
    for tunnel in &tunnels {
        let tunnel = Some(*tunnel);
        all.push((Combination { tunnel, ..base }, stats::TX_HW_GSO_PACKETS));
    }
    for layer2 in [Layer2::Plain, Layer2::Vlan, Layer2::QinQ, Layer2::Mpls] {
        let work = Work::Checksum;
        let combination = Combination {
            layer2,
            work,
            ..base
        };
        all.push((combination, stats::TX_HW_CHECKSUMS));
    }
    let mut before = cable.near.statistics()?;
    for (number, (combination, counter)) in all.iter().enumerate() {
        let name = combination.tunnel.map_or("onic0", |tunnel| tunnel.name);
        let link = Link {
            name: name.to_owned(),
            ..cable.near.clone()
        };
        let protocol = match (combination.has_link_layer(), combination.network.is_v6()) {
            (true, _) => SockProtocol::EthAll,
            (false, true) => SockProtocol::EthIpv6,
            (false, false) => SockProtocol::EthIp,
        };
        let packet = packet(number, combination);
        VnetSender::new(&link, protocol)?.send(&packet.unfinished, &packet.bytes)?;
        let mut now = before.clone();
        await_that(&format!("{combination:?} in {counter}"), || {
            now = cable.near.statistics()?;
            Ok(now.since(&before, counter)? == 1)
        })?;
        before = now;
    }
    Ok(())
}
