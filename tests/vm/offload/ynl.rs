// SPDX-License-Identifier: GPL-2.0

//! Programs in the device, through the kernel's own tool for netlink specifications, unmodified.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, digests, Attached, Mode};
use offload_tests::command::{says, Background, Cmd};
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::nic::program_files;
use offload_tests::ynl;
use offload_uapi::types::hex;
use serde_json::{json, Value};

/// `ynl ARGS`, with the specification of the family.
fn ynl(args: &str) -> Result<Cmd> {
    let command = ynl::command(&env::specification())?;
    Ok(command.args("--output-json").args(args))
}

/// `ynl ARGS --json JSON`.
fn ynl_with(args: &str, json: &Value) -> Result<Cmd> {
    Ok(ynl(args)?.arg("--json").arg(json.to_string()))
}

/// The SHA-256 of a program in an answer.
fn sha256(program: &Value) -> Result<String> {
    let digests = program["digest"].as_array().context("no digests")?;
    let mut digests = digests.iter();
    let sha256 = digests.find(|digest| digest["algorithm"] == "sha256");
    let value = sha256.context("no SHA-256")?["value"].as_str();
    Ok(value.context("no text")?.replace(' ', ""))
}

/// That of `tests/bpf/OBJECT.bpf.c`, from its file alone.
fn sha256_of(object: &str) -> Result<String> {
    Ok(hex(&digests(object)?.sha256))
}

/// The kernel's own tool reads the specification and finds the same.
#[test]
fn ynl_says_the_same() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let attached = Attached::new(&port, Mode::Offload, "stamp_a")?;
    let index = port.index()?;
    let devices = ynl("--dump dev-get")?.json()?;
    let names: Vec<_> = devices
        .as_array()
        .context("no list")?
        .iter()
        .map(|device| device["ifname"].as_str().unwrap_or_default())
        .collect();
    ensure!(names == ["onic0", "onic1"], "{devices}");

    let slot = ynl_with("--do slot-get", &json!({"ifindex": index, "slot": "xdp"}))?.json()?;
    ensure!(slot["verdict"] == "only-device", "{slot}");
    ensure!(slot["device"]["id"] == attached.id, "{slot}");
    ensure!(sha256(&slot["device"])? == sha256_of("stamp_a")?, "{slot}");

    let program = json!({"ifindex": index, "id": attached.id});
    let image = ynl_with("--dump image-get", &program)?.json()?;
    ensure!(image[0]["offset"] == 0, "{image}");
    let program = ynl_with("--do program-get", &program)?.json()?;
    ensure!(program["program"]["state"] == "active", "{program}");
    let stats = ynl("--dump stats-get")?.json()?;
    ensure!(
        stats.as_array().is_some_and(|all| all.len() == 2),
        "{stats}"
    );

    let refused = ynl_with("--do dev-get", &json!({"ifindex": 1}))?.refused()?;
    says(&refused, &["interface 1 reports no programs", ".ifindex"])?;
    let refused = ynl_with("--do slot-get", &json!({"ifindex": index}))?;
    says(&refused.refused()?, &["slot"])
}

/// What a policy refuses and permits, and a memory that changes.
#[test]
fn ynl_sets_a_policy_and_is_told() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let index = port.index()?;
    let slot = json!({"ifindex": index, "slot": "xdp"});
    // The answer comes when it listens.
    let follow = ynl_with("--subscribe events --do slot-get", &slot)?;
    let mut follow = Background::start(&follow)?;
    follow.await_line("none")?;
    let policy = json!({"ifindex": index, "policy": "require-equal"});
    ynl_with("--do dev-set", &policy)?.run()?;
    let device = ynl_with("--do dev-get", &json!({"ifindex": index}))?.json()?;
    ensure!(device["policy"] == "require-equal", "{device}");
    let mut next = |name: &str| -> Result<Value> {
        let line = follow.await_line(&format!("\"{name}\""))?;
        let event: Value = serde_json::from_str(&line)?;
        ensure!(event["name"] == name, "{event}");
        Ok(event["msg"].clone())
    };
    ensure!(next("dev-change-ntf")?["policy"] == "require-equal");

    Attached::new(&port, Mode::Native, "stamp_a")?;
    let refused = attach_command(&port, Mode::Offload, "stamp_b")?.refused()?;
    for object in ["stamp_a", "stamp_b"] {
        let tag = &sha256_of(object)?[..16];
        ensure!(refused.contains(tag), "{object} has {tag}: {refused}");
    }
    let mismatch = next("slot-mismatch-ntf")?;
    ensure!(
        sha256(&mismatch["device"])? == sha256_of("stamp_b")?
            && sha256(&mismatch["kernel"])? == sha256_of("stamp_a")?,
        "{mismatch}"
    );

    let offloaded = Attached::new(&port, Mode::Offload, "stamp_a")?;
    let found = ynl_with("--do slot-get", &slot)?.json()?;
    ensure!(found["verdict"] == "equal", "{found}");
    ensure!(next("slot-activate-ntf")?["verdict"] == "equal");

    fs::write(program_files(offloaded.id)?.join("flip_bit"), "37").context("flip a bit")?;
    let found = ynl_with("--do slot-get", &slot)?.json()?;
    ensure!(found["device"]["state"] == "faulted", "{found}");
    ensure!(
        sha256(&found["device"])? != sha256_of("stamp_a")?,
        "{found}"
    );
    let fault = next("slot-fault-ntf")?;
    ensure!(fault["device"]["id"] == offloaded.id, "{fault}");
    let stats = ynl_with("--do stats-get", &json!({"ifindex": index}))?.json()?;
    ensure!(stats["refusals"] == 1 && stats["faults"] == 1, "{stats}");
    Ok(())
}
