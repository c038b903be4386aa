// SPDX-License-Identifier: GPL-2.0

//! A classifier's life in a port, as `tc`, `ethtool` and `bpftool` show it: what is taken, what is
//! refused and why, what becomes of frames and how they are counted.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::frames::{mark_number, Frames, MARK_PASS};
use offload_tests::kmsg::Moment;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::runs;
use offload_tests::swap::live_swap;
use offload_tests::tc::{self, Runner};
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

/// The counters of what classifiers say.
const ANSWERS: &[&str] = &[
    stats::TC_HW_OK,
    stats::TC_HW_UNSPEC,
    stats::TC_HW_SHOT,
    stats::TC_HW_STOLEN,
    stats::TC_HW_TRAP,
    stats::TC_HW_REDIRECT,
];
/// A classic program that matches everything, as `tc` takes it.
const BYTECODE: &str = "1,6 0 0 4294967295,";

fn number_of(what: &str) -> Result<usize> {
    let list = Cmd::new(format!("bpftool -j {what} show")).json()?;
    Ok(list.as_array().map_or(0, Vec::len))
}

/// Waits until the kernel has as many programs and maps as before.
fn is_freed(link: &Link, [programs, maps]: [usize; 2]) -> Result<()> {
    link.await_that("nothing is left of the programs", |_| {
        Ok(number_of("prog")? == programs && number_of("map")? == maps)
    })
}

/// A port that takes filters.
fn port_of(_: &Module) -> Result<Link> {
    let port = Link::new("onic0");
    tc::prepare(&port, Runner::Device)?;
    Ok(port)
}

#[test]
fn a_filter_is_offloaded_replaced_and_removed() -> Result<()> {
    let module = Module::insert("")?;
    let port = port_of(&module)?;
    let before = [number_of("prog")?, number_of("map")?];
    let first = tc::attach(&port, Runner::Device, "tc_verdicts")?;
    let text = tc::show(&port)?;
    says(&text, &["direct-action", "skip_sw", "in_hw"])?;
    let show = first.show()?;
    ensure!(show["type"] == "sched_cls", "{show}");
    ensure!(show["dev"]["ifname"] == "onic0", "not bound: {show}");
    ensure!(show["jited"] == true, "no device image: {show}");
    ensure!(first.maps()?.len() == 2, "two maps were made");

    tc::filter(&port, "replace", 1, "tc_count", "skip_sw")?.run()?;
    let second = tc::attached(&port, 1)?;
    ensure!(second.id != first.id, "not replaced");
    ensure!(second.show()?["name"] == "count", "replaced by another");
    tc::delete(&port, 1).run()?;
    ensure!(tc::show(&port)?.trim().is_empty(), "not removed");
    is_freed(&port, before)?;

    // The slot is free again, and goes with the qdisc.
    tc::attach(&port, Runner::Device, "tc_verdicts")?;
    port.cmd("tc qdisc del dev onic0 clsact").run()?;
    is_freed(&port, before)
}

#[test]
fn the_offload_of_filters_can_be_switched_off_only_without_one() -> Result<()> {
    let module = Module::insert("")?;
    let port = port_of(&module)?;
    tc::attach(&port, Runner::Device, "tc_count")?;
    let moment = Moment::now()?;
    tc::offload(&port, false).refused()?;
    says(&moment.log()?, &["hw-tc-offload stays on", "delete it"])?;
    let features = port.cmd("ethtool -k onic0").run()?;
    says(&features, &["hw-tc-offload: on"])?;
    tc::delete(&port, 1).run()?;
    // The kernel remembers the wish, and asks again only for another one.
    tc::offload(&port, true).run()?;
    tc::offload(&port, false).run()?;
    let said = tc::filter(&port, "add", 1, "tc_count", "skip_sw")?.refused()?;
    says(&said, &["TC offload is disabled on net device"])
}

#[test]
fn filters_that_the_device_does_not_run() -> Result<()> {
    let module = Module::insert("nics=2")?;
    let port = port_of(&module)?;
    let before = [number_of("prog")?, number_of("map")?];
    let object = env::object("tc_count")?;
    let program = format!("bpf obj {} sec tc", object.display());
    let pin = "/sys/fs/bpf/tc_elsewhere";
    Cmd::new("bpftool prog load")
        .arg(&object)
        .args(format!("{pin} type classifier offload_dev onic2"))
        .run()?;
    let add = "tc filter add dev onic0";
    let refusals = [
        (
            format!("{add} ingress chain 1 {program} da skip_sw"),
            "Driver supports only offload of chain 0",
        ),
        (
            format!("{add} ingress protocol ip {program} da skip_sw"),
            "offload_nic: only ETH_P_ALL supported as filter protocol",
        ),
        (
            format!("{add} ingress {program} skip_sw action ok"),
            "offload_nic: only direct action with no legacy actions supported",
        ),
        (
            format!("{add} ingress protocol ip flower skip_sw action drop"),
            "offload_nic: only offload of BPF classifiers supported",
        ),
        (
            format!("{add} ingress bpf object-pinned {pin} da skip_sw"),
            "Program is bound to a different device",
        ),
        (
            format!("{add} egress {program} da skip_sw"),
            "Operation not supported",
        ),
    ];
    let mut outcomes = Vec::new();
    for (command, words) in refusals {
        let said = port.cmd(&command).refused();
        outcomes.push(said.and_then(|said| says(&said, &[words])).context(command));
    }
    std::fs::remove_file(pin)?;
    outcomes.into_iter().collect::<Result<()>>()?;
    // A program for the host's processor: the device can't run it.
    let said = Cmd::new(format!("{add} ingress bpf bytecode"))
        .arg(BYTECODE)
        .args("skip_sw")
        .refused()?;
    let words = "offload_nic: offload_nic configured to reject unbound programs";
    says(&said, &[words])?;
    ensure!(
        !tc::show(&port)?.contains("in_hw "),
        "something was offloaded"
    );
    is_freed(&port, before)?;
    // Unless the host has to run it as well: that is no offload, and no error.
    Cmd::new(format!("{add} ingress bpf bytecode"))
        .arg(BYTECODE)
        .run()?;
    says(&tc::show(&port)?, &["not_in_hw"])
}

#[test]
fn a_port_runs_one_program_in_the_device() -> Result<()> {
    let module = Module::insert("")?;
    let port = port_of(&module)?;
    let first = tc::attach(&port, Runner::Device, "tc_count")?;
    let said = tc::filter(&port, "add", 2, "tc_verdicts", "skip_sw")?.refused()?;
    let mismatch = "offload_nic: driver and netdev offload states mismatch";
    says(&said, &[mismatch])?;
    let said = attach_command(&port, Mode::Offload, "pass")?.refused()?;
    says(&said, &["offload_nic: TC program is already loaded"])?;
    // A replacement that can't be leaves the first.
    let said = Cmd::new("tc filter replace dev onic0 ingress prio 1 handle 1 bpf bytecode")
        .arg(BYTECODE)
        .args("da skip_sw")
        .refused()?;
    says(&said, &["configured to reject unbound programs"])?;
    let now = tc::attached(&port, 1)?;
    ensure!(now.id == first.id, "the first was replaced all the same");
    tc::offload(&port, false).refused()?;
    tc::offload(&port, true).run()?;
    tc::delete(&port, 1).run()?;

    Attached::new(&port, Mode::Offload, "pass")?;
    let said = tc::filter(&port, "add", 1, "tc_count", "skip_sw")?.refused()?;
    says(&said, &[mismatch])?;
    // What runs XDP is not in the way of switching filters off, nor of those of the host.
    tc::offload(&port, false).run()?;
    tc::attach(&port, Runner::Host, "tc_count")?;
    detach(&port, Mode::Offload)
}

/// The host runs native XDP before classifiers; the device would run them before that.
#[test]
fn native_xdp_and_an_offloaded_filter_exclude_each_other() -> Result<()> {
    let module = Module::insert("")?;
    let port = port_of(&module)?;
    tc::attach(&port, Runner::Device, "tc_count")?;
    let said = attach_command(&port, Mode::Native, "pass")?.refused()?;
    says(&said, &["offload_nic: XDP would run behind", "delete it"])?;
    tc::delete(&port, 1).run()?;
    Attached::new(&port, Mode::Native, "pass")?;
    let said = tc::filter(&port, "add", 1, "tc_count", "skip_sw")?.refused()?;
    says(&said, &["offload_nic: the filter would run before XDP"])?;
    tc::attach(&port, Runner::Host, "tc_count")?;
    detach(&port, Mode::Native)
}

#[test]
fn the_filter_goes_with_its_port() -> Result<()> {
    let before = [number_of("prog")?, number_of("map")?];
    for runner in [Runner::Device, Runner::Host] {
        let module = Module::insert("")?;
        let port = port_of(&module)?;
        tc::attach(&port, runner, "tc_verdicts")?;
        drop(module);
        ensure!(!Module::is_loaded()?, "rmmod was refused");
        is_freed(&port, before)?;
    }
    Ok(())
}

/// A cable whose far end takes filters.
fn cable() -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    tc::prepare(&cable.far, Runner::Device)?;
    Ok(cable)
}

fn some_frames(seed: u64, number: usize) -> Vec<Vec<u8>> {
    let mut source = Frames::new(seed, 1500);
    (0..number).map(|_| source.next_frame()).collect()
}

/// Sends `frames` and waits until the far end's device has taken them.
fn send_all(cable: &Cable, frames: &[Vec<u8>]) -> Result<()> {
    let taken = |far: &Link| far.statistics()?.get(stats::RX_DEVICE_FRAMES);
    let expected = taken(&cable.far)? + frames.len() as u64;
    let sender = Sender::new(&cable.near)?;
    frames.iter().try_for_each(|frame| sender.send(frame))?;
    cable
        .far
        .await_that("all frames", |far| Ok(taken(far)? == expected))
}

#[test]
fn every_frame_is_counted_by_its_verdict() -> Result<()> {
    let cable = cable()?;
    let program = tc::attach(&cable.far, Runner::Device, "tc_verdicts")?;
    let frames = some_frames(70, 2_000);
    let received = cable.far.stat("rx", "packets")?;
    send_all(&cable, &frames)?;
    let now = cable.far.statistics()?;
    // A tag that is cut off: the stack has no such frame, so the program does not see it.
    let runt =
        |frame: &&Vec<u8>| frame.len() < 20 && matches!(frame[12..14], [0x81, 0x00] | [0x88, 0xa8]);
    let seen = |choices: &[u8]| {
        let asks = |frame: &&Vec<u8>| choices.contains(&(frame[11] % 16)) && !runt(frame);
        frames.iter().filter(asks).count() as u64
    };
    for (name, choices) in [
        (stats::TC_HW_OK, &[0, 1, 2][..]),
        (stats::TC_HW_UNSPEC, &[3, 4, 5, 10, 11, 12, 13, 14, 15]),
        (stats::TC_HW_SHOT, &[6]),
        (stats::TC_HW_STOLEN, &[7]),
        (stats::TC_HW_TRAP, &[8]),
        (stats::TC_HW_REDIRECT, &[9]),
        (stats::TC_HW_REDIRECT_NO_PORT_DROPS, &[9]),
    ] {
        let (found, expected) = (now.get(name)?, seen(choices));
        ensure!(
            found == expected && found > 0,
            "{name}: {found}, not {expected}"
        );
    }
    let runs = runs(program.id)?;
    let said = |name: &str| runs.get(name).copied().unwrap_or_default();
    ensure!(
        said("shot") == seen(&[6]) && said("trap") == seen(&[8]) && said("redirect") == seen(&[9]),
        "the program's own counters: {runs:?}"
    );
    ensure!(
        said("runs") == now.sum(|name| ANSWERS.contains(&name)),
        "the program's own sum: {runs:?}"
    );
    let runts = frames.iter().filter(runt).count() as u64;
    ensure!(now.get(stats::RX_RUNT_DROPS)? == runts, "{runts} runts");
    ensure!(
        now.sum(|name| name.starts_with(stats::TC_HW_FAULT_PREFIX)) == 0,
        "a fault"
    );
    let received = cable.far.stat("rx", "packets")? - received;
    let passed = seen(&[0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
    ensure!(received == passed, "{received} received, {passed} passed");
    let answers = program.map("answers")?.dump()?;
    let counted: u64 = answers
        .values()
        .map(|value| offload_tests::bpf::words(value)[0])
        .sum();
    ensure!(
        counted + runts == frames.len() as u64,
        "{counted} in the map"
    );
    Ok(())
}

/// Packet taps see what the device lets through, and the host's classifiers what it leaves
/// undecided.
#[test]
fn what_goes_on_to_the_host() -> Result<()> {
    let cable = cable()?;
    tc::attach(&cable.far, Runner::Device, "tc_verdicts")?;
    let frames = some_frames(71, 1_000);
    let capture = Capture::start(&cable.far, "")?;
    send_all(&cable, &frames)?;
    let now = cable.far.statistics()?;
    Sender::new(&cable.near)?.end_batch(MARK_PASS, 1)?;
    let tapped = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    let passed = now.get(stats::TC_HW_OK)? + now.get(stats::TC_HW_UNSPEC)?;
    let tapped = tapped.len() as u64;
    ensure!(tapped == passed, "{passed} passed, {tapped} tapped");
    capture.stop()?;

    // Behind it, a filter that the host runs.
    tc::filter(&cable.far, "add", 2, "tc_count", "skip_hw")?.run()?;
    let counter = tc::attached(&cable.far, 2)?.map("frames")?;
    send_all(&cable, &frames)?;
    let undecided = cable.far.statistics()?.since(&now, stats::TC_HW_UNSPEC)?;
    let counted = counter.words(&[0; 4])?;
    ensure!(
        counted == [undecided],
        "{undecided} undecided, the host's classifier saw {counted:?}"
    );
    ensure!(undecided > 0, "no frame was undecided");
    Ok(())
}

#[test]
fn a_filter_without_direct_action_gives_classes() -> Result<()> {
    let cable = cable()?;
    let command = cable
        .far
        .cmd("tc filter add dev onic1 ingress prio 1 bpf obj")
        .arg(env::object("tc_class")?)
        .args("sec tc skip_sw");
    command.run()?;
    tc::filter(&cable.far, "add", 2, "tc_count", "skip_hw")?.run()?;
    let counter = tc::attached(&cable.far, 2)?.map("frames")?;
    let frames = some_frames(72, 1_000);
    send_all(&cable, &frames)?;
    let now = cable.far.statistics()?;
    let (classes, none) = (now.get(stats::TC_HW_OK)?, now.get(stats::TC_HW_UNSPEC)?);
    let is_none = |frame: &&Vec<u8>| frame[11] % 4 == 0;
    let expected = frames.iter().filter(is_none).count() as u64;
    let runts = now.get(stats::RX_RUNT_DROPS)?;
    ensure!(classes + none + runts == frames.len() as u64, "{now:?}");
    ensure!(
        (expected.saturating_sub(runts)..=expected).contains(&none),
        "{none} of {expected}"
    );
    ensure!(
        counter.words(&[0; 4])? == [none],
        "the host's classifier saw others"
    );
    Ok(())
}

/// GRO, which merges segments of a flow, does not look at marks: those of the device must not get
/// lost in it, nor may the flow get out of order.
#[test]
fn marks_of_a_tcp_flow() -> Result<()> {
    const BYTES: usize = 4 << 20;
    let _module = Module::insert("nics=1 ports=2 queues=1")?;
    let (near_ns, far_ns) = (NetNs::new("mnear")?, NetNs::new("mfar")?);
    let (mut near, mut far) = (Link::new("onic0"), Link::new("onic1"));
    for (link, ns, address) in [
        (&mut near, &near_ns, "10.9.0.1/24"),
        (&mut far, &far_ns, "10.9.0.2/24"),
    ] {
        link.move_to(ns)?;
        link.cmd(format!("ip addr add {address} dev {}", link.name))
            .run()?;
        link.set("up").run()?;
    }
    far.await_carrier()?;
    tc::prepare(&far, Runner::Device)?;
    let device = tc::attach(&far, Runner::Device, "tc_mark")?;
    tc::filter(&far, "add", 2, "tc_marked", "skip_hw")?.run()?;
    let host = tc::attached(&far, 2)?;

    let listener = far_ns.enter(|| Ok(TcpListener::bind("10.9.0.2:7000")?))?;
    let data: Vec<u8> = (0_u32..).flat_map(u32::to_be_bytes).take(BYTES).collect();
    let received = std::thread::scope(|scope| -> Result<Vec<u8>> {
        let sent = scope.spawn(|| -> Result<()> {
            let mut socket = near_ns.enter(|| Ok(TcpStream::connect("10.9.0.2:7000")?))?;
            Ok(socket.write_all(&data)?)
        });
        let mut received = Vec::new();
        listener.accept()?.0.read_to_end(&mut received)?;
        sent.join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(received)
    })?;
    ensure!(received == data, "{} bytes arrived changed", received.len());
    let counts = |program: &Attached| -> Result<[u64; 2]> {
        let map = program.map("marks")?;
        let [plain, marked] = [0_u32, 1].map(|key| map.words(&key.to_le_bytes()));
        Ok([plain?[0], marked?[0]])
    };
    let (by_device, by_host) = (counts(&device)?, counts(&host)?);
    println!("plain and marked: {by_device:?} in the device, {by_host:?} on the host");
    ensure!(by_device[1] > 100, "hardly any marked: {by_device:?}");
    ensure!(
        by_host[1] == by_device[1],
        "{by_device:?} in the device, {by_host:?} on the host"
    );
    Ok(())
}

#[test]
fn live_replacement_of_a_classifier() -> Result<()> {
    let cable = cable()?;
    let swap = |number: usize| {
        let object = ["tc_stamp_a", "tc_stamp_b"][number % 2];
        let replace = tc::filter(&cable.far, "replace", 1, object, "skip_sw")?;
        replace.run().map(drop)
    };
    live_swap(&cable, swap)
}
