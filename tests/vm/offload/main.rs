// SPDX-License-Identifier: GPL-2.0

//! Which programs are in the device, and are they the kernel's? What the driver and the offload
//! infrastructure say and do about it, through the client of the family `offload`.

mod churn;
mod faults;
mod interrupted;
mod netlink_fuzz;
mod observer;
mod offloadctl;
mod policy;
mod uapi;
mod visibility;
mod ynl;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, digests, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::tc;
use offload_uapi::netlink::{DigestAlgorithm, ProgramKind, Slot, State, Verdict};
use offload_uapi::types::{hex, Known, Program};

use observer::Observer;

/// The objects whose digests are compared: with and without maps, short and long.
const OBJECTS: [&str; 6] = ["pass", "once", "firewall", "balancer", "flows", "csum_diff"];

/// The SHA-256 that a program is told with.
fn sha256(program: &Program) -> Result<&[u8]> {
    program
        .digest(DigestAlgorithm::Sha256)
        .context("a program without SHA-256")
}

#[test]
fn digests_are_those_of_the_kernel_and_of_the_object_file() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let mut observer = Observer::new(&cable.far)?;
    let mut known = std::collections::BTreeSet::new();
    for object in OBJECTS {
        let attached = cable.attach(object)?;
        let show = attached.show()?;
        let found = observer.program(attached.id)?;
        let program = &found.program;
        ensure!(
            program.kind == Known::Is(ProgramKind::Xdp)
                && program.state == Some(Known::Is(State::Active))
                && program.name.as_deref() == show["name"].as_str()
                && found.id.map(u64::from) == Some(attached.id),
            "{object}: {program:?}"
        );
        let tag = program.tag().context("no tag")?;
        ensure!(
            Some(hex(tag).as_str()) == show["tag"].as_str(),
            "{object}: {tag:02x?} and {show}"
        );
        let linked = digests(object)?;
        for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha1] {
            let digest = program.digest(algorithm).context("a digest is missing")?;
            ensure!(digest == linked.by(algorithm), "{object}: {algorithm:?}");
        }
        ensure!(
            known.insert(sha256(program)?.to_vec()),
            "{object} is another one"
        );

        let image = observer.image(attached.id)?;
        ensure!(
            Some(image.bytes.len() as u64) == show["bytes_jited"].as_u64()
                && program.image_size == Some(u32::try_from(image.bytes.len())?)
                && program.image_format == Some(image.format),
            "{object}: the image has {} bytes: {program:?}",
            image.bytes.len()
        );
        // Its header names the program.
        ensure!(
            &image.bytes[24..56] == sha256(program)?,
            "{object}: the image's digest"
        );
        ensure!(
            program.memory > Some(image.bytes.len() as u64),
            "{program:?}"
        );
        cable.detach()?;
    }
    Ok(())
}

#[test]
fn verdicts_of_the_xdp_slot() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let mut observer = Observer::new(&cable.far)?;
    let far = &cable.far;
    observer.expect(Slot::Xdp, Verdict::None)?;
    Attached::new(far, Mode::Offload, "pass")?;
    let slot = observer.expect(Slot::Xdp, Verdict::OnlyDevice)?;
    ensure!(slot.kernel.is_none() && !slot.replaces_kernel, "{slot:?}");
    let native = Attached::new(far, Mode::Native, "pass")?;
    let slot = observer.expect(Slot::Xdp, Verdict::Equal)?;
    let (device, kernel) = (
        slot.device.context("device")?,
        slot.kernel.context("kernel")?,
    );
    ensure!(
        sha256(&device)? == sha256(&kernel)?
            && kernel.id.map(u64::from) == Some(native.id)
            && kernel.id != device.id
            && !slot.replaces_kernel,
        "{device:?} and {kernel:?}"
    );
    far.cmd(format!(
        "ip -force link set dev {} xdpoffload obj",
        far.name
    ))
    .arg(env::object("drop")?)
    .args("sec xdp")
    .run()?;
    let slot = observer.expect(Slot::Xdp, Verdict::Different)?;
    let (device, kernel) = (
        slot.device.context("device")?,
        slot.kernel.context("kernel")?,
    );
    ensure!(sha256(&device)? != sha256(&kernel)?, "equal digests");
    detach(far, Mode::Offload)?;
    observer.expect(Slot::Xdp, Verdict::OnlyKernel)?;
    detach(far, Mode::Native)?;
    observer.expect(Slot::Xdp, Verdict::None)?;
    let stats = observer.stats()?;
    ensure!(
        (
            stats.activations,
            stats.removals,
            stats.refusals,
            stats.faults
        ) == (2, 2, 0, 0)
            && stats.comparisons > stats.mismatches
            && stats.mismatches > 0,
        "{stats:?}"
    );
    Ok(())
}

#[test]
fn verdicts_of_the_other_slots() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let mut observer = Observer::new(&cable.far)?;
    let far = &cable.far;
    for (slot, verdict) in [
        (Slot::TcIngress, Verdict::None),
        // Each NIC has a graph, and no flow dissector is attached.
        (Slot::Parser, Verdict::OnlyDevice),
        (Slot::Gso, Verdict::Unknown),
    ] {
        observer.expect(slot, verdict)?;
    }
    tc::prepare(far, tc::Runner::Device)?;
    let filter = |prio, object, options| tc::filter(far, "add", prio, object, options)?.run();
    // One that both may run is the host's, as the device does not take it.
    filter(1, "tc_mark", "")?;
    observer.expect(Slot::TcIngress, Verdict::OnlyKernel)?;
    filter(2, "tc_mark", "skip_sw")?;
    let slot = observer.expect(Slot::TcIngress, Verdict::Equal)?;
    ensure!(
        slot.device.context("device")?.kind == Known::Is(ProgramKind::SchedCls),
        "another kind"
    );
    tc::delete(far, 2).run()?;
    filter(2, "tc_count", "skip_sw")?;
    observer.expect(Slot::TcIngress, Verdict::Different)?;
    tc::delete(far, 1).run()?;
    observer.expect(Slot::TcIngress, Verdict::OnlyDevice)?;
    // What is attached to the interface itself comes before all filters.
    let pin = "/sys/fs/bpf/tcx";
    far.cmd("bpftool prog load")
        .arg(env::object("tc_count")?)
        .args(format!("{pin} type tcx/ingress"))
        .run()?;
    let name = &far.name;
    far.cmd(format!(
        "bpftool net attach tcx_ingress pinned {pin} dev {name}"
    ))
    .run()?;
    observer.expect(Slot::TcIngress, Verdict::Equal)?;
    filter(1, "tc_mark", "")?;
    observer.expect(Slot::TcIngress, Verdict::Equal)?;
    far.cmd(format!("bpftool net detach tcx_ingress dev {name}"))
        .run()?;
    std::fs::remove_file(pin)?;
    observer.expect(Slot::TcIngress, Verdict::Different)?;
    tc::delete(far, 1).run()?;
    tc::delete(far, 2).run()?;
    observer.expect(Slot::TcIngress, Verdict::None)?;
    Ok(())
}
