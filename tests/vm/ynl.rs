// SPDX-License-Identifier: GPL-2.0

//! Programs in the device, through the kernel's own tool for netlink specifications, unmodified.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{Attached, Mode};
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_uapi::client::Client;
use offload_uapi::netlink::Policy;
use offload_uapi::object::Object;
use offload_uapi::types::hex;

/// The kernel's own tool reads the specification and finds the same.
#[test]
fn ynl_says_the_same() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let attached = Attached::new(&port, Mode::Offload, "stamp_a")?;
    let (ynl, _) = env::ynl()?;
    let ynl = |args: &str| {
        Cmd::new("python3")
            .arg(ynl.join("pyynl/cli.py"))
            .arg("--spec")
            .arg(env::specification())
            .args("--no-schema --output-json")
            .args(args)
    };
    let index = port.index()?;
    let devices = ynl("--dump dev-get").json()?;
    let names: Vec<_> = devices
        .as_array()
        .context("no list")?
        .iter()
        .map(|device| device["ifname"].as_str().unwrap_or_default())
        .collect();
    ensure!(names == ["onic0", "onic1"], "{devices}");

    let json = format!("{{\"ifindex\":{index},\"slot\":\"xdp\"}}");
    let slot = ynl("--do slot-get --json").arg(json).json()?;
    ensure!(slot["verdict"] == "only-device", "{slot}");
    ensure!(slot["device"]["id"] == attached.id, "{slot}");
    let digests = slot["device"]["digest"].as_array().context("no digests")?;
    let sha256 = digests
        .iter()
        .find(|digest| digest["algorithm"] == "sha256");
    let sha256 = sha256.context("no SHA-256")?["value"].as_str();
    let sha256 = sha256.context("no text")?.replace(' ', "");
    let file = fs::read(env::object("stamp_a")?)?;
    let program = Object::parse(&file)?
        .programs()
        .next()
        .context("no program")??;
    ensure!(sha256 == hex(&program.digests().sha256), "{slot}");

    let other = Link::new("onic0").index()?;
    let json = format!("{{\"ifindex\":{other},\"policy\":\"require-equal\"}}");
    ynl("--do dev-set --json").arg(json).run()?;
    ensure!(Client::connect()?.device(other)?.policy == Policy::RequireEqual);
    let json = format!("{{\"ifindex\":{index},\"id\":{}}}", attached.id);
    let program = ynl("--do program-get --json").arg(&json).json()?;
    ensure!(program["program"]["state"] == "active", "{program}");
    let image = ynl("--dump image-get --json").arg(&json).json()?;
    ensure!(image[0]["offset"] == 0, "{image}");
    let stats = ynl("--dump stats-get").json()?;
    ensure!(
        stats.as_array().is_some_and(|all| all.len() == 2),
        "{stats}"
    );

    let json = "{\"ifindex\":1}";
    let refused = ynl("--do dev-get --json").arg(json).refused()?;
    says(&refused, &["interface 1 reports no programs", ".ifindex"])?;
    let refused = ynl("--do slot-get --json").arg(format!("{{\"ifindex\":{index}}}"));
    says(&refused.refused()?, &["slot"])
}

/// The specification is one by the kernel's own schema.
#[test]
fn ynl_validates_the_specification() -> Result<()> {
    let has_schema = Cmd::new("python3 -c").arg("import jsonschema").output()?;
    if !has_schema.success() {
        println!("skipped: ynl_validates_the_specification: Python has no jsonschema here");
        return Ok(());
    }
    let (ynl, schemas) = env::ynl()?;
    let validate = Cmd::new("python3")
        .arg(ynl.join("pyynl/cli.py"))
        .arg("--spec")
        .arg(env::specification())
        .arg("--schema")
        .arg(schemas.join("genetlink.yaml"))
        .arg("--validate");
    validate.run()?;
    Ok(())
}
