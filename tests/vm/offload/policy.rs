// SPDX-License-Identifier: GPL-2.0

//! What the policy of an interface permits and refuses.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::kmsg;
use offload_tests::tc;
use offload_tests::traffic::each_arrives;
use offload_uapi::netlink::{Policy, Slot, Verdict};
use offload_uapi::types::{hex, Event, Known};

use crate::observer::Observer;
use crate::sha256;

/// The EtherType of the frames that `tests/bpf/once.bpf.c` counts in.
const ONCE: u16 = 0x88b7;

/// The tags of the XDP programs in these objects.
fn tags(cable: &Cable, objects: [&str; 2]) -> Result<[String; 2]> {
    let tag = |object| -> Result<String> {
        let program = Attached::new(&cable.far, Mode::Offload, object)?;
        let tag = program.show()?["tag"]
            .as_str()
            .context("no tag")?
            .to_owned();
        detach(&cable.far, Mode::Offload)?;
        Ok(tag)
    };
    let mut observer = Observer::new(&cable.far)?;
    let [one, other] = objects;
    let tags = [tag(one)?, tag(other)?];
    // The kernel removes what nobody has any more when it finds the time, and who listens is told
    // when it is gone.
    let mut left = objects.len();
    while left > 0 {
        let event = observer.next_event("programs to be gone", |_| true)?;
        left -= usize::from(matches!(event, Event::ProgramUnload(_)));
    }
    Ok(tags)
}

#[test]
fn only_equal_programs_are_activated() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let [pass, drop] = tags(&cable, ["pass", "drop"])?;
    let mut observer = Observer::new(far)?;
    observer.set(Policy::RequireEqual)?;
    observer.next_event("the policy", |event| {
        matches!(event, Event::DevChange(device)
            if device.policy == Known::Is(Policy::RequireEqual))
    })?;
    // To set it again changes nothing.
    observer.set(Policy::RequireEqual)?;
    observer.no_event()?;

    let refused = |mode, object: &str, device: &str, kernel: &str| -> Result<String> {
        let moment = kmsg::Moment::now()?;
        let said = attach_command(far, mode, object)?.refused()?;
        let text = format!("XDP: device {device}, kernel {kernel}: policy require-equal");
        ensure!(said.contains(&text), "{text}, and not: {said}");
        moment.log()
    };
    refused(Mode::Offload, "pass", &pass, "none")?;
    let is_load = |event: &Event| matches!(event, Event::ProgramLoad(_));
    let is_unload = |event: &Event| matches!(event, Event::ProgramUnload(_));
    observer.next_event("loaded", is_load)?;
    observer.next_event("refused", |event| {
        matches!(event, Event::SlotMismatch(slot)
            if slot.verdict == Known::Is(Verdict::OnlyDevice) && slot.device.is_some())
    })?;
    observer.next_event("unloaded", is_unload)?;

    let native = Attached::new(far, Mode::Native, "pass")?;
    let log = refused(Mode::Offload, "drop", &drop, &pass)?;
    observer.next_event("loaded", is_load)?;
    let event = observer.next_event("refused", |event| {
        matches!(event, Event::SlotMismatch(slot)
            if slot.verdict == Known::Is(Verdict::Different))
    })?;
    observer.next_event("unloaded", is_unload)?;
    let Event::SlotMismatch(slot) = event else {
        anyhow::bail!("{event:?}")
    };
    for program in [slot.device, slot.kernel] {
        let digest = hex(sha256(&program.context("a program")?)?);
        ensure!(log.contains(&digest), "{digest} is not in the log: {log}");
    }
    ensure!(
        Attached::of(far, Mode::Offload)?.is_none(),
        "it is attached"
    );

    let device = Attached::new(far, Mode::Offload, "pass")?;
    let is_activation = |event: &Event| {
        matches!(event, Event::SlotActivate(slot)
            if slot.replaces_kernel && slot.verdict == Known::Is(Verdict::Equal))
    };
    let event = observer.next_event("loaded", is_load)?;
    ensure!(
        matches!(&event, Event::ProgramLoad(it) if it.id.map(u64::from) == Some(device.id)),
        "{event:?}"
    );
    observer.next_event("activated", is_activation)?;
    let slot = observer.expect(Slot::Xdp, Verdict::Equal)?;
    ensure!(slot.replaces_kernel, "{slot:?}");
    let kernel = slot.kernel.context("kernel")?;
    ensure!(kernel.id.map(u64::from) == Some(native.id), "{kernel:?}");

    // The kernel's may go and come, but no other one come.
    detach(far, Mode::Native)?;
    refused(Mode::Native, "drop", &pass, &drop)?;
    observer.next_event("refused", |event| matches!(event, Event::SlotMismatch(_)))?;
    Attached::new(far, Mode::Native, "pass")?;
    detach(far, Mode::Offload)?;
    observer.next_event("removed", |event| {
        matches!(event, Event::SlotRemove(slot)
            if slot.device.is_none() && slot.verdict == Known::Is(Verdict::OnlyKernel))
    })?;
    let stats = observer.stats()?;
    ensure!(
        (
            stats.refusals,
            stats.activations,
            stats.removals,
            stats.faults
        ) == (3, 3, 3, 0),
        "{stats:?}"
    );
    Ok(())
}

#[test]
fn the_policy_is_refused_while_programs_differ() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let [pass, drop] = tags(&cable, ["pass", "drop"])?;
    let mut observer = Observer::new(far)?;
    let mut refused = |text: String| -> Result<()> {
        let error = observer
            .set(Policy::RequireEqual)
            .err()
            .context("a refusal")?;
        ensure!(
            error.to_string().contains(&text),
            "{text}, and not: {error}"
        );
        let device = observer.client.device(observer.ifindex)?;
        ensure!(device.policy == Known::Is(Policy::Report), "{device:?}");
        Ok(())
    };
    Attached::new(far, Mode::Offload, "pass")?;
    refused(format!("XDP: device {pass}, kernel none"))?;
    Attached::new(far, Mode::Native, "drop")?;
    refused(format!("XDP: device {pass}, kernel {drop}"))?;
    far.cmd(format!("ip -force link set dev {} xdpdrv obj", far.name))
        .arg(env::object("pass")?)
        .args("sec xdp")
        .run()?;
    observer.set(Policy::RequireEqual)?;
    let slot = observer.expect(Slot::Xdp, Verdict::Equal)?;
    ensure!(slot.replaces_kernel, "{slot:?}");
    observer.set(Policy::Report)?;
    let slot = observer.expect(Slot::Xdp, Verdict::Equal)?;
    ensure!(!slot.replaces_kernel, "{slot:?}");
    Ok(())
}

#[test]
fn features_stay_as_they_are() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut observer = Observer::new(far)?;
    let shown = |feature: &str| -> Result<bool> {
        let all = far.cmd(format!("ethtool -k {}", far.name)).run()?;
        let line = all.lines().find(|line| line.trim().starts_with(feature));
        Ok(line.context("no such feature")?.contains(": on"))
    };
    let switch = |feature: &str, word: &str| {
        let line = format!("ethtool -K {} {feature} {word}", far.name);
        // It fails if nothing has changed, and that is looked at here.
        far.cmd(line).output()
    };
    // Off since the cable was made.
    ensure!(!shown("tcp-segmentation-offload:")?, "TSO is on");
    observer.set(Policy::RequireEqual)?;
    let moment = kmsg::Moment::now()?;
    switch("hw-tc-offload", "on")?;
    switch("tso", "on")?;
    ensure!(
        !shown("hw-tc-offload:")? && !shown("tcp-segmentation-offload:")?,
        "a feature is on"
    );
    let log = moment.log()?;
    for text in ["TC: what is off stays off", "GSO: what is off stays off"] {
        ensure!(log.contains(text), "{text} is not in the log: {log}");
    }
    // What was wanted comes when it may.
    observer.set(Policy::Report)?;
    ensure!(
        shown("hw-tc-offload:")? && shown("tcp-segmentation-offload:")?,
        "a feature is off"
    );
    // What is on stays on.
    observer.set(Policy::RequireEqual)?;
    ensure!(
        shown("hw-tc-offload:")? && shown("tcp-segmentation-offload:")?,
        "a feature went off"
    );
    Ok(())
}

#[test]
fn filters_are_activated_if_the_host_runs_an_equal_one() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut observer = Observer::new(far)?;
    tc::prepare(far, tc::Runner::Device)?;
    observer.set(Policy::RequireEqual)?;
    let filter = |prio, object, options| tc::filter(far, "add", prio, object, options);
    let said = filter(2, "tc_mark", "skip_sw")?.refused()?;
    ensure!(said.contains("kernel none: policy require-equal"), "{said}");
    filter(1, "tc_mark", "")?.run()?;
    let said = filter(2, "tc_count", "skip_sw")?.refused()?;
    ensure!(said.contains("TC: device "), "{said}");
    filter(2, "tc_mark", "skip_sw")?.run()?;
    observer.expect(Slot::TcIngress, Verdict::Equal)?;
    Ok(())
}

/// How often each of the frames has met the program that are sent over `cable` while `change` is done.
fn met(cable: &Cable, change: impl FnOnce() -> Result<()> + Send) -> Result<Vec<u8>> {
    let arrived = each_arrives(cable, ONCE, change)?;
    Ok(arrived.iter().map(|frame| frame[20]).collect())
}

#[test]
fn each_frame_meets_one_of_two_equal_programs() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut pins = Vec::new();
    for (name, device) in [
        ("once_hw", format!("offload_dev {}", far.name)),
        ("once", String::new()),
    ] {
        let pin = format!("/sys/fs/bpf/{name}");
        far.cmd("bpftool prog load")
            .arg(env::object("once")?)
            .args(format!("{pin} type xdp {device}"))
            .run()?;
        pins.push(pin);
    }
    let set = |mode: Mode, pin: Option<&str>| {
        let what = pin.map_or("off".to_owned(), |pin| format!("pinned {pin}"));
        far.set(format!("{} {what}", mode.keyword()))
            .run()
            .map(drop)
    };
    let (device, native) = (Some(pins[0].as_str()), Some(pins[1].as_str()));
    let rounds = if env::is_slow() { 3 } else { 20 };

    set(Mode::Native, native)?;
    set(Mode::Offload, device)?;
    let counts = met(&cable, || Ok(()))?;
    ensure!(
        counts.iter().all(|count| *count == 2),
        "both run: {counts:?}"
    );

    // The policy is set and unset under traffic: both run, or the device's alone.
    let ifindex = far.index()?;
    let counts = met(&cable, || {
        let mut observer = Observer::new(far)?;
        ensure!(observer.ifindex == ifindex, "another interface");
        for _ in 0..rounds {
            observer.set(Policy::RequireEqual)?;
            observer.set(Policy::Report)?;
        }
        observer.set(Policy::RequireEqual)?;
        Ok(())
    })?;
    ensure!(
        counts.iter().all(|count| matches!(count, 1 | 2)),
        "{counts:?}"
    );

    // From here on one of both is there at any moment, or both are.
    let counts = met(&cable, || {
        for _ in 0..rounds {
            set(Mode::Native, None)?;
            set(Mode::Native, native)?;
            set(Mode::Offload, None)?;
            set(Mode::Offload, device)?;
        }
        Ok(())
    })?;
    let odd = counts.iter().filter(|count| **count != 1).count();
    println!("{} frames, {rounds} rounds", counts.len());
    ensure!(
        odd == 0,
        "{odd} of {} met another number of programs",
        counts.len()
    );
    for pin in pins {
        std::fs::remove_file(pin)?;
    }
    Ok(())
}
