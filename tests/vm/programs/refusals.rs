// SPDX-License-Identifier: GPL-2.0

//! Bad input: each mistake gives one message that names the cause and the limit, in
//! the place where the user looks, and leaves everything as it was.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{Attached, Mode};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::kmsg::Moment;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_uapi::limits;

/// A NIC whose first port runs a firewall that nothing may disturb.
struct Bench {
    port: Link,
    program: u64,
    programs: usize,
    maps: usize,
    _module: Module,
}

fn number_of(what: &str) -> Result<usize> {
    let list = Cmd::new(format!("bpftool -j {what} show")).json()?;
    Ok(list.as_array().map_or(0, Vec::len))
}

impl Bench {
    fn new(parameters: &str) -> Result<Self> {
        let module = Module::insert(parameters)?;
        let port = Link::new("onic0");
        let program = Attached::new(&port, Mode::Offload, "firewall")?;
        Ok(Self {
            port,
            program: program.id,
            programs: number_of("prog")?,
            maps: number_of("map")?,
            _module: module,
        })
    }

    /// Loads an object of `tests/bpf` onto the port by force and gives what was said.
    fn load(&self, object: &str) -> Result<String> {
        let command = Cmd::new("ip -force link set dev onic0 xdpoffload obj")
            .arg(env::object(object)?)
            .args("sec xdp verbose");
        command.refused()
    }

    /// The firewall still runs and nothing was left behind.
    fn is_undisturbed(&self) -> Result<()> {
        let now = Attached::of(&self.port, Mode::Offload)?.context("the old program is gone")?;
        ensure!(now.id == self.program, "the old program was replaced");
        self.port
            .await_that("nothing is left of the refused one", |_| {
                Ok(number_of("prog")? == self.programs && number_of("map")? == self.maps)
            })
    }
}

#[test]
fn a_program_too_large() -> Result<()> {
    let bench = Bench::new("")?;
    let said = bench.load("bad_size")?;
    says(
        &said,
        &["offload_nic", "70002 instructions", "at most 65536"],
    )?;
    bench.is_undisturbed()
}

#[test]
fn an_unsupported_helper() -> Result<()> {
    let bench = Bench::new("")?;
    let said = bench.load("bad_helper")?;
    says(
        &said,
        &[
            "insn 0",
            "bpf_jiffies64#118",
            "unknown func ",
            "bpf_map_lookup_elem",
        ],
    )?;
    bench.is_undisturbed()
}

#[test]
fn a_callback() -> Result<()> {
    let bench = Bench::new("")?;
    let said = bench.load("bad_callback")?;
    says(
        &said,
        &[
            "offload_nic",
            "address of a function",
            "bpf_loop",
            "bounded",
        ],
    )?;
    bench.is_undisturbed()
}

#[test]
fn the_wrong_program_type() -> Result<()> {
    let bench = Bench::new("")?;
    let pin = "/sys/fs/bpf/classifier";
    Cmd::new("bpftool prog load")
        .arg(env::object("tc_count")?)
        .args(format!("{pin} type classifier offload_dev onic0"))
        .run()?;
    let said = Cmd::new(format!(
        "ip -force link set dev onic0 xdpoffload pinned {pin}"
    ))
    .refused();
    std::fs::remove_file(pin)?;
    says(&said?, &["Invalid argument"])?;
    // The kernel offers devices two types of programs.
    let said = Cmd::new("bpftool -d prog load")
        .arg(env::object("tc_count")?)
        .args(format!("{pin} type cgroup/skb offload_dev onic0"))
        .refused()?;
    says(&said, &["load failed", "EINVAL"])?;
    bench.is_undisturbed()
}

/// Creating a map has no log of its own: the line is in the kernel's log.
fn refused_map(object: &str, words: &[&str]) -> Result<()> {
    let bench = Bench::new("")?;
    let moment = Moment::now()?;
    bench.load(object)?;
    says(&moment.log()?, words)?;
    bench.is_undisturbed()
}

#[test]
fn a_map_with_too_many_entries() -> Result<()> {
    refused_map("bad_map_entries", &["offload_nic", "2097152", "1048576"])
}

#[test]
fn a_map_with_flags() -> Result<()> {
    refused_map(
        "bad_map_flags",
        &[
            "offload_nic0",
            "map flags 0x1: the device takes no map flags",
        ],
    )
}

#[test]
fn a_map_with_values_too_large() -> Result<()> {
    refused_map("bad_map_value", &["offload_nic", "131072", "65536"])
}

#[test]
fn a_map_larger_than_the_device() -> Result<()> {
    refused_map(
        "bad_map_memory",
        &[
            "offload_nic0",
            "memory of the map in bytes is 536870912, the device takes at most 268435456",
        ],
    )
}

#[test]
fn a_global_variable() -> Result<()> {
    refused_map(
        "bad_global",
        &[
            "offload_nic0",
            "map flags 0x",
            "the device takes no map flags",
        ],
    )
}

#[test]
fn a_program_bound_to_another_device() -> Result<()> {
    let bench = Bench::new("nics=2")?;
    let pin = "/sys/fs/bpf/elsewhere";
    Cmd::new("bpftool prog load")
        .arg(env::object("pass")?)
        .args(format!("{pin} type xdp offload_dev onic2"))
        .run()?;
    let said = Cmd::new(format!(
        "ip -force link set dev onic0 xdpoffload pinned {pin}"
    ))
    .refused();
    std::fs::remove_file(pin)?;
    says(&said?, &["Program", "different device"])?;
    bench.is_undisturbed()
}

#[test]
fn a_program_of_the_host_in_the_device_and_the_reverse() -> Result<()> {
    let bench = Bench::new("")?;
    for (offload_dev, slot, reason) in [
        (
            "",
            "xdpoffload",
            "Error: offload_nic: xdpoffload of non-bound program.",
        ),
        (
            "offload_dev onic0",
            "xdpdrv",
            "Error: Using offloaded program without HW_MODE flag is not supported.",
        ),
    ] {
        let pin = "/sys/fs/bpf/misplaced";
        Cmd::new("bpftool prog load")
            .arg(env::object("pass")?)
            .args(format!("{pin} type xdp {offload_dev}"))
            .run()?;
        let said = Cmd::new(format!("ip -force link set dev onic0 {slot} pinned {pin}")).refused();
        std::fs::remove_file(pin)?;
        says(&said?, &[reason]).with_context(|| slot.to_owned())?;
        bench.is_undisturbed()?;
    }
    Ok(())
}

#[test]
fn an_mtu_beyond_the_limits() -> Result<()> {
    let bench = Bench::new("")?;
    let show = bench.port.show()?;
    let max = show["max_mtu"].as_u64().context("no max_mtu")?;
    ensure!(show["min_mtu"] == 68 && max >= 9000, "limits: {show}");
    for (mtu, words) in [
        (67, "less than device minimum"),
        (max + 1, "greater than device maximum"),
    ] {
        let said = bench.port.set(format!("mtu {mtu}")).refused()?;
        says(&said, &["mtu", words])?;
        ensure!(bench.port.show()?["mtu"] == 1500, "changed all the same");
    }
    for mtu in [68, 9000, max] {
        bench.port.set(format!("mtu {mtu}")).run()?;
    }
    bench.is_undisturbed()
}

#[test]
fn rings_beyond_the_limits() -> Result<()> {
    let bench = Bench::new("")?;
    let before = Cmd::new("ethtool --json -g onic0").json()?;
    let said = Cmd::new("ethtool -G onic0 rx 1").refused()?;
    says(&said, &["rx ring of 1 is too small: the minimum is 64"])?;
    // The core's own word, before it asks the driver; `ethtool -g` shows the limit.
    let said = Cmd::new("ethtool -G onic0 rx 100000").refused()?;
    says(&said, &["requested ring size exceeds maximum"])?;
    ensure!(before[0]["rx-max"] == limits::MAX_RING, "{before}");
    let after = Cmd::new("ethtool --json -g onic0").json()?;
    ensure!(before == after, "changed all the same: {after}");
    bench.is_undisturbed()
}

#[test]
fn module_parameters_out_of_range() -> Result<()> {
    if Module::is_loaded()? {
        Module::remove()?;
    }
    for (parameter, range) in [
        ("nics=1000000", "0 to 64"),
        ("ports=0", "1 to 64"),
        ("ports=100000", "1 to 64"),
        ("queues=0", "1 to 128"),
        ("queues=5000", "1 to 128"),
    ] {
        let moment = Moment::now()?;
        let inserted = Module::insert(parameter);
        ensure!(inserted.is_err(), "{parameter} was taken");
        ensure!(!Module::is_loaded()?, "{parameter} left the module loaded");
        let (name, value) = parameter.split_once('=').context("no value")?;
        says(&moment.log()?, &["offload_nic", name, value, range])?;
    }
    Ok(())
}
