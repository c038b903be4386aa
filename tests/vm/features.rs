// SPDX-License-Identifier: GPL-2.0

//! What the stack may leave to the NIC (`ethtool -k`), and what kind of device the NIC is
//! (`devlink dev param`).

use anyhow::{ensure, Context, Result};
use offload_tests::command::Cmd;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::nic::Nic;

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
