// SPDX-License-Identifier: GPL-2.0

//! Asking while programs, ports and NICs come and go.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Mode};
use offload_tests::env;
use offload_tests::link::{await_that, Link};
use offload_tests::module::Module;
use offload_tests::nic::Nic;
use offload_uapi::client::Client;
use offload_uapi::error::Error;
use offload_uapi::netlink::Slot;
use offload_uapi::types::{Known, SlotReport};

fn how_many() -> usize {
    match (env::is_checked(), env::is_slow()) {
        (false, false) => 10_000,
        (true, false) => 2_000,
        (_, true) => 500,
    }
}

/// How often programs and NICs have to come and go meanwhile, at least.
fn how_often() -> [usize; 2] {
    if env::is_slow() {
        [4, 2]
    } else {
        [60, 20]
    }
}

/// An answer, unless the world changed all the time while it was given, which is told.
fn answer<T>(result: Result<T, Error>, interrupted: &mut usize) -> Result<Option<T>> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Interrupted { .. }) => {
            *interrupted += 1;
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// Each interface has all of its slots, in their order, and interfaces come in the order of their
/// numbers.
fn check_slots(slots: &[SlotReport]) -> Result<()> {
    ensure!(slots.len() % Slot::ALL.len() == 0, "{} slots", slots.len());
    let mut last = 0;
    for interface in slots.chunks(Slot::ALL.len()) {
        let ifindex = interface[0].ifindex;
        ensure!(ifindex > last, "{ifindex} after {last}");
        last = ifindex;
        for (found, slot) in interface.iter().zip(Slot::ALL) {
            ensure!(
                found.ifindex == ifindex && found.slot == Known::Is(*slot),
                "{found:?} is not {slot:?} of {ifindex}"
            );
        }
    }
    Ok(())
}

fn is_ascending<T, N: Ord + std::fmt::Debug>(
    answers: &[T],
    number: impl Fn(&T) -> N,
) -> Result<()> {
    for pair in answers.windows(2) {
        let [one, next] = [number(&pair[0]), number(&pair[1])];
        ensure!(one < next, "{next:?} after {one:?}");
    }
    Ok(())
}

/// Loads and removes a program again and again, in and out of the slot of a port of NIC 0.
fn programs_come_and_go(link: &Link, end: &AtomicBool, rounds: &AtomicUsize) -> Result<()> {
    while !end.load(Ordering::Relaxed) {
        let object = ["pass", "firewall"][rounds.fetch_add(1, Ordering::Relaxed) % 2];
        link.set("xdpoffload obj")
            .arg(env::object(object)?)
            .args("sec xdp")
            .run()?;
        detach(link, Mode::Offload)?;
    }
    Ok(())
}

/// Makes NICs with ports and takes them away, with a program in them or not.
fn nics_come_and_go(end: &AtomicBool, rounds: &AtomicUsize) -> Result<()> {
    while !end.load(Ordering::Relaxed) {
        let nic = Nic::new(7, 3, 1)?;
        nic.ask("new_port", "5").context("new_port")?;
        nic.ask("del_port", "0").context("del_port")?;
        if rounds.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
            let ports = nic.ports()?;
            ports[0]
                .set("xdpoffload obj")
                .arg(env::object("pass")?)
                .args("sec xdp")
                .run()?;
        }
        nic.remove()?;
    }
    Ok(())
}

#[test]
fn every_dump_is_consistent() -> Result<()> {
    // So many that the answers come in several parts.
    let _module = Module::insert("nics=2 ports=24 queues=1")?;
    let stays = [Nic { id: 0 }.ports()?, Nic { id: 1 }.ports()?].concat();
    let numbers: Vec<u32> = stays.iter().map(Link::index).collect::<Result<_>>()?;
    let end = AtomicBool::new(false);
    let rounds = [const { AtomicUsize::new(0) }; 2];
    let count = || [0, 1].map(|index: usize| rounds[index].load(Ordering::Relaxed));
    let (dumps, interrupted) = std::thread::scope(|scope| -> Result<_> {
        let programs = scope.spawn(|| programs_come_and_go(&stays[0], &end, &rounds[0]));
        let nics = scope.spawn(|| nics_come_and_go(&end, &rounds[1]));
        let is_enough = |dumps| {
            let enough = dumps >= how_many()
                && count()
                    .iter()
                    .zip(how_often())
                    .all(|(done, least)| *done >= least);
            let has_failed = programs.is_finished() || nics.is_finished();
            enough || has_failed
        };
        let result = ask_again_and_again(is_enough, &numbers);
        end.store(true, Ordering::Relaxed);
        for thread in [programs, nics] {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        result
    })?;
    println!(
        "{dumps} dumps, {interrupted} given up; {:?} programs and NICs",
        count()
    );
    ensure!(
        interrupted < dumps / 4,
        "{interrupted} of {dumps} dumps given up"
    );
    // All that came has gone, and is not kept by who has asked for it.
    let mut client = Client::connect()?;
    await_that("programs to be gone", || {
        Ok(client.programs(None)?.is_empty())
    })?;
    ensure!(client.devices()?.len() == stays.len(), "not all stay");
    Ok(())
}

/// Asks for all that there is until that `is_enough`, and gives how often it has asked, and how often
/// there was no answer in time. The interfaces `stay`.
fn ask_again_and_again(is_enough: impl Fn(usize) -> bool, stay: &[u32]) -> Result<(usize, usize)> {
    let mut client = Client::connect()?;
    let mut interrupted = 0;
    let mut round = 0;
    while !is_enough(round) {
        round += 1;
        let present: Option<Vec<u32>> = match round % 4 {
            0 => answer(client.devices(), &mut interrupted)?.map(|devices| {
                let numbers = devices.iter().map(|device| device.ifindex);
                numbers.collect()
            }),
            1 => {
                let slots = answer(client.slots(None), &mut interrupted)?;
                slots.as_deref().map(check_slots).transpose()?;
                slots.map(|slots| slots.iter().map(|slot| slot.ifindex).collect())
            }
            2 => {
                let stats = answer(client.all_stats(), &mut interrupted)?;
                stats.map(|stats| stats.iter().map(|stats| stats.ifindex).collect())
            }
            _ => {
                let programs = answer(client.programs(None), &mut interrupted)?;
                if let Some(programs) = programs {
                    is_ascending(&programs, |program| (program.ifindex, program.id))?;
                    for program in &programs {
                        let named = program.id.is_some() && program.program.id == program.id;
                        ensure!(named && program.program.digests.len() == 2, "{program:?}");
                    }
                }
                None
            }
        };
        if let Some(present) = present {
            ensure!(present.is_sorted(), "{present:?}");
            for ifindex in stay {
                ensure!(
                    present.contains(ifindex),
                    "{ifindex} is missing: {present:?}"
                );
            }
        }
    }
    Ok((round, interrupted))
}
