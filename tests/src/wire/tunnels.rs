// SPDX-License-Identifier: GPL-2.0

//! Devices over a port that put headers in front of what is sent on them.

use anyhow::Result;

use crate::link::Link;

/// The checksum that the outermost transport header has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OuterChecksum {
    /// None.
    Absent,
    /// That of UDP behind the outermost IP header.
    Udp,
    /// That of GRE.
    Gre,
}

/// A device over a port.
#[derive(Debug)]
pub struct Tunnel {
    /// The interface's name.
    pub name: &'static str,
    /// What stands behind `ip link add NAME`.
    pub kind: &'static str,
    /// Whether it takes Ethernet frames, not IP packets.
    pub ethernet: bool,
    /// Whether it takes IPv6.
    pub takes_v6: bool,
    /// Whether the outer IP header is IPv4, whose identification the kernel chooses.
    pub over_v4: bool,
    /// Its own checksum.
    pub checksum: OuterChecksum,
    /// Whether it leaves to the port what is behind a VLAN tag: only where it announces
    /// `vlan_features` does the stack not finish that before the tunnel gets it.
    pub leaves_tagged: bool,
}

const fn ethernet(
    name: &'static str,
    kind: &'static str,
    over_v4: bool,
    checksum: OuterChecksum,
) -> Tunnel {
    Tunnel {
        name,
        kind,
        ethernet: true,
        takes_v6: true,
        over_v4,
        checksum,
        leaves_tagged: false,
    }
}

const fn vxlan(
    name: &'static str,
    kind: &'static str,
    over_v4: bool,
    checksum: OuterChecksum,
) -> Tunnel {
    Tunnel {
        leaves_tagged: true,
        ..ethernet(name, kind, over_v4, checksum)
    }
}

const fn ip(
    name: &'static str,
    kind: &'static str,
    over_v4: bool,
    checksum: OuterChecksum,
) -> Tunnel {
    Tunnel {
        ethernet: false,
        ..ethernet(name, kind, over_v4, checksum)
    }
}

/// All that are tried; a kernel may lack some.
pub const TUNNELS: &[Tunnel] = &[
    vxlan(
        "vxlan",
        "type vxlan id 1 dstport 4789 dev onic0 local 10.9.0.1 remote 10.9.0.2 noudpcsum",
        true,
        OuterChecksum::Absent,
    ),
    vxlan(
        "vxlancsum",
        "type vxlan id 2 dstport 4789 dev onic0 local 10.9.0.1 remote 10.9.0.2 udpcsum",
        true,
        OuterChecksum::Udp,
    ),
    vxlan(
        "vxlan6",
        "type vxlan id 3 dstport 4790 dev onic0 local fd09::1 remote fd09::2 \
         udp6zerocsumtx udp6zerocsumrx",
        false,
        OuterChecksum::Absent,
    ),
    vxlan(
        "vxlan6csum",
        "type vxlan id 4 dstport 4791 dev onic0 local fd09::1 remote fd09::2",
        false,
        OuterChecksum::Udp,
    ),
    ethernet(
        "geneve",
        "type geneve id 1 dstport 6081 remote 10.9.0.2 noudpcsum",
        true,
        OuterChecksum::Absent,
    ),
    ethernet(
        "genevecsum",
        "type geneve id 2 dstport 6081 remote 10.9.0.2 udpcsum",
        true,
        OuterChecksum::Udp,
    ),
    ethernet(
        "gretapx",
        "type gretap local 10.9.0.1 remote 10.9.0.2 key 1 ttl 64",
        true,
        OuterChecksum::Absent,
    ),
    ethernet(
        "gretapcsum",
        "type gretap local 10.9.0.1 remote 10.9.0.2 key 2 ttl 64 ocsum",
        true,
        OuterChecksum::Gre,
    ),
    ip(
        "grex",
        "type gre local 10.9.0.1 remote 10.9.0.2 ttl 64",
        true,
        OuterChecksum::Absent,
    ),
    ip(
        "grecsum",
        "type gre local 10.9.0.1 remote 10.9.0.2 key 3 ttl 64 ocsum",
        true,
        OuterChecksum::Gre,
    ),
    Tunnel {
        takes_v6: false,
        ..ip(
            "ipipx",
            "type ipip local 10.9.0.1 remote 10.9.0.2 ttl 64",
            true,
            OuterChecksum::Absent,
        )
    },
    Tunnel {
        takes_v6: false,
        ..ip(
            "foucsum",
            "type ipip local 10.9.0.1 remote 10.9.0.3 ttl 64 \
             encap fou encap-sport 7777 encap-dport 7778 encap-csum",
            true,
            OuterChecksum::Udp,
        )
    },
    ip(
        "sitx",
        "type sit local 10.9.0.1 remote 10.9.0.2 ttl 64 mode any",
        true,
        OuterChecksum::Absent,
    ),
    ip(
        "ip6x",
        "type ip6tnl local fd09::1 remote fd09::2 mode any encaplimit none",
        false,
        OuterChecksum::Absent,
    ),
    ip(
        "ip6grex",
        "type ip6gre local fd09::1 remote fd09::2 encaplimit none",
        false,
        OuterChecksum::Absent,
    ),
];

/// Gives `near`, which lies in a silenced namespace, the addresses that the tunnels are between, and
/// makes those that the kernel has. Each that it has not is told of, with the reason.
///
/// # Errors
///
/// Where `ip` fails on the port itself.
pub fn create(near: &Link) -> Result<Vec<&'static Tunnel>> {
    let port = &near.name;
    near.cmd(format!("sysctl -q net.ipv6.conf.{port}.disable_ipv6=0"))
        .run()?;
    // What a tunnel sends and the port's queue has no room for is lost without a word.
    near.set("txqueuelen 5000").run()?;
    for address in ["10.9.0.1/24", "fd09::1/64 nodad"] {
        near.cmd(format!("ip address add {address} dev {port}"))
            .run()?;
    }
    for far in ["10.9.0.2", "10.9.0.3", "fd09::2"] {
        near.cmd(format!(
            "ip neigh replace {far} lladdr 02:00:00:00:00:77 dev {port} nud permanent"
        ))
        .run()?;
    }
    // Nothing asks for this one by itself. A kernel may have it built in, or not at all.
    near.cmd("modprobe -q fou").output()?;
    let mut made = Vec::new();
    for tunnel in TUNNELS {
        let device = Link {
            name: tunnel.name.to_owned(),
            ..near.clone()
        };
        let add = near.cmd(format!("ip link add {} {}", tunnel.name, tunnel.kind));
        let added = add.output()?;
        if !added.success() {
            println!("skipped on this kernel: {added}");
            continue;
        }
        device.set("arp off mtu 8900 up").run()?;
        made.push(tunnel);
    }
    Ok(made)
}
