// SPDX-License-Identifier: GPL-2.0

//! Graphs that are flashed: what `devlink` and `offloadctl` tell of them, what is refused, and how the
//! flow dissector that the kernel runs is compared with that of the device.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::nic::Nic;
use serde_json::Value;

use crate::corpus::{corpus, sample};
use crate::device::parser;

const NIC: Nic = Nic { id: 0 };
/// Where the kernel looks for files to flash.
const FILES: &str = "/tmp/firmware";
/// How many damaged files are tried.
const DAMAGED: usize = 24;

/// A NIC, and the file that is flashed to it.
struct Stand {
    cable: Cable,
}

impl Stand {
    fn new() -> Result<Self> {
        let cable = Cable::onic(1500)?;
        fs::create_dir_all(FILES)?;
        fs::write("/sys/module/firmware_class/parameters/path", FILES)?;
        Ok(Self { cable })
    }

    /// Builds a sample and what is flashed of it; gives what the tool says.
    fn build(&self, name: &str) -> Result<Value> {
        let (file, blob) = (sample(name), file(name));
        let object = object(name);
        let build = format!(
            "build {} --output {blob} --object {object} --json",
            file.display()
        );
        parser(&self.cable, &build)?.json()
    }

    fn flash(&self, name: &str) -> Cmd {
        let device = NIC.handle();
        Cmd::new(format!(
            "devlink dev flash {device} file {name}.fw component parser"
        ))
    }

    fn activate(&self) -> Result<()> {
        let device = NIC.handle();
        Cmd::new(format!("devlink dev reload {device} action fw_activate")).run()?;
        Ok(())
    }

    /// The digests of what runs and of what is stored.
    fn versions(&self) -> Result<[String; 2]> {
        let device = NIC.handle();
        let info = Cmd::new(format!("devlink dev info {device} -j")).json()?;
        let versions = &info["info"][&device]["versions"];
        let of = |kind: &str| {
            let digest = versions[kind]["parser"].as_str();
            digest
                .map(str::to_owned)
                .with_context(|| format!("no parser {kind}: {info:#}"))
        };
        Ok([of("running")?, of("stored")?])
    }

    /// The digest of the graph that the tool shows.
    fn shown(&self) -> Result<Value> {
        let show = format!("show {} --json", self.cable.far.name);
        Ok(parser(&self.cable, &show)?.json()?[0].clone())
    }

    /// The exit status of the comparison of slot `parser`.
    fn verify(&self) -> Result<i32> {
        let far = &self.cable.far;
        let verify = far.offloadctl(format!("program verify {} --slot parser", far.name))?;
        verify.output()?.code().context("no status")
    }

    /// What is told of slot `parser`.
    fn slot(&self) -> Result<Value> {
        let far = &self.cable.far;
        let show = far.offloadctl(format!("program show {} --json", far.name))?;
        let slots = show.json()?;
        let slots = slots.as_array().context("no list")?;
        let slot = slots.iter().find(|slot| slot["slot"] == "parser");
        slot.cloned().context("no slot")
    }
}

fn file(name: &str) -> String {
    format!("{FILES}/{name}.fw")
}

fn object(name: &str) -> String {
    format!("/tmp/{name}.bpf.o")
}

fn digest(built: &Value, of: &str) -> Result<String> {
    Ok(built[of]
        .as_str()
        .with_context(|| format!("no {of}"))?
        .to_owned())
}

#[test]
fn a_flashed_graph_runs_when_it_is_activated() -> Result<()> {
    let stand = Stand::new()?;
    let [mut running, stored] = stand.versions()?;
    ensure!(running == stored, "{running}, {stored}");
    for (name, _) in corpus() {
        let built = stand.build(&name)?;
        let flashed = digest(&built, "digest")?;
        stand.flash(&name).run()?;
        ensure!(stand.versions()? == [running, flashed.clone()], "{name}");
        stand.activate()?;
        ensure!(
            stand.versions()? == [flashed.clone(), flashed.clone()],
            "{name}"
        );
        let shown = stand.shown()?;
        for of in ["digest", "dissector"] {
            ensure!(shown[of] == built[of], "{name}: {shown:#}, {built:#}");
        }
        // It gives back what was flashed, names and all.
        let dump = format!("dump {} --output /tmp/back.fw", stand.cable.far.name);
        says(
            &parser(&stand.cable, &dump)?.run()?,
            &[&format!("\"{name}\"")],
        )?;
        ensure!(
            fs::read("/tmp/back.fw")? == fs::read(file(&name))?,
            "{name}"
        );
        running = flashed;
    }
    // It keeps them over a reload of all else.
    Cmd::new(format!("devlink dev reload {}", NIC.handle())).run()?;
    ensure!(
        stand.versions()? == [running.clone(), running],
        "after a reload"
    );
    Ok(())
}

#[test]
fn what_is_no_graph_is_refused() -> Result<()> {
    let stand = Stand::new()?;
    stand.build("small")?;
    let blob = fs::read(file("small"))?;
    let before = stand.versions()?;
    let refused = |bytes: &[u8], words: &str| -> Result<()> {
        fs::write(file("bad"), bytes)?;
        says(&stand.flash("bad").refused()?, &["parser: ", words])?;
        ensure!(stand.versions()? == before, "{words}");
        Ok(())
    };
    refused(b"none", "begins with")?;
    refused(&blob[..blob.len() - 1], "it has")?;
    refused(&vec![0; 300_000], "limit")?;
    // Beyond the lengths, which tell that themselves.
    for number in 0..DAMAGED {
        let at = 16 + (blob.len() - 16) * number / DAMAGED;
        let mut damaged = blob.clone();
        damaged[at] ^= 1 << (number % 8);
        refused(&damaged, "damaged")?;
    }
    let device = NIC.handle();
    let other = format!("devlink dev flash {device} file small.fw component other");
    says(&Cmd::new(other).refused()?, &["not supported"])?;
    stand.activate()?;
    ensure!(stand.versions()? == before, "an activation has changed it");
    Ok(())
}

#[test]
fn the_attached_dissector_is_compared() -> Result<()> {
    let stand = Stand::new()?;
    let bpffs = Path::new("/sys/fs/bpf/parser");
    if bpffs.exists() {
        fs::remove_dir_all(bpffs)?;
    }
    fs::create_dir(bpffs)?;
    for name in ["kernel", "small"] {
        stand.build(name)?;
        let (object, pin) = (object(name), bpffs.join(name));
        Cmd::new(format!("bpftool prog load {object}"))
            .arg(&pin)
            .args("type flow_dissector")
            .run()?;
    }
    let program = |verb: &str, name: &str| {
        let pin = bpffs.join(name);
        Cmd::new(format!("bpftool prog {verb} pinned"))
            .arg(pin)
            .args("flow_dissector")
            .run()
    };
    let is = |verdict: &str| -> Result<()> {
        let slot = stand.slot()?;
        ensure!(slot["verdict"] == verdict, "not {verdict}: {slot:#}");
        let code = stand.verify()?;
        ensure!(
            (code == 0) == (verdict == "equal"),
            "{verdict}: status {code}"
        );
        Ok(())
    };
    is("only-device")?;
    program("attach", "kernel")?;
    let compared = (|| {
        is("equal")?;
        program("attach", "small")?;
        is("different")?;
        stand.flash("small").run()?;
        is("different")?;
        stand.activate()?;
        is("equal")
    })();
    let attached = if compared.is_ok() { "small" } else { "kernel" };
    let detached = program("detach", attached);
    compared?;
    detached?;
    is("only-device")?;
    fs::remove_dir_all(bpffs)?;
    Ok(())
}
