// SPDX-License-Identifier: GPL-2.0

//! Asking while programs, ports and NICs come and go.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{bail, ensure, Context, Result};
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

fn is_ascending<T>(answers: &[T], number: impl Fn(&T) -> (u32, u32)) -> Result<()> {
    for pair in answers.windows(2) {
        let [one, next] = [number(&pair[0]), number(&pair[1])];
        ensure!(one < next, "{next:?} after {one:?}");
    }
    Ok(())
}

/// Loads and removes a program again and again, in and out of the slot of a port of NIC 0.
fn programs_come_and_go(link: &Link, end: &AtomicBool) -> Result<usize> {
    let mut rounds = 0;
    while !end.load(Ordering::Relaxed) {
        let object = ["pass", "firewall"][rounds % 2];
        link.set("xdpoffload obj")
            .arg(env::object(object)?)
            .args("sec xdp")
            .run()?;
        detach(link, Mode::Offload)?;
        rounds += 1;
    }
    Ok(rounds)
}

/// Makes NICs with ports and takes them away, with a program in them or not.
fn nics_come_and_go(end: &AtomicBool) -> Result<usize> {
    let mut rounds = 0;
    while !end.load(Ordering::Relaxed) {
        let nic = Nic::new(7, 3, 1)?;
        nic.ask("new_port", "5").context("new_port")?;
        nic.ask("del_port", "0").context("del_port")?;
        if rounds % 2 == 0 {
            let ports = nic.ports()?;
            ports[0]
                .set("xdpoffload obj")
                .arg(env::object("pass")?)
                .args("sec xdp")
                .run()?;
        }
        nic.remove()?;
        rounds += 1;
    }
    Ok(rounds)
}

#[test]
fn every_dump_is_consistent() -> Result<()> {
    let _module = Module::insert("nics=2 ports=2 queues=1")?;
    let stays = Nic { id: 0 }.ports()?;
    let [left, right] = stays.as_slice() else {
        bail!("{stays:?}")
    };
    let end = AtomicBool::new(false);
    let dumps = how_many();
    std::thread::scope(|scope| {
        let programs = scope.spawn(|| programs_come_and_go(left, &end));
        let nics = scope.spawn(|| nics_come_and_go(&end));
        let result = ask_again_and_again(dumps, &[left.index()?, right.index()?]);
        end.store(true, Ordering::Relaxed);
        let mut rounds = [0; 2];
        for (rounds, thread) in rounds.iter_mut().zip([programs, nics]) {
            *rounds = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        let interrupted = result?;
        println!("{dumps} dumps, {interrupted} given up; {rounds:?} programs and NICs");
        ensure!(
            rounds.iter().all(|rounds| *rounds > 0),
            "nothing has come and gone"
        );
        ensure!(
            interrupted < dumps / 4,
            "{interrupted} of {dumps} dumps given up"
        );
        Ok(())
    })?;
    // All that came has gone, and is not kept by who has asked for it.
    let mut client = Client::connect()?;
    await_that("programs to be gone", || {
        Ok(client.programs(None)?.is_empty())
    })?;
    ensure!(client.devices()?.len() == 4, "{:?}", client.devices()?);
    Ok(())
}

/// Asks for all that there is, `dumps` times, and gives how often there was no answer in time. The
/// interfaces `stay`.
fn ask_again_and_again(dumps: usize, stay: &[u32]) -> Result<usize> {
    let mut client = Client::connect()?;
    let mut interrupted = 0;
    for round in 0..dumps {
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
                        let named = program.program.id == Some(program.id);
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
    Ok(interrupted)
}
