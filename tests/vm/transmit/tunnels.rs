// SPDX-License-Identifier: GPL-2.0

//! TCP through each kind of tunnel, with all that both ports can do switched on: what was sent arrives, no
//! checksum is wrong, and no frame is lost.

use anyhow::{Context, Result};
use offload_tests::cable::{at_both_ends, Cable};
use offload_tests::link::Link;
use offload_tests::wire::tunnels::{Tunnel, TUNNELS};

use crate::transfer::{intact, progress, transfer};

/// What is on at both ends, and how the end that sends leaves its frames to the port: as super-frames that
/// the device cuts or that stay whole, or one by one.
const ALL: &str =
    "rx on tx on sg on gso on gro on rx-gro-hw on rxhash on rx-vlan-hw-parse on ntuple on";
const SENDERS: [&str; 2] = ["tso on gso on", "tso off gso off"];

/// The ends of tunnel number `number`, each with an address of IPv4, and of IPv6 if that goes through. Gives
/// those of the far end, or nothing if the kernel has no such tunnel.
fn create(cable: &Cable, tunnel: &Tunnel, number: usize) -> Result<Option<Vec<String>>> {
    let mut targets = Vec::new();
    for (link, this) in [(&cable.near, 1), (&cable.far, 2)] {
        let add = link.cmd(format!(
            "ip link add {} {}",
            tunnel.name,
            kind(link, tunnel)
        ));
        let added = add.output()?;
        if !added.success() {
            println!("skipped on this kernel: {added}");
            return Ok(None);
        }
        let device = Link {
            name: tunnel.name.to_owned(),
            ..link.clone()
        };
        let mut addresses = vec![(format!("10.40.{number}.{this}"), "24")];
        if tunnel.takes_v6 {
            addresses.push((format!("fd40:{number}::{this}"), "64 nodad"));
        }
        for (address, rest) in &addresses {
            link.cmd(format!(
                "ip address add {address}/{rest} dev {}",
                tunnel.name
            ))
            .run()?;
        }
        device.set("up").run()?;
        targets = addresses.into_iter().map(|(address, _)| address).collect();
    }
    Ok(Some(targets))
}

/// What `ip link add` is told at the end of `link`: the list has what the near one is told.
fn kind(link: &Link, tunnel: &Tunnel) -> String {
    // A checksum that is sent is also to be looked at.
    let kind = tunnel.kind.replace(" ocsum", " csum");
    let kind = kind.replace("onic0", &link.name);
    if link.name == "onic0" {
        return kind;
    }
    // The one that lies in UDP by itself has an address of its own at the far end.
    let there = if kind.contains("10.9.0.3") {
        "10.9.0.3"
    } else {
        "10.9.0.2"
    };
    [("10.9.0.1", there), ("fd09::1", "fd09::2")]
        .into_iter()
        .fold(kind, |kind, (here, there)| {
            let marked = kind.replace(here, "HERE").replace(there, here);
            marked.replace("HERE", there)
        })
}

#[test]
fn with_everything_on() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    at_both_ends(
        near,
        far,
        &[
            "sysctl -q net.ipv6.conf.all.disable_ipv6=0",
            "sysctl -q net.ipv6.conf.default.disable_ipv6=0",
            "ip link set dev PORT arp on txqueuelen 10000",
            "ip address add 10.9.0.@/24 dev PORT",
            "ip address add fd09::@/64 nodad dev PORT",
        ],
    )?;
    far.cmd(format!("ip address add 10.9.0.3/24 dev {}", far.name))
        .run()?;
    // Nothing asks for this one by itself. A kernel may have it built in, or not at all.
    near.cmd("modprobe -q fou").output()?;
    for link in [near, far] {
        let listens = link.cmd("ip fou add port 7778 ipproto 4").output()?;
        if !listens.success() {
            println!("skipped on this kernel: {listens}");
        }
    }
    let mut ways = vec![
        ("no tunnel", "10.9.0.2".to_owned()),
        ("no tunnel", "fd09::2".to_owned()),
    ];
    for (tunnel, number) in TUNNELS.iter().zip(1..) {
        let targets = create(&cable, tunnel, number)?.unwrap_or_default();
        ways.extend(targets.into_iter().map(|target| (tunnel.name, target)));
    }
    for (name, target) in &ways {
        let mut sent = Vec::new();
        for sender in SENDERS {
            for (link, sender) in [(near, sender), (far, SENDERS[0])] {
                link.cmd(format!("ethtool -K {} {ALL} {sender}", link.name))
                    .run()?;
            }
            let what = format!("{name}, to {target}, {sender}");
            let bytes = transfer(&cable, target, |arrived| progress(&what, arrived));
            sent.push(bytes.with_context(|| what.clone())?);
        }
        let again = intact(name, &cable)?;
        println!("{name}, to {target}: {sent:?} bytes, {again:?} segments sent again so far");
    }
    Ok(())
}
