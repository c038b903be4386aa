// SPDX-License-Identifier: GPL-2.0

//! Nonsense on the netlink family: any attributes, lengths, nests, headers and commands. Each is
//! answered by an error that makes sense or by an answer that can be read, and the kernel log stays
//! as it was, which the harness checks.

mod message;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{Attached, Mode};
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::nic::Nic;

use crate::message::{Generator, World};
use crate::wire::{Said, Wire};

/// How many requests are sent.
fn requests() -> usize {
    if env::is_slow() {
        8_000
    } else {
        60_000
    }
}

/// What programs and interfaces there are for requests that are nearly right.
fn world() -> Result<World> {
    let mut world = World::default();
    for name in ["onic0", "onic1"] {
        let link = Link::new(name);
        world.interfaces.push(link.index()?);
        let attached = Attached::new(&link, Mode::Offload, "pass")?;
        world.programs.push(u32::try_from(attached.id)?);
    }
    // The loopback device has no programs in it.
    world.interfaces.push(1);
    Ok(world)
}

/// Sends requests from `generator` until there were enough; how often each kind of answer came.
fn fuzz(generator: &mut Generator, count: usize) -> Result<BTreeMap<Said, usize>> {
    let mut wire = Wire::open()?;
    let mut sums = BTreeMap::new();
    for number in 0..count {
        let request = generator.datagram(wire.family());
        let said = wire
            .exchange(&request)
            .with_context(|| format!("request {number}: {request:02x?}"))?;
        for one in said {
            *sums.entry(one).or_default() += 1;
        }
    }
    Ok(sums)
}

#[test]
fn nonsense_gets_an_error_or_an_answer() -> Result<()> {
    let seed = env::seed()?;
    let _module = Module::insert("")?;
    let mut generator = Generator::new(seed, world()?);
    let sums = fuzz(&mut generator, requests())?;
    println!("{sums:?}");
    // It is no test if nothing gets through, or everything.
    for (said, least) in [
        (Said::Message, 100),
        (Said::Good, 100),
        (Said::Refused, 100),
        (Said::RefusedInWords, 100),
    ] {
        let count = sums.get(&said).copied().unwrap_or_default();
        ensure!(count >= least, "{said:?} came {count} times: {sums:?}");
    }
    // And who asks properly is answered as before.
    let mut client = offload_uapi::client::Client::connect()?;
    ensure!(client.devices()?.len() == 2, "a port too many or too few");
    Ok(())
}

#[test]
fn nonsense_while_devices_come_and_go() -> Result<()> {
    let seed = env::seed()?;
    let _module = Module::insert("")?;
    let world = world()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let churn = scope.spawn(|| -> Result<usize> {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                Nic::new(7, 2, 1)?.remove()?;
                rounds += 1;
            }
            Ok(rounds)
        });
        let sums = fuzz(&mut Generator::new(seed, world), requests() / 4);
        stop.store(true, Ordering::Relaxed);
        let rounds = churn.join().map_err(|_| anyhow::anyhow!("a panic"))??;
        let sums = sums?;
        println!("{sums:?}, {rounds} times a NIC came and went");
        ensure!(rounds > 0, "no NIC came and went");
        Ok(())
    })
}
