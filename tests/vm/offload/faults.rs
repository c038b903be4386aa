// SPDX-License-Identifier: GPL-2.0

//! Device memory that fails: it is noticed, and traffic goes on by what the kernel has.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::frames::{mark_number, Frames, MARK_PASS};
use offload_tests::kmsg;
use offload_tests::nic::Nic;
use offload_tests::wire::{Capture, Sender};
use offload_uapi::netlink::{Policy, Slot, State, Verdict};
use offload_uapi::stats;
use offload_uapi::types::{Event, Known};

use crate::observer::Observer;
use crate::sha256;

/// Frames that are sent at once.
const FRAMES: usize = 50;

/// Flips bit `bit` of what `file` is about, of program `id` of the first NIC.
fn flip(id: u64, file: &str, bit: usize) -> Result<()> {
    let programs = Nic { id: 0 }.debug_file("bpf_bound_progs");
    for entry in std::fs::read_dir(programs)? {
        let program = entry?.path();
        if std::fs::read_to_string(program.join("id"))?.trim() == id.to_string() {
            return std::fs::write(program.join(file), bit.to_string()).context("flip a bit");
        }
    }
    anyhow::bail!("program {id} is not in the device")
}

/// How many of [`FRAMES`] pass.
fn passing(cable: &Cable) -> Result<usize> {
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    let mut source = Frames::new(7, 1000);
    (0..FRAMES).try_for_each(|_| sender.send(&source.next_frame()))?;
    sender.end_batch(MARK_PASS, 1)?;
    let passed = capture.until(|frame| mark_number(MARK_PASS, frame) == Some(1))?;
    capture.stop()?;
    Ok(passed.len())
}

/// The state of what the device has in the XDP slot.
fn state(observer: &mut Observer, verdict: Verdict) -> Result<State> {
    let slot = observer.expect(Slot::Xdp, verdict)?;
    match slot.device.context("no program")?.state {
        Some(Known::Is(state)) => Ok(state),
        other => anyhow::bail!("state {other:?}"),
    }
}

#[test]
fn a_bit_of_the_program_store() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut observer = Observer::new(far)?;
    Attached::new(far, Mode::Native, "pass")?;
    observer.set(Policy::RequireEqual)?;
    let device = Attached::new(far, Mode::Offload, "pass")?;
    ensure!(
        state(&mut observer, Verdict::Equal)? == State::Active,
        "not active"
    );
    while observer.events.try_next()?.is_some() {}

    let instructions = observer.program(device.id)?.program.instructions;
    let bits = 64 * instructions.context("no length")? as usize;
    let error = flip(device.id, "flip_bit", bits)
        .err()
        .context("no such bit")?;
    ensure!(
        format!("{error:#}").contains("Invalid argument"),
        "{error:#}"
    );
    let moment = kmsg::Moment::now()?;
    flip(device.id, "flip_bit", 35)?;
    // Nobody has looked yet.
    observer.no_event()?;
    ensure!(
        state(&mut observer, Verdict::Different)? == State::Faulted,
        "not faulted"
    );
    let event = observer.next_event("the fault", |event| matches!(event, Event::SlotFault(_)))?;
    observer.no_event()?;
    let Event::SlotFault(slot) = event else {
        anyhow::bail!("{event:?}")
    };
    let (there, here) = (
        slot.device.context("device")?,
        slot.kernel.context("kernel")?,
    );
    ensure!(
        there.id.map(u64::from) == Some(device.id) && sha256(&there)? != sha256(&here)?,
        "{there:?} and {here:?}"
    );
    let log = moment.log()?;
    ensure!(
        log.contains("found changed in the device's memory"),
        "{log}"
    );
    let program = observer.program(device.id)?.program;
    ensure!(
        program.state == Some(Known::Is(State::Faulted)),
        "{program:?}"
    );

    // The kernel runs its own, and still believes the other one to be attached.
    let before = far.statistics()?.get(stats::XDP_NATIVE_PASS)?;
    ensure!(passing(&cable)? == FRAMES, "frames are lost");
    let native = far.statistics()?.get(stats::XDP_NATIVE_PASS)? - before;
    ensure!(
        native >= FRAMES as u64,
        "{native} frames met the kernel's program"
    );
    ensure!(
        Attached::of(far, Mode::Offload)?.is_some(),
        "it was detached"
    );

    // What is faulted stays so, even if the bit is right again.
    flip(device.id, "flip_bit", 35)?;
    ensure!(
        state(&mut observer, Verdict::Equal)? == State::Faulted,
        "not faulted any more"
    );
    detach(far, Mode::Offload)?;
    observer.expect(Slot::Xdp, Verdict::OnlyKernel)?;
    let again = Attached::new(far, Mode::Offload, "pass")?;
    ensure!(again.id != device.id, "the same program");
    let stats = observer.stats()?;
    ensure!((stats.faults, stats.activations) == (1, 2), "{stats:?}");
    Ok(())
}

#[test]
fn a_faulted_program_is_not_activated() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut observer = Observer::new(far)?;
    let pin = "/sys/fs/bpf/faulted";
    far.cmd("bpftool prog load")
        .arg(env::object("pass")?)
        .args(format!("{pin} type xdp offload_dev {}", far.name))
        .run()?;
    let loaded = Attached::pinned(far, pin)?;
    flip(loaded.id, "flip_bit", 0)?;
    let attach = far.set(format!("xdpoffload pinned {pin}"));
    let said = attach.refused()?;
    ensure!(said.contains("load it again"), "{said}");
    observer.next_event("loaded", |event| matches!(event, Event::ProgramLoad(_)))?;
    observer.next_event("the fault", |event| matches!(event, Event::SlotFault(_)))?;
    flip(loaded.id, "flip_bit", 0)?;
    let said = attach.refused()?;
    ensure!(said.contains("was found damaged"), "{said}");
    observer.no_event()?;
    observer.expect(Slot::Xdp, Verdict::None)?;
    let stats = observer.stats()?;
    ensure!((stats.faults, stats.activations) == (1, 0), "{stats:?}");
    std::fs::remove_file(pin)?;
    observer.next_event(
        "unloaded",
        |event| matches!(event, Event::ProgramUnload(it) if it.id.map(u64::from) == Some(loaded.id)),
    )?;
    Ok(())
}

#[test]
fn a_bit_of_the_image() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let far = &cable.far;
    let mut observer = Observer::new(far)?;
    Attached::new(far, Mode::Native, "pass")?;
    observer.set(Policy::RequireEqual)?;
    let device = Attached::new(far, Mode::Offload, "pass")?;
    ensure!(passing(&cable)? == FRAMES, "frames are lost");
    while observer.events.try_next()?.is_some() {}
    // The first operation behind the header: "r0 = XDP_PASS" becomes "r0 = XDP_ABORTED".
    let image = observer.image(device.id)?;
    let at = 64 + 8;
    ensure!(
        image.bytes[at] == 2,
        "another operation: {:?}",
        &image.bytes[64..80]
    );
    flip(device.id, "flip_image_bit", 8 * at + 1)?;
    ensure!(
        observer.image(device.id)?.bytes[at] == 0,
        "the image is as it was"
    );
    let before = far.statistics()?;
    let sender = Sender::new(&cable.near)?;
    let mut source = Frames::new(8, 1000);
    (0..FRAMES).try_for_each(|_| sender.send(&source.next_frame()))?;
    far.await_that("frames that the device gives up", |far| {
        let lost = far.statistics()?.since(&before, stats::XDP_HW_ABORTED)?;
        Ok(lost >= FRAMES as u64)
    })?;
    observer.no_event()?;
    // The instructions are the kernel's, and yet the program is faulted.
    ensure!(
        state(&mut observer, Verdict::Equal)? == State::Faulted,
        "not faulted"
    );
    observer.next_event("the fault", |event| matches!(event, Event::SlotFault(_)))?;
    ensure!(passing(&cable)? == FRAMES, "frames are lost");
    detach(far, Mode::Offload)?;
    let said = attach_command(far, Mode::Offload, "drop")?.refused()?;
    ensure!(said.contains("policy require-equal"), "{said}");
    Ok(())
}
