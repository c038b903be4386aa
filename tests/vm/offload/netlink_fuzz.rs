// SPDX-License-Identifier: GPL-2.0

//! Nonsense on the netlink family: any attributes, lengths, nests, headers and commands. Each is
//! answered by an error that makes sense or by an answer that can be read, and the kernel log stays
//! as it was, which the harness checks.

mod message;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{anyhow, ensure, Context, Result};
use nix::errno::Errno;
use offload_tests::bpf::{Attached, Mode};
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::nic::Nic;

use message::{Generator, World};
use wire::{Said, Wire};

/// How many requests are sent.
fn requests() -> usize {
    if env::is_slow() {
        8_000
    } else {
        60_000
    }
}

/// How often a NIC comes and goes meanwhile, at least.
const ROUNDS: usize = 10;

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

/// Sends requests from `generator` while it `goes_on`; how often each kind of answer came.
fn fuzz(
    generator: &mut Generator,
    goes_on: impl Fn(usize) -> bool,
) -> Result<BTreeMap<Said, usize>> {
    let mut wire = Wire::open()?;
    let mut sums = BTreeMap::new();
    let mut number = 0;
    while goes_on(number) {
        let request = generator.datagram(wire.family());
        let said = wire
            .exchange(&request)
            .with_context(|| format!("request {number}: {request:02x?}"))?;
        for one in said {
            *sums.entry(one).or_default() += 1;
        }
        number += 1;
    }
    Ok(sums)
}

#[test]
fn nonsense_gets_an_error_or_an_answer() -> Result<()> {
    let seed = env::seed()?;
    let _module = Module::insert("")?;
    let mut generator = Generator::new(seed, world()?);
    let sums = fuzz(&mut generator, |number| number < requests())?;
    println!("{sums:?}");
    // It is no test if nothing gets through, or everything.
    let least = requests() / 600;
    for said in [
        Said::Message,
        Said::Good,
        Said::RefusedInWords(Errno::EINVAL as i32),
        Said::RefusedInWords(Errno::ERANGE as i32),
        Said::RefusedInWords(Errno::ENODEV as i32),
        Said::RefusedInWords(Errno::ENOENT as i32),
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
    let rounds = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let churn = scope.spawn(|| -> Result<()> {
            while !stop.load(Ordering::Relaxed) {
                let done = Nic::new(7, 2, 1).and_then(Nic::remove);
                done.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                rounds.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let sums = fuzz(&mut Generator::new(seed, world), |number| {
            let few = rounds.load(Ordering::Relaxed) < ROUNDS;
            !stop.load(Ordering::Relaxed) && (few || number < requests() / 4)
        });
        stop.store(true, Ordering::Relaxed);
        churn.join().map_err(|_| anyhow!("a panic"))??;
        println!("{:?}, {rounds:?} times a NIC came and went", sums?);
        Ok(())
    })
}
