// SPDX-License-Identifier: GPL-2.0

//! Coming and going under traffic: the module, a port's namespace, a namespace that is
//! deleted. The kernel's own checkers (and `cargo xtask`, which reads them) judge what
//! these leave behind.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{Attached, Mode};
use offload_tests::env;
use offload_tests::frames::mark;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::traffic::{traffic_flows, under_traffic};
use offload_tests::wire::Sender;
use offload_uapi::stats;

/// How often the module comes and goes: with each program several times where a round is quick. Under
/// emulation and on the kernels that look for memory errors, leaks and lock trouble it takes seconds;
/// whatever a round leaves there is seen after the first.
fn rounds() -> usize {
    if env::is_emulated() {
        5
    } else if env::is_checked() {
        12
    } else {
        30
    }
}

#[test]
fn the_module_comes_and_goes() -> Result<()> {
    // No address and no IPv6: all frames are those of this test.
    for scope in ["all", "default"] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1")
            .context("switch IPv6 off")?;
    }
    for round in 0..rounds() {
        let module = Module::insert("queues=2")?;
        let (near, far) = (Link::new("onic0"), Link::new("onic1"));
        for port in [&near, &far] {
            port.set("promisc on up").run()?;
        }
        // With a program that writes, with one that bounces everything, and without.
        let program = [Some("calls"), Some("bounce"), None][round % 3];
        if let Some(program) = program {
            Attached::new(&far, Mode::Offload, program)?;
        }
        let gone = under_traffic(&near, || {
            traffic_flows(&far)?;
            drop(module);
            Ok(!Module::is_loaded()?)
        });
        ensure!(
            gone.with_context(|| format!("round {round}"))?,
            "round {round}: rmmod was refused"
        );
    }
    Ok(())
}

#[test]
fn a_port_moves_between_namespaces_under_traffic() -> Result<()> {
    let _module = Module::insert("")?;
    let near_ns = NetNs::new("near")?;
    let homes = [NetNs::new("home0")?, NetNs::new("home1")?];
    for ns in homes.iter().chain([&near_ns]) {
        ns.silence()?;
    }
    let mut near = Link::new("onic0");
    near.move_to(&near_ns)?;
    near.set("promisc on up").run()?;
    let mut far = Link::new("onic1");
    under_traffic(&near, || {
        for round in 0..20 {
            far.move_to(&homes[round % 2])?;
            far.set("promisc on up").run()?;
            if round % 4 == 0 {
                Attached::new(&far, Mode::Offload, "pass")?;
            } else if round % 4 == 2 {
                offload_tests::bpf::detach(&far, Mode::Offload)?;
            }
            traffic_flows(&far).with_context(|| format!("move {round}"))?;
        }
        Ok(())
    })
}

#[test]
fn the_sending_port_moves_too() -> Result<()> {
    let _module = Module::insert("")?;
    let homes = [NetNs::new("home0")?, NetNs::new("home1")?];
    let far_ns = NetNs::new("far")?;
    for ns in homes.iter().chain([&far_ns]) {
        ns.silence()?;
    }
    let mut far = Link::new("onic1");
    far.move_to(&far_ns)?;
    far.set("promisc on up").run()?;
    let mut near = Link::new("onic0");
    for round in 0..10 {
        near.move_to(&homes[round % 2])?;
        near.set("promisc on up").run()?;
        near.await_carrier()?;
        let there = near.clone();
        under_traffic(&there, || {
            traffic_flows(&far)?;
            near.move_to(&homes[(round + 1) % 2])
        })?;
    }
    Ok(())
}

#[test]
fn a_namespace_is_deleted_while_a_program_runs() -> Result<()> {
    let _module = Module::insert("")?;
    let near_ns = NetNs::new("near")?;
    near_ns.silence()?;
    let mut near = Link::new("onic0");
    near.move_to(&near_ns)?;
    near.set("promisc on up").run()?;
    for object in ["firewall", "flows", "bounce"] {
        let mut far = Link::new("onic1");
        let far_ns = NetNs::new("far")?;
        far_ns.silence()?;
        far.move_to(&far_ns)?;
        far.set("promisc on up").run()?;
        Attached::new(&far, Mode::Offload, object)?;
        under_traffic(&near, || {
            traffic_flows(&far)?;
            drop(far_ns);
            Ok(())
        })?;
        // A port of hardware is not deleted with a namespace, it comes home.
        let home = Link::new("onic1");
        home.await_that("back in the first namespace", |home| {
            Ok(home.show().is_ok())
        })?;
        if Attached::of(&home, Mode::Offload)?.is_some() {
            offload_tests::bpf::detach(&home, Mode::Offload)?;
        }
    }
    // It works as before.
    let far = Link::new("onic1");
    far.set("promisc on up").run()?;
    near.await_carrier()?;
    let before = far.statistics()?;
    Sender::new(&near)?.send(&mark(0x88b7, 1))?;
    far.await_that("the frame", |far| {
        Ok(far.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)? > 0)
    })
}

#[test]
fn rmmod_while_frames_bounce() -> Result<()> {
    let module = Module::insert("")?;
    let (near, far) = (Link::new("onic0"), Link::new("onic1"));
    for port in [&near, &far] {
        port.set("promisc on up").run()?;
        Attached::new(port, Mode::Offload, "bounce")?;
    }
    near.await_carrier()?;
    let sender = Sender::new(&near)?;
    for number in 0..32 {
        sender.send(&mark(0x88b7, number))?;
    }
    traffic_flows(&far)?;
    drop(module);
    ensure!(!Module::is_loaded()?, "rmmod was refused");
    Ok(())
}
