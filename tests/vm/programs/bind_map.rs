// SPDX-License-Identifier: GPL-2.0

//! `BPF_PROG_BIND_MAP`: maps that user space gives to a program of the device when it has been
//! loaded, and is attached, and frames come in. The core puts a new table of maps in place of the
//! program's old one for each of them, and takes maps of the host's and of other devices. None of
//! that is the device's business: it runs with the maps that the program was translated with.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use anyhow::{ensure, Context, Result};
use offload_tests::bind::Binder;
use offload_tests::bpf::{detach, Attached, Map, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::link::{await_that, Link};
use offload_tests::netns;
use offload_tests::nic::Nic;
use offload_tests::tc::{self, Runner};
use offload_tests::traffic::each_arrives;
use offload_uapi::client::Client;
use offload_uapi::netlink::{Slot, Verdict};

/// An EtherType that the firewall passes and counts.
const COUNTED: u16 = 0x88b8;
/// Threads that bind maps to one program.
const BINDERS: usize = 3;

/// Maps that each of these threads binds.
fn how_many() -> usize {
    if env::is_slow() {
        60
    } else {
        200
    }
}

/// Numbers of the maps called `name` that there are.
fn maps_called(name: &str) -> Result<Vec<u64>> {
    let list = Cmd::new("bpftool -j map show").json()?;
    let maps = list.as_array().into_iter().flatten();
    let found = maps.filter(|map| map["name"] == name);
    Ok(found.filter_map(|map| map["id"].as_u64()).collect())
}

/// The numbers of the maps that the kernel counts as the program's.
fn map_ids(program: &Attached) -> Result<Vec<u64>> {
    let show = program.show()?;
    let ids = show["map_ids"].as_array().context("no maps")?;
    Ok(ids.iter().filter_map(|id| id.as_u64()).collect())
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Binds maps to `programs` from several threads, while others do each of `meanwhile` again and
/// again, at least twice.
fn bind_while(
    binder: &Binder,
    programs: &[&Attached],
    meanwhile: &[&(dyn Fn(usize) -> Result<()> + Sync)],
) -> Result<()> {
    let end = AtomicBool::new(false);
    let again = |work: &(dyn Fn(usize) -> Result<()> + Sync), rounds: &AtomicUsize| -> Result<()> {
        while !end.load(Ordering::Relaxed) || rounds.load(Ordering::Relaxed) < 2 {
            work(rounds.fetch_add(1, Ordering::Relaxed))?;
        }
        Ok(())
    };
    let rounds: Vec<_> = meanwhile.iter().map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| -> Result<()> {
        let others: Vec<_> = meanwhile
            .iter()
            .zip(&rounds)
            .map(|(work, rounds)| scope.spawn(|| again(work, rounds)))
            .collect();
        let programs = programs.iter().cycle().take(BINDERS * programs.len());
        let binders: Vec<_> = programs
            .map(|program| scope.spawn(|| binder.new_maps(program.id, how_many())))
            .collect();
        let bound: Vec<_> = binders.into_iter().map(joined).collect();
        end.store(true, Ordering::Relaxed);
        let done: Vec<_> = others.into_iter().map(joined).collect();
        bound.into_iter().chain(done).collect()
    })?;
    println!("meanwhile {rounds:?} times");
    Ok(())
}

/// Has the kernel compare what is in `slot` of `link`: it is what the host has there, too, if it has
/// anything.
fn compare(link: &Link, slot: Slot) -> Result<impl Fn(usize) -> Result<()> + Sync + '_> {
    let ifindex = link.index()?;
    Ok(move |_| {
        let found = netns::enter(link.ns.as_deref(), || {
            Ok(Client::connect()?.slot(ifindex, slot)?)
        })?;
        let is_right = found.verdict == Verdict::OnlyDevice || found.verdict == Verdict::Equal;
        ensure!(is_right, "{link}: {found:?}");
        Ok(())
    })
}

/// What a user looks at.
fn look(program: &Attached) -> impl Fn(usize) -> Result<()> + Sync + '_ {
    |_| {
        program.show()?;
        let id = program.id;
        Cmd::new(format!("bpftool prog dump xlated id {id}")).run()?;
        Ok(())
    }
}

/// Loads the firewall for `link` and pins it as `name`, with maps of its own or with `maps`.
fn firewall(link: &Link, name: &str, maps: &[(&str, &Map)]) -> Result<(String, Attached)> {
    let pin = format!("/sys/fs/bpf/{name}");
    let mut load = link
        .cmd("bpftool prog load")
        .arg(env::object("firewall")?)
        .args(format!("{pin} type xdp offload_dev {}", link.name));
    for (name, map) in maps {
        load = load.args(format!("map name {name} id {}", map.id));
    }
    load.run()?;
    let program = Attached::pinned(link, &pin)?;
    Ok((pin, program))
}

#[test]
fn maps_are_bound_to_a_program_that_runs() -> Result<()> {
    let binder = Binder::new()?;
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    // Two programs with the same maps, so that putting one in the other's place loses no count.
    let (one_pin, one) = firewall(far, "bound_one", &[])?;
    let (rules, verdicts) = (one.map("rules")?, one.map("verdicts")?);
    let maps = [("rules", &rules), ("verdicts", &verdicts)];
    let (two_pin, two) = firewall(far, "bound_two", &maps)?;
    let swap = |number: usize| {
        let pin = [&one_pin, &two_pin][number % 2];
        let target = format!("dev {} xdpoffload pinned {pin}", far.name);
        far.cmd("ip -force link set").args(target).run().map(drop)
    };
    // One that is translated with maps which others are bound beside meanwhile.
    let load = |_: usize| {
        let (pin, _) = firewall(far, "bound_three", &maps)?;
        Ok(std::fs::remove_file(pin)?)
    };
    swap(1)?;

    let arrived = each_arrives(&cable, COUNTED, || {
        let (look_one, look_two) = (look(&one), look(&two));
        let compare = compare(far, Slot::Xdp)?;
        let meanwhile: &[&(dyn Fn(usize) -> Result<()> + Sync)] =
            &[&swap, &load, &look_one, &look_two, &compare];
        bind_while(&binder, &[&one, &two], meanwhile)
    })?;
    let passed = verdicts.words(&2_u32.to_le_bytes())?;
    ensure!(
        passed.first() == Some(&(arrived.len() as u64)),
        "{passed:?} counted, {} arrived",
        arrived.len()
    );
    for program in [&one, &two] {
        let ids = map_ids(program)?;
        ensure!(
            ids.len() == 2 + BINDERS * how_many()
                && ids.contains(&rules.id)
                && ids.contains(&verdicts.id),
            "program {} has maps {ids:?}",
            program.id
        );
    }
    let bound = maps_called("bound")?.len();
    ensure!(bound == 2 * BINDERS * how_many(), "{bound} maps are bound");

    // A program keeps what was bound to it as long as it is there, and no longer.
    for pin in [one_pin, two_pin] {
        std::fs::remove_file(pin)?;
    }
    detach(far, Mode::Offload)?;
    await_that("the maps to go with the programs", || {
        Ok(maps_called("bound")?.is_empty() && maps_called("verdicts")?.is_empty())
    })
}

#[test]
fn maps_are_bound_to_a_filter_that_runs() -> Result<()> {
    let binder = Binder::new()?;
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    tc::prepare(far, Runner::Device)?;
    let filter = tc::attach(far, Runner::Device, "tc_count")?;
    let frames = filter.map("frames")?;
    // The driver is told of a filter behind it, too, with its program.
    let others = |number: usize| {
        let command = if number % 2 == 0 {
            tc::filter(far, "add", 2, "tc_count", "")?
        } else {
            tc::delete(far, 2)
        };
        command.run().map(drop)
    };
    let arrived = each_arrives(&cable, COUNTED, || {
        let look = look(&filter);
        let compare = compare(far, Slot::TcIngress)?;
        bind_while(&binder, &[&filter], &[&others, &look, &compare])
    })?;
    let counted = frames.words(&0_u32.to_le_bytes())?;
    // Beside the frames, the marks between them.
    ensure!(
        counted.first() >= Some(&(arrived.len() as u64)),
        "{counted:?} counted, {} arrived",
        arrived.len()
    );
    let ids = map_ids(&filter)?;
    ensure!(ids.len() == 1 + BINDERS * how_many(), "{ids:?}");
    tc::delete(far, 1).run()?;
    await_that("the maps to go with the filter", || {
        Ok(maps_called("bound")?.is_empty())
    })
}

#[test]
fn a_map_of_another_device_goes_away() -> Result<()> {
    let binder = Binder::new()?;
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let program = cable.attach("firewall")?;
    let verdicts = program.map("verdicts")?;
    let other = Nic::new(7, 1, 1)?;
    let port = other.ports()?.first().cloned().context("no port")?;
    let foreign = Attached::new(&port, Mode::Offload, "flows")?.map("flows")?;
    binder.map(program.id, foreign.id)?;
    ensure!(map_ids(&program)?.contains(&foreign.id), "not bound");
    // The memory of the map is the other device's, and goes with it.
    other.remove()?;

    let arrived = each_arrives(&cable, COUNTED, || {
        let (look, compare) = (look(&program), compare(far, Slot::Xdp)?);
        bind_while(&binder, &[&program], &[&look, &compare])
    })?;
    let passed = verdicts.words(&2_u32.to_le_bytes())?;
    ensure!(
        passed.first() == Some(&(arrived.len() as u64)),
        "{passed:?} counted, {} arrived",
        arrived.len()
    );
    cable.detach()
}
