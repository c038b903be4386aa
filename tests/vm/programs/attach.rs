// SPDX-License-Identifier: GPL-2.0

//! A program's life on a port, as `ip` and `bpftool` show it: load, attach, look at
//! it, replace, take off; and what happens to it when its port or module goes.

use std::path::Path;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::tc::{self, Runner};
use offload_tests::wire::Sender;
use offload_uapi::stats;

/// A pinned object, unpinned on drop.
struct Pin(String);

impl Pin {
    fn load(link: &Link, object: &str, name: &str) -> Result<Self> {
        let path = format!("/sys/fs/bpf/{name}");
        Cmd::new("bpftool prog load")
            .arg(env::object(object)?)
            .args(format!("{path} type xdp offload_dev {}", link.name))
            .run()?;
        Ok(Self(path))
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn number_of(what: &str) -> Result<usize> {
    let list = Cmd::new(format!("bpftool -j {what} show")).json()?;
    Ok(list.as_array().map_or(0, Vec::len))
}

#[test]
fn ip_link_attaches_and_takes_off() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic0");
    let (programs, maps) = (number_of("prog")?, number_of("map")?);
    let program = Attached::new(&port, Mode::Offload, "firewall")?;
    ensure!(number_of("map")? == maps + 2, "two maps were made");

    let show = program.show()?;
    ensure!(
        show["type"] == "xdp" && show["name"] == "firewall",
        "{show}"
    );
    ensure!(
        show["dev"]["ifname"] == "onic0",
        "bound to another device: {show}"
    );
    ensure!(show["jited"] == true, "no device image: {show}");
    let text = Cmd::new("ip -d link show dev onic0").run()?;
    ensure!(
        text.contains("xdpoffload"),
        "`ip link` does not say so: {text}"
    );

    detach(&port, Mode::Offload)?;
    ensure!(
        Attached::of(&port, Mode::Offload)?.is_none(),
        "still attached"
    );
    port.await_that("program and maps are freed", |_| {
        Ok(number_of("prog")? == programs && number_of("map")? == maps)
    })
}

#[test]
fn the_device_image_can_be_dumped() -> Result<()> {
    let _module = Module::insert("")?;
    let program = Attached::new(&Link::new("onic0"), Mode::Offload, "firewall")?;
    let size = program.show()?["bytes_jited"]
        .as_u64()
        .context("no bytes_jited")?;
    ensure!(size > 0, "no device image");
    let xlated = Cmd::new(format!("bpftool prog dump xlated id {}", program.id)).run()?;
    ensure!(xlated.contains("exit"), "no instructions: {xlated}");

    let file = env::results()?.join("firewall.image");
    let dump = Cmd::new(format!("bpftool prog dump jited id {} file", program.id)).arg(&file);
    let finished = dump.output()?;
    if finished.stderr().contains("No JIT disassembly support") {
        println!("skipped: the_device_image_can_be_dumped: this bpftool is built without a disassembler and refuses to dump images at all");
        return Ok(());
    }
    ensure!(finished.success(), "{finished}");
    let image = std::fs::read(file)?;
    ensure!(
        image.len() as u64 == size,
        "{} bytes dumped, {size} shown",
        image.len()
    );
    ensure!(image.iter().any(|byte| *byte != 0), "nothing but zeroes");
    Ok(())
}

#[test]
fn each_object_loads() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic0");
    tc::prepare(&port, Runner::Device)?;
    let objects = env::object("pass")?;
    let directory = objects.parent().context("no directory of objects")?;
    let mut found = 0;
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".bpf.o") else {
            continue;
        };
        // User Mode Linux has no perf events, and no maps of them.
        let has_perf = Path::new("/proc/sys/kernel/perf_event_paranoid").exists();
        // The kernel offers devices no programs that take frames in fragments.
        let is_ours = !name.starts_with("bad_") && !matches!(name, "frags" | "parted");
        // What the device has found out of a frame is read by the host.
        let is_ours = is_ours && name != "tc_steered";
        if !is_ours || name == "samples" && !has_perf {
            continue;
        }
        found += 1;
        // Loading is the same way through the driver for all: where that is slow, some will do.
        if env::is_checked() && found % 4 != 0 {
            continue;
        }
        if name.starts_with("tc_") {
            tc::attach(&port, Runner::Device, name)?;
            tc::delete(&port, 1).run()?;
        } else {
            Attached::new(&port, Mode::Offload, name)?;
            detach(&port, Mode::Offload)?;
        }
    }
    ensure!(found >= 15, "only {found} objects found");
    Ok(())
}

#[test]
fn replacing_needs_force() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic0");
    let first = Attached::new(&port, Mode::Offload, "pass")?;
    let said = attach_command(&port, Mode::Offload, "drop")?.refused()?;
    ensure!(
        said.contains("already attached"),
        "no word of the old program: {said}"
    );
    let now = Attached::of(&port, Mode::Offload)?.context("the first is gone")?;
    ensure!(now.id == first.id, "the first was replaced all the same");

    Cmd::new("ip -force link set dev onic0 xdpoffload obj")
        .arg(env::object("drop")?)
        .args("sec xdp")
        .run()?;
    let now = Attached::of(&port, Mode::Offload)?.context("no program")?;
    ensure!(now.id != first.id, "not replaced");
    ensure!(now.show()?["name"] == "drop", "replaced by another");
    Ok(())
}

#[test]
fn one_program_serves_both_ports_of_a_nic() -> Result<()> {
    let _module = Module::insert("")?;
    let pin = Pin::load(&Link::new("onic0"), "drop", "both")?;
    for name in ["onic0", "onic1"] {
        let port = Link::new(name);
        port.set(format!("xdpoffload pinned {}", pin.0)).run()?;
        let program = Attached::of(&port, Mode::Offload)?;
        ensure!(program.is_some(), "{name} has no program");
    }
    Ok(())
}

#[test]
fn the_program_outlives_neither_nic_nor_module() -> Result<()> {
    let module = Module::insert("")?;
    let pin = Pin::load(&Link::new("onic0"), "firewall", "orphan")?;
    Cmd::new(format!("ip link set dev onic1 xdpoffload pinned {}", pin.0)).run()?;
    drop(module);
    ensure!(!Module::is_loaded()?, "rmmod was refused");
    ensure!(
        !Path::new("/sys/class/net/onic0").exists(),
        "a port is left"
    );
    // The kernel keeps the handle that is pinned, but nothing is behind it.
    let text = Cmd::new(format!("bpftool prog show pinned {}", pin.0)).run()?;
    ensure!(text.contains("orphaned"), "not orphaned: {text}");

    let _module = Module::insert("")?;
    let said = Cmd::new(format!("ip link set dev onic0 xdpoffload pinned {}", pin.0)).refused()?;
    ensure!(!said.is_empty(), "an orphan was refused without a word");
    let program = Attached::new(&Link::new("onic0"), Mode::Offload, "firewall")?;
    ensure!(program.maps()?.len() == 2, "a new program works as before");
    Ok(())
}

#[test]
fn a_stopped_program_leaves_a_record() -> Result<()> {
    // Nothing else is sent: a frame of the stack's own could ask for anything.
    let cable = Cable::onic(1500)?;
    let file = "/sys/kernel/debug/offload_nic/offload_nic0/ports/1/faults";
    let program = cable.attach("actions")?;
    // The last byte of the source address asks for the action: 5, which is none.
    let mut frame = vec![0x02; 60];
    frame[11] = 0x0d;
    Sender::new(&cable.near)?.send(&frame)?;
    cable.far.await_that("the frame", |far| {
        let counter = format!("{}invalid_action", stats::XDP_HW_FAULT_PREFIX);
        Ok(far.statistics()?.get(&counter)? > 0)
    })?;
    let record = std::fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let tag = program.show()?["tag"].to_string().replace('"', "");
    for part in [
        &tag[..],
        "invalid_action at insn ",
        "value 0x5\n",
        " r0=0x5 ",
        " r10=",
    ] {
        ensure!(record.contains(part), "no {part:?} in the record: {record}");
    }
    Ok(())
}

#[test]
fn bpftool_reads_the_helper_set() -> Result<()> {
    let _module = Module::insert("")?;
    let json = Cmd::new("bpftool -j feature probe dev onic0").json()?;
    let helpers = json["helpers"]["xdp_available_helpers"]
        .as_array()
        .with_context(|| format!("no helpers for XDP: {json}"))?;
    for helper in [
        "bpf_map_lookup_elem",
        "bpf_map_update_elem",
        "bpf_map_delete_elem",
        "bpf_ktime_get_ns",
        "bpf_get_prandom_u32",
        "bpf_get_smp_processor_id",
        "bpf_redirect",
        "bpf_perf_event_output",
        "bpf_csum_diff",
        "bpf_xdp_adjust_head",
        "bpf_xdp_adjust_tail",
    ] {
        ensure!(helpers.iter().any(|each| each == helper), "no {helper}");
    }
    for helper in ["bpf_jiffies64", "bpf_tail_call", "bpf_fib_lookup"] {
        ensure!(
            helpers.iter().all(|each| each != helper),
            "{helper} is not in the device"
        );
    }
    Ok(())
}
