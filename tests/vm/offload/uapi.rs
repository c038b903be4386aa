// SPDX-License-Identifier: GPL-2.0

//! Programs in the device, through the crate `offload_uapi`, as a program of a user's would ask.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{anyhow, bail, ensure, Context, Result};
use nix::errno::Errno;
use offload_tests::bpf::{attach_command, detach, digests, Attached, Mode};
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::{program_files, Nic};
use offload_uapi::client::Client;
use offload_uapi::error::Error;
use offload_uapi::events::Events;
use offload_uapi::netlink::{DigestAlgorithm, Policy, ProgramKind, Slot, State, Verdict};
use offload_uapi::object::Object;
use offload_uapi::types::{hex, Device, Event, Program, SlotReport};

/// The program must be that of `object`, by both digests.
fn is(program: Option<&Program>, object: &str) -> Result<()> {
    let program = program.context("no program")?;
    let expected = digests(object)?;
    for algorithm in DigestAlgorithm::ALL {
        // The kernel knows its own programs by SHA-256 only.
        let found = program.digest(*algorithm);
        let required = *algorithm == DigestAlgorithm::Sha256;
        ensure!(
            found.map_or(!required, |found| found == expected.by(*algorithm)),
            "{object}: {} is {found:02x?}",
            algorithm.name()
        );
    }
    Ok(())
}

/// The error number of a refusal, and its words.
fn refusal<T>(result: Result<T, Error>) -> Result<(Errno, String)> {
    match result {
        Ok(_) => bail!("it is permitted"),
        Err(Error::Refused(refusal)) => {
            let words = refusal.message.clone().unwrap_or_default();
            Ok((Errno::from_raw(refusal.errno), words))
        }
        Err(other) => Err(other.into()),
    }
}

fn device<'a>(devices: &'a [Device], name: &str) -> Result<&'a Device> {
    let found = devices.iter().find(|device| device.ifname == name);
    found.with_context(|| format!("no {name} in {devices:?}"))
}

#[test]
fn a_family_that_is_missing_is_told_as_such() -> Result<()> {
    if Module::is_loaded()? {
        Module::remove()?;
    }
    ensure!(matches!(Client::connect(), Err(Error::FamilyMissing)));
    ensure!(matches!(Events::subscribe(), Err(Error::FamilyMissing)));
    let module = Module::insert("")?;
    let mut client = Client::connect()?;
    client.devices()?;
    drop(module);
    let (errno, _) = refusal(client.devices())?;
    ensure!(errno == Errno::ENOENT, "the family is gone: {errno}");
    Ok(())
}

/// The code of the crate's documentation, which is compiled there and run here.
#[test]
fn what_the_documentation_shows() -> Result<()> {
    let _module = Module::insert("")?;
    let mut events = Events::subscribe()?;
    let mut client = Client::connect()?;
    for device in client.devices()? {
        for slot in client.slots(Some(device.ifindex))? {
            println!("{}: {}: {}", device.ifname, slot.slot, slot.verdict);
        }
    }
    for device in client.devices()? {
        client.set_policy(device.ifindex, Policy::RequireEqual)?;
        let slot = client.slot(device.ifindex, Slot::Xdp)?;
        if slot.verdict == Verdict::Different {
            println!("{}: the device runs something else", device.ifname);
        }
    }
    for event in events.by_ref().take(2) {
        match event? {
            Event::SlotFault(slot) => {
                eprintln!("interface {}: {} faulted", slot.ifindex, slot.slot);
            }
            other => println!("{other:?}"),
        }
    }
    let file = fs::read(env::object("firewall")?)?;
    for program in Object::parse(&file)?.programs() {
        let program = program?;
        println!("{} {}", hex(&program.digests().sha256), program.name);
    }
    Ok(())
}

#[test]
fn a_program_is_followed_through_its_life() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let mut client = Client::connect()?;
    let mut events = client.events()?;
    let devices = client.devices()?;
    ensure!(devices.len() == 2, "{devices:?}");
    let ifindex = device(&devices, "onic1")?.ifindex;
    ensure!(ifindex == port.index()?, "{devices:?}");
    ensure!(
        client.device(ifindex)?.policy == Policy::Report,
        "{devices:?}"
    );
    ensure!(
        client.programs(None)?.is_empty(),
        "programs before the first"
    );
    let empty = client.slot(ifindex, Slot::Xdp)?;
    ensure!(
        empty.verdict == Verdict::None && empty.device.is_none(),
        "{empty:?}"
    );
    ensure!(
        events.try_next()?.is_none(),
        "an event before anything happened"
    );

    let attached = Attached::new(&port, Mode::Offload, "calls")?;
    let id = u32::try_from(attached.id)?;
    let programs = client.programs(Some(ifindex))?;
    ensure!(
        programs.len() == 1 && programs[0].id == Some(id),
        "{programs:?}"
    );
    let found = client.program(ifindex, id)?.program;
    is(Some(&found), "calls")?;
    ensure!(found.kind == ProgramKind::Xdp, "{found:?}");
    ensure!(
        found.state.is_some_and(|state| state == State::Active),
        "{found:?}"
    );
    ensure!(found.name.as_deref() == Some("calls"), "{found:?}");
    let tag = attached.show()?["tag"].as_str().map(str::to_owned);
    ensure!(found.tag().map(hex) == tag, "bpftool says {tag:?}");
    let image = client.image(ifindex, id)?;
    ensure!(
        found.image_size == u32::try_from(image.bytes.len()).ok(),
        "{found:?}"
    );
    ensure!(found.image_format == Some(image.format), "{found:?}");
    let slots = client.slots(Some(ifindex))?;
    ensure!(slots.len() == Slot::ALL.len(), "{slots:?}");

    detach(&port, Mode::Offload)?;
    let expected = ["load", "activate", "remove", "unload"];
    for expected in expected {
        let event = events.next().context("no end")??;
        let (found, program) = match &event {
            Event::ProgramLoad(program) => ("load", program.id),
            Event::SlotActivate(slot) => ("activate", slot.device.as_ref().and_then(|it| it.id)),
            Event::SlotRemove(_) => ("remove", Some(id)),
            Event::ProgramUnload(_) => ("unload", Some(id)),
            _ => ("another", None),
        };
        ensure!(
            found == expected && program == Some(id),
            "{expected}: {event:?}"
        );
    }
    ensure!(events.try_next()?.is_none(), "an event too many");
    let stats = client.stats(ifindex)?;
    ensure!(stats.activations == 1 && stats.removals == 1, "{stats:?}");
    ensure!(client.all_stats()?.contains(&stats), "{stats:?}");
    Ok(())
}

#[test]
fn device_and_kernel_are_compared() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let ifindex = port.index()?;
    let mut client = Client::connect()?;
    let mut verdict = |expected: Verdict| -> Result<SlotReport> {
        let slot = client.slot(ifindex, Slot::Xdp)?;
        ensure!(slot.verdict == expected, "{expected:?}: {slot:?}");
        Ok(slot)
    };
    Attached::new(&port, Mode::Native, "stamp_a")?;
    let slot = verdict(Verdict::OnlyKernel)?;
    is(slot.kernel.as_ref(), "stamp_a")?;
    Attached::new(&port, Mode::Offload, "stamp_a")?;
    let slot = verdict(Verdict::Equal)?;
    is(slot.device.as_ref(), "stamp_a")?;
    is(slot.kernel.as_ref(), "stamp_a")?;
    detach(&port, Mode::Native)?;
    verdict(Verdict::OnlyDevice)?;
    Attached::new(&port, Mode::Native, "stamp_b")?;
    let slot = verdict(Verdict::Different)?;
    is(slot.kernel.as_ref(), "stamp_b")?;
    Ok(())
}

#[test]
fn a_policy_refuses_with_both_digests() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let ifindex = port.index()?;
    let mut client = Client::connect()?;
    let mut events = client.events()?;
    client.set_policy(ifindex, Policy::RequireEqual)?;
    ensure!(client.device(ifindex)?.policy == Policy::RequireEqual);
    let event = events.next().context("no end")??;
    ensure!(
        matches!(&event, Event::DevChange(device) if device.policy == Policy::RequireEqual),
        "{event:?}"
    );

    Attached::new(&port, Mode::Native, "stamp_a")?;
    let refused = attach_command(&port, Mode::Offload, "stamp_b")?.refused()?;
    for object in ["stamp_a", "stamp_b"] {
        let tag = hex(digests(object)?.tag());
        ensure!(refused.contains(&tag), "{object} has {tag}: {refused}");
    }
    let refused = loop {
        match events.next().context("no end")?? {
            Event::SlotMismatch(slot) => break slot,
            Event::ProgramLoad(_) | Event::SlotActivate(_) => {}
            other => bail!("{other:?}"),
        }
    };
    is(refused.device.as_ref(), "stamp_b")?;
    is(refused.kernel.as_ref(), "stamp_a")?;
    ensure!(client.stats(ifindex)?.refusals == 1);

    Attached::new(&port, Mode::Offload, "stamp_a")?;
    let slot = client.slot(ifindex, Slot::Xdp)?;
    ensure!(
        slot.verdict == Verdict::Equal && slot.replaces_kernel,
        "{slot:?}"
    );
    Ok(())
}

#[test]
fn a_changed_memory_is_noticed() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let ifindex = port.index()?;
    let mut client = Client::connect()?;
    let attached = Attached::new(&port, Mode::Offload, "stamp_a")?;
    let mut events = client.events()?;
    fs::write(program_files(attached.id)?.join("flip_bit"), "37").context("flip a bit")?;
    let slot = client.slot(ifindex, Slot::Xdp)?;
    let program = slot.device.as_ref().context("no program")?;
    ensure!(
        program.state.is_some_and(|state| state == State::Faulted),
        "{slot:?}"
    );
    let expected = digests("stamp_a")?;
    ensure!(
        program.digest(DigestAlgorithm::Sha256) != Some(&expected.sha256),
        "{slot:?}"
    );
    let event = events.next().context("no end")??;
    ensure!(
        matches!(&event, Event::SlotFault(slot) if slot.ifindex == ifindex),
        "{event:?}"
    );
    ensure!(client.stats(ifindex)?.faults == 1);
    Ok(())
}

#[test]
fn refusals_have_words() -> Result<()> {
    let _module = Module::insert("")?;
    let mut client = Client::connect()?;
    let index = Link::new("onic0").index()?;
    for (result, expected) in [
        (client.device(1).map(drop), Errno::EOPNOTSUPP),
        (client.stats(99_999).map(drop), Errno::ENODEV),
        (client.programs(Some(1)).map(drop), Errno::EOPNOTSUPP),
        (client.program(index, 4_000_000).map(drop), Errno::ENOENT),
        (client.image(index, 4_000_000).map(drop), Errno::ENOENT),
        (client.device(0).map(drop), Errno::ERANGE),
    ] {
        let (errno, words) = refusal(result)?;
        ensure!(errno == expected && !words.is_empty(), "{errno} {words:?}");
    }
    Ok(())
}

#[test]
fn namespaces_are_apart() -> Result<()> {
    let _module = Module::insert("")?;
    let ns = NetNs::new("apart")?;
    let mut far = Link::new("onic1");
    let here = far.index()?;
    let mut client = Client::connect()?;
    let mut events_here = Events::subscribe()?;
    far.move_to(&ns)?;
    let mut there = ns.enter(|| Ok(Client::connect()?))?;
    let mut events_there = ns.enter(|| Ok(Events::subscribe()?))?;
    let devices = there.devices()?;
    ensure!(
        devices.len() == 1 && devices[0].ifname == "onic1",
        "{devices:?}"
    );
    ensure!(
        client.devices()?.len() == 1,
        "onic1 is seen from where it was"
    );
    let (errno, _) = refusal(client.slot(here, Slot::Xdp))?;
    ensure!(errno == Errno::ENODEV, "{errno}");
    there.set_policy(devices[0].ifindex, Policy::RequireEqual)?;
    let event = events_there.next().context("no end")??;
    ensure!(matches!(event, Event::DevChange(_)), "{event:?}");
    ensure!(events_here.try_next()?.is_none(), "an event from elsewhere");
    Ok(())
}

/// How often everything is asked for, and how many programs and NICs come and go meanwhile, at least.
fn churn() -> (usize, usize) {
    if env::is_slow() {
        (1_000, 4)
    } else {
        (10_000, 20)
    }
}

/// While programs and NICs come and go, no answer is torn: what is told of one program or interface
/// fits together, and everything that stays is always there.
#[test]
fn dumps_are_whole_whatever_happens() -> Result<()> {
    // So many ports that no dump fits into one message of the socket.
    let _module = Module::insert("ports=32 queues=1")?;
    let port = Link::new("onic1");
    let ifindex = port.index()?;
    let id = Some(u32::try_from(
        Attached::new(&port, Mode::Offload, "calls")?.id,
    )?);
    let load = Cmd::new("bpftool prog load")
        .arg(env::object("stamp_b")?)
        .args("/sys/fs/bpf/coming type xdp offload_dev onic0");
    let stop = AtomicBool::new(false);
    let (programs, nics) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let comes_and_goes = |count: &AtomicUsize, work: &dyn Fn() -> Result<()>| -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            work().inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let loader = scope.spawn(|| {
            comes_and_goes(&programs, &|| {
                load.run()?;
                Ok(fs::remove_file("/sys/fs/bpf/coming")?)
            })
        });
        let maker = scope.spawn(|| comes_and_goes(&nics, &|| Nic::new(7, 4, 1)?.remove()));
        let (least, changes) = churn();
        let asked = ask_for_all(ifindex, id, |round| {
            let few = |count: &AtomicUsize| count.load(Ordering::Relaxed) < changes;
            !stop.load(Ordering::Relaxed) && (round < least || few(&programs) || few(&nics))
        });
        stop.store(true, Ordering::Relaxed);
        for thread in [loader, maker] {
            thread.join().map_err(|_| anyhow!("a panic"))??;
        }
        let (rounds, given_up) = asked?;
        println!(
            "{rounds} dumps, of which {given_up} were given up; {programs:?} programs and {nics:?} \
             NICs came and went"
        );
        // Each of these was torn many times in a row.
        ensure!(
            given_up * 10 < rounds,
            "{given_up} of {rounds} dumps given up"
        );
        Ok(())
    })
}

/// Asks for everything while `goes_on`; how many dumps there were, and how many were given up.
fn ask_for_all(
    ifindex: u32,
    id: Option<u32>,
    goes_on: impl Fn(usize) -> bool,
) -> Result<(usize, usize)> {
    let mut client = Client::connect()?;
    let (mut rounds, mut given_up) = (0, 0);
    while goes_on(rounds) {
        let whole = match rounds % 4 {
            0 => client.devices().map(|all| {
                let unique: BTreeSet<_> = all.iter().map(|device| device.ifindex).collect();
                unique.len() == all.len() && unique.contains(&ifindex) && all.len() >= 32
            }),
            1 => client.slots(None).map(|all| {
                let ours = all.iter().filter(|slot| slot.ifindex == ifindex);
                ours.count() == Slot::ALL.len() && all.len() % Slot::ALL.len() == 0
            }),
            2 => client.programs(None).map(|all| {
                let unique: BTreeSet<_> = all.iter().map(|program| program.id).collect();
                unique.len() == all.len() && unique.contains(&id)
            }),
            _ => client.all_stats().map(|all| {
                let ours = all.iter().filter(|stats| stats.ifindex == ifindex);
                ours.count() == 1 && all.len() >= 32
            }),
        };
        match whole {
            Ok(whole) => ensure!(whole, "dump {rounds} lacks something"),
            Err(Error::Interrupted { .. }) => given_up += 1,
            Err(other) => return Err(other.into()),
        }
        rounds += 1;
    }
    Ok((rounds, given_up))
}
