// SPDX-License-Identifier: GPL-2.0

//! Maps in the device's memory, from both sides: the bpf() map calls that `bpftool`
//! makes, and the program that reads and writes the same values.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{hex, words, Attached, Map, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::frames::{Frames, JUMBO_MTU};
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::wire::Sender;
use offload_uapi::stats;

fn key(number: u8) -> Vec<u8> {
    let mut key = vec![0; 20];
    key[0] = number;
    key
}

fn rules(port: &str) -> Result<Map> {
    Attached::new(&Link::new(port), Mode::Offload, "firewall")?.map("rules")
}

#[test]
fn hash_update_flags() -> Result<()> {
    let _module = Module::insert("")?;
    let map = rules("onic0")?;
    let (one, two) = ([1; 16], [2; 16]);

    let said = map.update_command(&key(1), &one, "exist").refused()?;
    ensure!(
        said.contains("No such file"),
        "exist on an absent key: {said}"
    );
    ensure!(map.lookup(&key(1))?.is_none(), "made all the same");

    map.update_command(&key(1), &one, "noexist").run()?;
    let said = map.update_command(&key(1), &two, "noexist").refused()?;
    ensure!(said.contains("File exists"), "noexist on a key: {said}");
    ensure!(map.lookup(&key(1))?.as_deref() == Some(&one[..]), "changed");

    map.update_command(&key(1), &two, "exist").run()?;
    ensure!(
        map.lookup(&key(1))?.as_deref() == Some(&two[..]),
        "not changed"
    );
    Ok(())
}

#[test]
fn hash_walk_and_delete() -> Result<()> {
    let _module = Module::insert("")?;
    let map = rules("onic0")?;
    let keys: Vec<_> = (0..100).map(key).collect();
    map.update_all(&keys, &[5; 16])?;
    map.update(&key(99), &[6; 16])?;
    let dump = map.dump()?;
    ensure!(
        dump.keys().eq(&keys),
        "other keys dumped: {:02x?}",
        dump.keys()
    );
    for (key, value) in &dump {
        let expected = [if key[0] == 99 { 6 } else { 5 }; 16];
        ensure!(value == &expected, "key {key:02x?} has {value:02x?}");
    }

    for number in 0..10 {
        let key = hex(&key(number));
        map.cmd("delete", format!("key {key}")).run()?;
        let said = map.cmd("delete", format!("key {key}")).refused()?;
        ensure!(said.contains("No such file"), "deleted twice: {said}");
    }
    ensure!(
        map.dump()?.keys().eq(&keys[10..]),
        "not those are left that should be"
    );

    let first = map.cmd("getnext", "").json()?;
    let next = first["next_key"].as_array().context("no first key")?;
    ensure!(next.len() == 20, "{first}");
    Ok(())
}

#[test]
fn a_full_hash_refuses_one_more() -> Result<()> {
    let _module = Module::insert("")?;
    // The smallest map of the programs here has room for 16 keys of 4 bytes.
    let program = Attached::new(&Link::new("onic0"), Mode::Offload, "small_map")?;
    let map = program.map("small")?;
    let keys: Vec<_> = (0..16_u32).map(|n| n.to_le_bytes().to_vec()).collect();
    map.update_all(&keys, &[0; 8])?;
    let command = map.update_command(&99_u32.to_le_bytes(), &[0; 8], "any");
    let said = command.refused()?;
    ensure!(said.contains("Argument list too long"), "not E2BIG: {said}");
    // Replacing needs no room.
    map.update(&3_u32.to_le_bytes(), &[7; 8])?;
    map.cmd("delete", format!("key {}", hex(&4_u32.to_le_bytes())))
        .run()?;
    command.run()?;
    ensure!(map.dump()?.len() == 16, "other than 16 keys");
    Ok(())
}

#[test]
fn array_rules() -> Result<()> {
    let _module = Module::insert("")?;
    let program = Attached::new(&Link::new("onic0"), Mode::Offload, "firewall")?;
    let map = program.map("verdicts")?;
    let dump = map.dump()?;
    ensure!(dump.len() == 4, "an array has all its keys from the start");
    ensure!(dump.values().all(|value| value == &[0; 16]), "zeroed");
    let index = 2_u32.to_le_bytes();
    map.update(&index, &[9; 16])?;
    ensure!(map.lookup(&index)?.as_deref() == Some(&[9; 16][..]), "lost");

    let said = map
        .cmd("delete", format!("key {}", hex(&index)))
        .refused()?;
    ensure!(said.contains("Invalid argument"), "array delete: {said}");
    let said = map.update_command(&index, &[1; 16], "noexist").refused()?;
    ensure!(said.contains("File exists"), "array noexist: {said}");
    let outside = 4_u32.to_le_bytes();
    ensure!(map.lookup(&outside)?.is_none(), "a key beyond the end");
    let said = map.update_command(&outside, &[1; 16], "any").refused()?;
    ensure!(
        said.contains("Argument list too long"),
        "beyond the end: {said}"
    );
    let said = map.update_command(&outside, &[1; 16], "exist").refused()?;
    ensure!(
        said.contains("No such file or directory"),
        "no such element to replace: {said}"
    );
    Ok(())
}

#[test]
fn maps_show_their_device_and_go_with_it() -> Result<()> {
    let module = Module::insert("")?;
    let map = rules("onic0")?;
    let show = Cmd::new(format!("bpftool map show id {}", map.id)).run()?;
    ensure!(show.contains("offloaded_to onic0"), "{show}");
    let pin = "/sys/fs/bpf/rules";
    map.cmd("pin", pin).run()?;
    drop(module);
    // The handle stays, the device's memory does not.
    let said = Cmd::new(format!("bpftool map dump pinned {pin}")).refused();
    std::fs::remove_file(pin)?;
    ensure!(said?.contains("No such device"), "not ENODEV");
    Ok(())
}

/// User space reads and writes while the program does; each frame must be counted
/// once in every map, whatever user space does in between.
#[test]
fn both_sides_at_once() -> Result<()> {
    let cable = Cable::onic(JUMBO_MTU)?;
    let program = cable.attach("firewall")?;
    let (rules, verdicts) = (program.map("rules")?, program.map("verdicts")?);
    let mut source = Frames::new(77, JUMBO_MTU);
    let frames: Vec<_> = (0..3000).map(|_| source.next_frame()).collect();

    let observed = std::thread::scope(|scope| -> Result<_> {
        let traffic = scope.spawn(|| cable.exchange(&frames));
        let mut rounds = 0_u8;
        while !traffic.is_finished() {
            rounds = rounds.wrapping_add(1);
            // No frame has this source, so no frame is dropped.
            rules.update(&key(rounds), &[rounds; 16])?;
            let dump = rules.dump()?;
            for (key, value) in &dump {
                ensure!(value == &[key[0]; 16], "torn: {key:02x?} {value:02x?}");
            }
            rules
                .cmd("delete", format!("key {}", hex(&key(rounds))))
                .run()?;
        }
        ensure!(rounds > 0, "the traffic was over before user space came");
        traffic
            .join()
            .unwrap_or_else(|p| std::panic::resume_unwind(p))
    })?;

    let dump = verdicts.dump()?;
    let packets = |verdict: u32| words(&dump[&verdict.to_le_bytes()[..]])[0];
    ensure!(packets(1) == 0 && packets(0) == 0, "dropped without a rule");
    ensure!(packets(2) == frames.len() as u64, "{} counted", packets(2));
    ensure!(observed.bounced.is_empty(), "bounced by a firewall");
    Ok(())
}

/// What can't be foretold must still be plausible.
#[test]
fn clock_random_numbers_and_processor_id() -> Result<()> {
    let cable = Cable::onic(JUMBO_MTU)?;
    let program = cable.attach("services")?;
    let mut source = Frames::new(5, 200);
    let frames: Vec<_> = (0..600).map(|_| source.next_frame()).collect();
    cable.exchange(&frames)?;
    let cells = program.map("cells")?.dump()?;
    let cell = |index: u32| words(&cells[&index.to_le_bytes()[..]])[0];
    ensure!(cell(0) == 600, "{} frames counted", cell(0));
    ensure!(cell(1) == 0, "the clock went back {} times", cell(1));
    ensure!(cell(2) == 0, "the clock showed 0 {} times", cell(2));
    ensure!(cell(3) == 0, "processor numbers beyond any machine");
    ensure!(cell(4) == 0xffff_ffff, "bits never set: {:x}", !cell(4));
    ensure!(cell(5) == 0xffff_ffff, "bits never clear: {:x}", !cell(5));
    Ok(())
}

/// Programs on several queues write the same values at once; none of it is lost.
#[test]
fn counters_are_exact_across_queues() -> Result<()> {
    const QUEUES: u32 = 4;
    let cable = Cable::onic_with_queues(QUEUES, 1500)?;
    let program = cable.attach("firewall")?;
    let each = if env::is_slow() { 500 } else { 5000 };
    let before = cable.far.statistics()?;
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..u64::from(QUEUES))
            .map(|seed| {
                let near = &cable.near;
                scope.spawn(move || -> Result<()> {
                    let sender = Sender::new(near)?;
                    let mut source = Frames::new(seed, 1500);
                    (0..each).try_for_each(|_| sender.send(&source.next_frame()))
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
    })?;
    let sent = u64::from(QUEUES) * each;
    cable.far.await_that("every frame", |far| {
        Ok(far.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)? == sent)
    })?;

    let now = cable.far.statistics()?;
    let busy = (0..QUEUES).filter(|queue| {
        now.since(&before, &format!("rx{queue}_packets"))
            .is_ok_and(|n| n > 0)
    });
    let busy = busy.count();
    ensure!(
        busy > 1,
        "only {busy} queue had frames: nothing was at once"
    );
    let counted = program.map("verdicts")?.words(&2_u32.to_le_bytes())?;
    let bytes = now.since(&before, stats::RX_DEVICE_BYTES)?;
    ensure!(
        counted == [sent, bytes],
        "{sent} frames of {bytes} bytes, but the program counted {counted:?}"
    );
    Ok(())
}
