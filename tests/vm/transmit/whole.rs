// SPDX-License-Identifier: GPL-2.0

//! Super-frames that stay whole from one host to the other (`rx-gro-hw`): only where the user wants
//! it and no program has to see each frame, and so that they can be cut again into what was on the
//! wire.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::set_profile;
use offload_tests::streams;
use offload_uapi::stats;

/// The address of a cable's far end.
pub(crate) const FAR: [u8; 4] = [10, 12, 0, 2];

/// How often it is switched under transfers.
fn switches() -> u32 {
    if env::is_slow() {
        3
    } else {
        12
    }
}

/// Bytes of one transfer.
fn volume() -> usize {
    if env::is_slow() {
        1 << 20
    } else {
        8 << 20
    }
}

/// Sends from `near` to `far`, which is `target`, and compares each byte.
pub(crate) fn transfer(near: &Link, far: &Link, target: [u8; 4]) -> Result<()> {
    streams::tcp(near, far, target.into(), volume())
}

/// All that both ends of TCP can leave to a NIC, addresses, and no frames but those of a transfer.
fn prepare(link: &Link, address: &str) -> Result<()> {
    let name = &link.name;
    link.cmd(format!(
        "ethtool -K {name} rx on tx on sg on tso on gso on gro on"
    ))
    .run()?;
    link.set("arp on").run()?;
    link.cmd(format!("ip address add {address} dev {name}"))
        .run()?;
    Ok(())
}

pub(crate) fn switch(link: &Link, state: &str) -> Result<()> {
    link.cmd(format!("ethtool -K {} rx-gro-hw {state}", link.name))
        .run()?;
    Ok(())
}

fn is_on(link: &Link) -> Result<bool> {
    let shown = link.cmd(format!("ethtool -k {}", link.name)).run()?;
    let line = shown
        .lines()
        .find_map(|line| line.strip_prefix("rx-gro-hw: "));
    Ok(line.context("no rx-gro-hw")?.starts_with("on"))
}

/// What a transfer over `cable` adds to a counter of the far end.
fn counted(cable: &Cable, counter: &str) -> Result<u64> {
    let before = cable.far.statistics()?;
    transfer(&cable.near, &cable.far, FAR)?;
    cable.far.statistics()?.since(&before, counter)
}

pub(crate) fn cable() -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    prepare(&cable.near, "10.12.0.1/24")?;
    prepare(&cable.far, "10.12.0.2/24")?;
    Ok(cable)
}

#[test]
fn only_if_the_user_wants_it() -> Result<()> {
    let cable = cable()?;
    ensure!(!is_on(&cable.far)?, "rx-gro-hw is on from the beginning");
    let whole = counted(&cable, stats::RX_HW_GRO_PACKETS)?;
    ensure!(whole == 0, "{whole} super-frames stayed whole");

    switch(&cable.far, "on")?;
    // Both ends count frames on the wire, whole or not.
    let all_received = || {
        cable.far.await_that("all frames that were sent", |far| {
            Ok(far.stat("rx", "packets")? == cable.near.stat("tx", "packets")?)
        })
    };
    all_received()?;
    let before = (cable.near.statistics()?, cable.far.statistics()?);
    transfer(&cable.near, &cable.far, FAR)?;
    all_received()?;
    let now = (cable.near.statistics()?, cable.far.statistics()?);
    let near = |counter| now.0.since(&before.0, counter);
    let far = |counter| now.1.since(&before.1, counter);
    let whole = far(stats::RX_HW_GRO_PACKETS)?;
    let wire = far(stats::RX_HW_GRO_WIRE_PACKETS)?;
    println!("{whole} super-frames stayed whole, {wire} frames on the wire");
    ensure!(whole > 0 && wire >= 2 * whole, "{whole} for {wire}");
    // Frames that were sent alone may have been put together.
    ensure!(
        whole >= near(stats::TX_HW_GSO_PACKETS)?
            && wire >= near(stats::TX_HW_GSO_WIRE_PACKETS)?
            && far(stats::RX_HW_GRO_BYTES)? >= near(stats::TX_HW_GSO_BYTES)?
            && far(stats::RX_HW_GRO_WIRE_BYTES)? >= near(stats::TX_HW_GSO_WIRE_BYTES)?,
        "what was sent as one has not stayed whole"
    );
    let taken = far(stats::RX_DEVICE_FRAMES)?;
    ensure!(
        wire + far(stats::RX_CSUM_COMPLETE)? + far(stats::RX_CSUM_NONE)? == taken,
        "{taken} frames are not each counted once"
    );
    Ok(())
}

/// No byte is lost or changed. TCP itself may have to send some again: it has offered a window for
/// frames that take less of its memory than those that come now.
#[test]
fn switched_under_way() -> Result<()> {
    let cable = cable()?;
    let (times, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let switching = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                let before = times.fetch_add(1, Ordering::Relaxed);
                switch(&cable.far, if before % 2 == 0 { "on" } else { "off" })?;
            }
            Ok(())
        });
        let mut transferred = Ok(());
        while transferred.is_ok()
            && times.load(Ordering::Relaxed) < switches()
            && !switching.is_finished()
        {
            transferred = transfer(&cable.near, &cable.far, FAR);
        }
        is_over.store(true, Ordering::Relaxed);
        let switched = switching.join();
        switched.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        transferred
    })
}

#[test]
fn not_if_something_has_to_see_each_frame() -> Result<()> {
    let cable = cable()?;
    let none = |what: &str| -> Result<()> {
        let whole = counted(&cable, stats::RX_HW_GRO_PACKETS)?;
        ensure!(whole == 0, "{what}: {whole} super-frames stayed whole");
        Ok(())
    };
    switch(&cable.far, "on")?;
    Attached::new(&cable.far, Mode::Native, "pass")?;
    none("with a program of the host")?;
    detach(&cable.far, Mode::Native)?;
    // The device's own sees each frame, too, before they are put together.
    Attached::new(&cable.far, Mode::Offload, "pass")?;
    let before = cable.far.statistics()?;
    transfer(&cable.near, &cable.far, FAR)?;
    let now = cable.far.statistics()?;
    let since = |counter| now.since(&before, counter);
    let (seen, wire) = (
        since(stats::XDP_HW_PASS)?,
        since(stats::RX_HW_GRO_WIRE_PACKETS)?,
    );
    ensure!(
        wire > 0 && seen == since(stats::RX_DEVICE_FRAMES)?,
        "{seen} seen, {wire} put together"
    );
    detach(&cable.far, Mode::Offload)?;
    for profile in ["legacy", "none", "programmable"] {
        set_profile(0, profile)?;
        if profile != "programmable" {
            none(profile)?;
        }
    }
    ensure!(counted(&cable, stats::RX_HW_GRO_PACKETS)? > 0, "and again");

    // Longer than what the user lets GRO make.
    let max = 4 * 1448;
    cable
        .far
        .set(format!("gro_ipv4_max_size {max} gro_max_size {max}"))
        .run()?;
    let before = cable.far.statistics()?;
    transfer(&cable.near, &cable.far, FAR)?;
    let now = cable.far.statistics()?;
    let whole = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
    let bytes = now.since(&before, stats::RX_HW_GRO_BYTES)?;
    ensure!(bytes <= whole * (max + 14), "{bytes} bytes in {whole}");

    // The core does not let it be without checksums.
    cable.far.cmd("ethtool -K onic1 rx off").run()?;
    ensure!(!is_on(&cable.far)?, "on without checksums");
    none("without checksums")
}

/// What a router sends on are the frames that it got, whole or not.
#[test]
fn forwarded_as_it_was_on_the_wire() -> Result<()> {
    if env::is_slow() {
        println!(
            "skipped: forwarded_as_it_was_on_the_wire: a router that is slow may drop frames of its \
             own, and then the counts are not the same; the other kernel is quick enough"
        );
        return Ok(());
    }
    let _module = Module::insert("nics=1 ports=4 queues=1")?;
    let namespaces = [NetNs::new("wa")?, NetNs::new("wr")?, NetNs::new("wb")?];
    let [a, router, b] = &namespaces;
    let mut links = Vec::new();
    for (port, (ns, address)) in [
        (a, "10.12.1.1/24"),
        (router, "10.12.1.2/24"),
        (router, "10.12.2.1/24"),
        (b, "10.12.2.2/24"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut link = Link::new(&format!("onic{port}"));
        link.move_to(ns)?;
        ns.silence()?;
        link.set("up").run()?;
        prepare(&link, address)?;
        links.push(link);
    }
    for link in &links {
        link.await_carrier()?;
    }
    let [near, inward, outward, far] = &links[..] else {
        unreachable!("four ports")
    };
    inward.cmd("sysctl -q net.ipv4.ip_forward=1").run()?;
    near.cmd("ip route add default via 10.12.1.2").run()?;
    far.cmd("ip route add default via 10.12.2.1").run()?;
    // Nothing but the transfer comes in, as questions for addresses would, and nothing is lost in the router
    // if it is slow.
    for (one, one_address, other, other_address) in [
        (near, "10.12.1.1", inward, "10.12.1.2"),
        (outward, "10.12.2.1", far, "10.12.2.2"),
    ] {
        for (link, neighbour, address) in [(one, other, other_address), (other, one, one_address)] {
            link.cmd(format!(
                "ip neighbour replace {address} lladdr {} dev {} nud permanent",
                neighbour.address_text()?,
                link.name
            ))
            .run()?;
            link.cmd(format!(
                "tc qdisc replace dev {} root pfifo limit 100000",
                link.name
            ))
            .run()?;
        }
    }
    // What is no part of the transfer comes first.
    transfer(near, far, [10, 12, 2, 2])?;
    for state in ["off", "on"] {
        switch(inward, state)?;
        let whole = inward.statistics()?;
        let count = |link: &Link, way: &str| -> Result<(u64, u64)> {
            Ok((link.stat(way, "packets")?, link.stat(way, "bytes")?))
        };
        let both = || -> Result<_> { Ok((count(inward, "rx")?, count(outward, "tx")?)) };
        // No frame must be between the two when they are looked at.
        let mut before = both()?;
        loop {
            let again = both()?;
            if again == before {
                break;
            }
            before = again;
        }
        transfer(near, far, [10, 12, 2, 2])?;
        inward.await_that("as much sent on as was received", |_| {
            let now = both()?;
            let frames = (now.0 .0 - before.0 .0, now.1 .0 - before.1 .0);
            let bytes = (now.0 .1 - before.0 .1, now.1 .1 - before.1 .1);
            Ok(frames.0 > 0 && frames.0 == frames.1 && bytes.0 == bytes.1)
        })?;
        let whole = inward
            .statistics()?
            .since(&whole, stats::RX_HW_GRO_PACKETS)?;
        println!("{state}: {whole} super-frames whole");
        ensure!((whole > 0) == (state == "on"), "{state}: {whole} whole");
    }
    Ok(())
}
