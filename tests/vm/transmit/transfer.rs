// SPDX-License-Identifier: GPL-2.0

//! TCP between two namespaces while profiles and features change under it: all data arrives as it
//! was sent, no checksum is wrong, and no frame that a port takes is lost.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::{at_both_ends, Cable};
use offload_tests::env;
use offload_tests::link::{await_that, Link, PATIENCE};
use offload_tests::netns;
use offload_tests::nic::set_profile;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the stack hands to TCP in one call.
const CHUNK: usize = 128 << 10;
/// Bytes that must arrive between one change and the next.
const PROGRESS: u64 = 4 * CHUNK as u64;

/// A way between the two ends.
struct Way {
    name: &'static str,
    /// What is done at each end, with the number of the end (1 or 2) for `@`, and that of the other
    /// for `%`.
    setup: &'static [&'static str],
    /// Where the far end listens.
    target: &'static str,
    /// Whether a protocol-specific device that nobody checks gets it right too.
    plain: bool,
}

const WAYS: [Way; 5] = [
    Way {
        name: "IPv4",
        setup: &[],
        target: "10.8.0.2",
        plain: true,
    },
    Way {
        name: "IPv6",
        setup: &[],
        target: "fd08::2",
        plain: true,
    },
    Way {
        name: "VXLAN",
        setup: &[
            "ip link add over type vxlan id 8 dstport 4789 local 10.8.0.@ remote 10.8.0.%",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        target: "10.8.1.2",
        plain: false,
    },
    Way {
        name: "GRE",
        setup: &[
            "ip link add over type gre local 10.8.0.@ remote 10.8.0.% ttl 64",
            "ip address add 10.8.2.@/24 dev over",
            "ip link set dev over up",
        ],
        target: "10.8.2.2",
        plain: false,
    },
    // Encapsulated: of what TCP sends with a routing header put in between (`mode inline`) the kernel
    // loses all super-frames before any driver sees them, on a veth too.
    Way {
        name: "SRv6",
        setup: &[
            "ip link set dev lo up",
            "sysctl -q net.ipv6.conf.all.seg6_enabled=1",
            "sysctl -q net.ipv6.conf.PORT.seg6_enabled=1",
            "ip address add fd09::@/128 dev lo",
            "ip -6 route add fd09::%/128 encap seg6 mode encap segs fd08::% via fd08::% dev PORT \
             src fd09::@",
        ],
        target: "fd09::2",
        plain: false,
    },
];

/// A counter of the kernel's TCP in a namespace, as `nstat` names it.
fn counter(link: &Link, name: &str) -> Result<u64> {
    let shown = link.cmd(format!("nstat -asz -j {name}")).json()?;
    let value = shown["kernel"][name].as_u64();
    value.with_context(|| format!("`nstat` has no {name}: {shown}"))
}

/// All that either end sent has come to the host at the other one, and neither counts a frame that it
/// lost. TCP on a busy machine sends again what is merely late; this tells whether we made it.
fn nothing_is_lost(near: &Link, far: &Link) -> Result<()> {
    for (from, to) in [(near, far), (far, near)] {
        let mut counts = (0, 0);
        await_that("all frames to arrive", || {
            counts = (from.stat("tx", "packets")?, to.stat("rx", "packets")?);
            Ok(counts.0 == counts.1)
        })
        .with_context(|| format!("{from} sent {} frames, {to} got {}", counts.0, counts.1))?;
    }
    for link in [near, far] {
        let drops = link.statistics()?.sum(|name| name.ends_with("_drops"));
        ensure!(drops == 0, "{link} dropped {drops} frames");
    }
    Ok(())
}

/// How many segments each end of a cable has sent again, if no checksum was wrong, and nothing was lost.
pub(crate) fn intact(way: &str, cable: &Cable) -> Result<(u64, u64)> {
    let (near, far) = (&cable.near, &cable.far);
    let both = |name| Ok::<_, anyhow::Error>((counter(near, name)?, counter(far, name)?));
    let bad = both("TcpInCsumErrors")?;
    let judge = || {
        ensure!(bad == (0, 0), "{bad:?} segments with a wrong checksum");
        nothing_is_lost(near, far)
    };
    judge().or_else(|error| {
        let telling = losses(near)? + &losses(far)?;
        Err(error.context(format!("{way}\n{telling}")))
    })?;
    both("TcpRetransSegs")
}

/// What a namespace's TCP and a port say of segments that did not make it.
fn losses(link: &Link) -> Result<String> {
    let telling = [
        "Drop", "Loss", "Lost", "Retrans", "Timeouts", "DSACK", "Prune", "drops", "dropped",
        "Discard",
    ];
    let port = &link.name;
    let shown = link.cmd("nstat -as").run()?
        + &link.cmd(format!("ethtool -S {port}")).run()?
        + &link.cmd(format!("tc -s qdisc show dev {port}")).run()?;
    let lines = shown.lines().filter(|line| {
        let is_zero = line.ends_with(": 0") || line.contains("dropped 0,");
        !is_zero && telling.iter().any(|word| line.contains(word))
    });
    Ok(format!(
        "{link}:\n{}\n",
        lines.collect::<Vec<_>>().join("\n")
    ))
}

/// The features of a port that can be switched.
fn features(link: &Link) -> Result<Vec<String>> {
    let shown = link.cmd(format!("ethtool -k {}", link.name)).run()?;
    let names = shown.lines().filter_map(|line| {
        let (name, state) = line.trim().split_once(": ")?;
        let ours = ["tx-", "rx-", "generic-", "tcp-"];
        let is_ours = ours.iter().any(|prefix| name.starts_with(prefix));
        (is_ours && state == "on").then(|| name.to_owned())
    });
    Ok(names.collect())
}

/// Has one end send to the other until `meanwhile` is done, which is given the bytes that have
/// arrived so far. Each byte is compared.
pub(crate) fn transfer(
    cable: &Cable,
    target: &str,
    meanwhile: impl FnOnce(&AtomicU64) -> Result<()>,
) -> Result<u64> {
    let listener = netns::enter(cable.far.ns.as_deref(), || {
        TcpListener::bind((target, 0)).with_context(|| format!("listen on {target}"))
    })?;
    let address = listener.local_addr()?;
    // Both ends before either has a thread that would wait for the other for ever.
    let mut near = netns::enter(cable.near.ns.as_deref(), || {
        TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connect {address}"))
    })?;
    let (mut far, _) = listener.accept()?;
    let (arrived, stop) = (&AtomicU64::new(0), &AtomicBool::new(false));
    thread::scope(|scope| {
        let receiver = scope.spawn(move || -> Result<()> {
            let mut expected = ChaCha8Rng::seed_from_u64(8);
            let (mut bytes, mut wanted) = (vec![0; CHUNK], vec![0; CHUNK]);
            loop {
                // The generator gives whole words: what is left of one would be lost.
                let mut filled = 0;
                while filled < CHUNK {
                    match far.read(&mut bytes[filled..])? {
                        0 => break,
                        count => filled += count,
                    }
                }
                if filled == 0 {
                    return Ok(());
                }
                ensure!(filled == CHUNK, "the stream ends within a chunk");
                expected.fill_bytes(&mut wanted);
                let at = arrived.fetch_add(CHUNK as u64, Ordering::Relaxed);
                let differs = bytes.iter().zip(&wanted).position(|(a, b)| a != b);
                ensure!(
                    differs.is_none(),
                    "byte {} is not what was sent",
                    at + differs.unwrap_or(0) as u64
                );
            }
        });
        let sender = scope.spawn(move || -> Result<u64> {
            let mut source = ChaCha8Rng::seed_from_u64(8);
            let (mut bytes, mut sent) = (vec![0; CHUNK], 0);
            while !stop.load(Ordering::Relaxed) {
                source.fill_bytes(&mut bytes);
                near.write_all(&bytes)?;
                sent += CHUNK as u64;
            }
            near.shutdown(Shutdown::Write)?;
            // The far end closes when it has everything.
            near.read_to_end(&mut Vec::new())?;
            Ok(sent)
        });
        let done = meanwhile(arrived);
        stop.store(true, Ordering::Relaxed);
        let sent = sender
            .join()
            .unwrap_or_else(|p| std::panic::resume_unwind(p));
        let received = receiver
            .join()
            .unwrap_or_else(|p| std::panic::resume_unwind(p));
        received?;
        let sent = sent?;
        done?;
        let arrived = arrived.load(Ordering::Relaxed);
        ensure!(arrived == sent, "{sent} bytes sent, {arrived} arrived");
        Ok(sent)
    })
}

/// Waits until more of the stream has arrived.
pub(crate) fn progress(what: &str, arrived: &AtomicU64) -> Result<()> {
    let before = arrived.load(Ordering::Relaxed);
    let more = if env::is_checked() {
        CHUNK as u64
    } else {
        PROGRESS
    };
    await_that(&format!("{more} more bytes, {what}"), || {
        Ok(arrived.load(Ordering::Relaxed) >= before + more)
    })
}

fn under_changes(way: &Way) -> Result<()> {
    let cable = Cable::onic(1500)?;
    let all_on = "rx on tx on sg on tso on gso on gro on";
    for link in [&cable.near, &cable.far] {
        link.cmd(format!("ethtool -K {} {all_on}", link.name))
            .run()?;
    }
    at_both_ends(
        &cable.near,
        &cable.far,
        &[
            "sysctl -q net.ipv6.conf.all.disable_ipv6=0",
            "sysctl -q net.ipv6.conf.default.disable_ipv6=0",
            // Without segmentation what TCP may have under way are more frames than a queueing
            // discipline of the usual length holds: it would drop them.
            "ip link set dev PORT arp on txqueuelen 10000",
            "ip address add 10.8.0.@/24 dev PORT",
            "ip address add fd08::@/64 nodad dev PORT",
        ],
    )?;
    at_both_ends(&cable.near, &cable.far, way.setup)?;
    let features = features(&cable.near)?;
    let sent = transfer(&cable, way.target, |arrived| {
        progress("at first", arrived)?;
        for profile in ["legacy", "none", "legacy-unchecked", "programmable"] {
            if profile == "legacy-unchecked" && !way.plain {
                continue;
            }
            set_profile(0, profile)?;
            progress(profile, arrived)?;
            // What a switch does depends on the profile, and what a profile does on the way: both
            // together are tried on the shortest ways, where a switch does not take a second.
            let is_tried = way.plain && !env::is_slow();
            if profile != "programmable" && !is_tried {
                continue;
            }
            for feature in &features {
                for state in ["off", "on"] {
                    // What concerns frames that are sent is switched where the stream is.
                    let both = feature.starts_with("rx-") || feature.starts_with("generic-");
                    for link in [&cable.near, &cable.far].iter().take(1 + usize::from(both)) {
                        let line = format!("ethtool -K {} {feature} {state}", link.name);
                        link.cmd(line).run()?;
                    }
                    progress(&format!("{profile}, {feature} {state}"), arrived)?;
                }
            }
        }
        Ok(())
    })
    .with_context(|| way.name)?;
    let again = intact(way.name, &cable)?;
    println!(
        "{}: {sent} bytes under {} features, {again:?} segments sent again",
        way.name,
        features.len()
    );
    Ok(())
}

#[test]
fn ipv4() -> Result<()> {
    under_changes(&WAYS[0])
}

#[test]
fn ipv6() -> Result<()> {
    under_changes(&WAYS[1])
}

#[test]
fn vxlan() -> Result<()> {
    under_changes(&WAYS[2])
}

#[test]
fn gre() -> Result<()> {
    under_changes(&WAYS[3])
}

#[test]
fn segment_routing() -> Result<()> {
    under_changes(&WAYS[4])
}
