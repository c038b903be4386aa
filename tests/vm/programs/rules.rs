// SPDX-License-Identifier: GPL-2.0

//! Rules of the kernel's core for every NIC with offload, and of this device, each broken once: who
//! asked for it reads which rule it was, with the limit and the value where the rule has them.
//! `refusals.rs` has those that must leave a running program alone, `tc.rs`, `native.rs`,
//! `queues.rs`, `control.rs` and `devlink.rs` those of their subjects, and the messages that no
//! object file leads to are read in the engine's own tests (`module/engine/tests/messages.rs`).

use anyhow::{Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::kmsg::Moment;
use offload_tests::link::Link;
use offload_tests::module::Module;

const PIN: &str = "/sys/fs/bpf/rules";

/// `bpftool prog load` of `tests/bpf/OBJECT.bpf.c` with `options`.
fn load(object: &str, options: &str) -> Result<Cmd> {
    Ok(Cmd::new("bpftool prog load")
        .arg(env::object(object)?)
        .args(format!("{PIN} {options}")))
}

/// Every command must be refused in these words.
fn all_refused(table: Vec<(Cmd, &[&str])>) -> Result<()> {
    for (command, words) in table {
        let said = command.refused()?;
        says(&said, words).with_context(|| command.to_string())?;
    }
    Ok(())
}

#[test]
fn programs_that_the_device_does_not_run() -> Result<()> {
    let _module = Module::insert("")?;
    let xdp = "type xdp offload_dev onic0";
    let tc = "type classifier offload_dev onic0";
    all_refused(vec![
        (
            load("bad_load", xdp)?,
            &["[offload_nic] insn 1: legacy packet load", "xdp_md.data"],
        ),
        (
            load("bad_ingress", tc)?,
            &[
                "[offload_nic]",
                "bpf_redirect#23 with BPF_F_INGRESS",
                "use flags 0",
            ],
        ),
        (
            load("bad_field", tc)?,
            &[
                "[offload_nic] insn 0: __sk_buff.tstamp (offset 152)",
                "the host stamps frames",
            ],
        ),
    ])
}

/// What the core refuses before it asks the device. It has no words for most of it.
#[test]
fn programs_that_no_device_may_run() -> Result<()> {
    let _module = Module::insert("nics=2")?;
    let maps = [("host", ""), ("elsewhere", "offload_dev onic2")];
    for (name, device) in maps {
        Cmd::new(format!(
            "bpftool map create {PIN}_{name} type hash key 4 value 8 entries 16 name small {device}"
        ))
        .run()?;
    }
    let foreign = "offload device mismatch between prog and map";
    let with_map = |name: &str| {
        let options = format!("type xdp map name small pinned {PIN}_{name} offload_dev onic0");
        load("small_map", &options)
    };
    let outcome = all_refused(vec![
        (with_map("host")?, &[foreign]),
        (with_map("elsewhere")?, &[foreign]),
        (load("frags", "type xdp offload_dev onic0")?, &["-EINVAL"]),
        (load("pass", "type xdp offload_dev lo")?, &["-EOPNOTSUPP"]),
    ]);
    for (name, _) in maps {
        std::fs::remove_file(format!("{PIN}_{name}"))?;
    }
    outcome
}

#[test]
fn places_where_a_program_may_not_be() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic0");
    let generic = port.set("xdpgeneric obj").arg(env::object("pass")?);
    let generic = generic.args("sec xdp");
    let both = "Native and generic XDP can't be active at the same time";

    Attached::new(&port, Mode::Native, "pass")?;
    all_refused(vec![(generic.clone(), &[both])])?;
    Attached::new(&port, Mode::Offload, "pass")?;
    let ambiguous = "More than one program loaded, unset mode is ambiguous";
    all_refused(vec![(port.set("xdp off"), &[ambiguous])])?;
    let again = attach_command(&port, Mode::Offload, "pass")?;
    all_refused(vec![(again, &["XDP program already attached"])])?;
    detach(&port, Mode::Native)?;
    detach(&port, Mode::Offload)?;

    generic.run()?;
    let native = attach_command(&port, Mode::Native, "pass")?;
    all_refused(vec![(native, &[both])])?;
    port.set("xdpgeneric off").run()?;

    load("pass", "type xdp xdpmeta_dev onic0")?.run()?;
    let bound = "Can't attach device-bound programs in generic mode";
    let command = port.set(format!("xdpgeneric pinned {PIN}"));
    let outcome = all_refused(vec![(command, &[bound])]);
    std::fs::remove_file(PIN)?;
    outcome
}

/// `BPF_MAP_CREATE` has no log: what the device refuses stands in the kernel's (`devlink.rs` reads
/// it from the health reporter), and what the core refuses nowhere.
#[test]
fn maps_that_the_device_does_not_keep() -> Result<()> {
    let _module = Module::insert("")?;
    let create = |spec: &str| {
        Cmd::new(format!(
            "bpftool map create {PIN} name none offload_dev onic0 {spec}"
        ))
    };
    let large = format!("{PIN}_large");
    let name = "name large offload_dev onic0";
    Cmd::new(format!(
        "bpftool map create {large} type array key 4 value 65536 entries 3000 {name}"
    ))
    .run()?;
    let moment = Moment::now()?;
    let mut read = 0;
    for (spec, words) in [
        (
            "type hash key 513 value 8 entries 4",
            "key_size is 513, the device takes at most 512",
        ),
        (
            "type hash key 4 value 65537 entries 4",
            "value_size is 65537, the device takes at most 65536",
        ),
        (
            "type hash key 4 value 8 entries 1048577",
            "max_entries is 1048577, the device takes at most 1048576",
        ),
        (
            "type hash key 4 value 8 entries 4 flags 1",
            "map flags 0x1: the device takes no map flags",
        ),
        // Behind another one, which takes most of the device's memory.
        (
            "type array key 4 value 65536 entries 2000",
            "memory: 131072000 bytes asked for, ",
        ),
    ] {
        let said = create(spec).refused()?;
        let log = moment.log()?;
        // What was asked for, and what is there.
        says(
            &log[read..],
            &[
                "offload_nic0: ",
                "max_entries",
                words,
                " of 268435456 bytes in use",
            ],
        )
        .with_context(|| format!("{spec}: {said}"))?;
        read = log.len();
    }
    // The core offers devices arrays and hashes, with keys as the host's have them.
    for spec in [
        "type percpu_array key 4 value 4 entries 4",
        "type percpu_hash key 4 value 4 entries 4",
        "type lru_hash key 4 value 4 entries 4",
        "type prog_array key 4 value 4 entries 4",
        "type queue key 0 value 4 entries 4",
        "type array key 8 value 8 entries 4",
    ] {
        let said = create(spec).refused()?;
        says(&said, &["Invalid argument"]).context(spec)?;
    }
    std::fs::remove_file(large)?;
    Ok(())
}
