// SPDX-License-Identifier: GPL-2.0

//! Graphs that are flashed: what `devlink` and `offloadctl` tell of them, what is refused, and how the
//! flow dissector that the kernel runs is compared with that of the device.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::graphs::Graphs;
use offload_tests::nic::Nic;
use serde_json::Value;

use crate::corpus::{corpus, sample};
use crate::device::parser;

const NIC: Nic = Nic { id: 0 };
/// How many damaged files are tried.
const DAMAGED: usize = 24;

/// A NIC, and the files that are flashed to it.
struct Stand {
    cable: Cable,
    graphs: Graphs,
}

impl Stand {
    fn new() -> Result<Self> {
        let cable = Cable::onic(1500)?;
        let graphs = Graphs::new(NIC, &cable.far)?;
        Ok(Self { cable, graphs })
    }

    /// Builds a sample and what is flashed of it; gives what the tool says.
    fn build(&self, name: &str) -> Result<Value> {
        self.graphs.build(name, &sample(name))
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
        stand.graphs.flash(&name).run()?;
        ensure!(stand.versions()? == [running, flashed.clone()], "{name}");
        stand.graphs.activate()?;
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
            fs::read("/tmp/back.fw")? == fs::read(Graphs::file(&name))?,
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
    let blob = fs::read(Graphs::file("small"))?;
    let before = stand.versions()?;
    let refused = |bytes: &[u8], words: &str| -> Result<()> {
        fs::write(Graphs::file("bad"), bytes)?;
        says(&stand.graphs.flash("bad").refused()?, &["parser: ", words])?;
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
    stand.graphs.activate()?;
    ensure!(stand.versions()? == before, "an activation has changed it");
    Ok(())
}

/// How large a graph may be is a resource of the device, which tells the size of the larger one of those that
/// it has.
#[test]
fn the_size_of_a_graph_is_limited() -> Result<()> {
    let stand = Stand::new()?;
    stand.build("small")?;
    stand.build("kernel")?;
    let used = || -> Result<[u64; 4]> {
        let used = NIC.used()?;
        Ok(["nodes", "entries", "headers", "bytes"].map(|of| used[&format!("/parser_{of}")]))
    };
    let [nodes, entries, headers, bytes] = used()?;
    let shown = stand.shown()?;
    ensure!(
        shown["nodes"] == nodes && shown["entries"] == entries && shown["max_headers"] == headers,
        "{:?}: {shown:#}",
        used()?
    );
    ensure!(
        bytes == fs::metadata(Graphs::file("kernel"))?.len(),
        "{bytes}"
    );

    // As long as it is there.
    stand.graphs.flash("small").run()?;
    ensure!(used()? == [nodes, entries, headers, bytes], "{:?}", used()?);
    stand.graphs.activate()?;
    let small = used()?;
    ensure!(
        small[0] < nodes && small[1] < entries && small[3] < bytes,
        "{small:?}"
    );
    let before = stand.versions()?;
    let limits = [
        ("nodes", small[0], nodes - 1),
        ("entries", small[1], entries - 1),
        ("headers", small[2], headers - 1),
        ("bytes", small[3], bytes - 1),
    ];
    // Each takes several reloads.
    let tried = if env::is_slow() { 1 } else { limits.len() };
    for (of, least, most) in limits.into_iter().take(tried) {
        let path = format!("/parser_{of}");
        let all = NIC.resources()?;
        let full = all[&path].size;
        if most >= least {
            NIC.resize(&path, most).run()?;
            NIC.reload().run()?;
            let said = stand.graphs.flash("kernel").refused()?;
            says(
                &said,
                &["parser: ", &format!("parser_{of}"), &most.to_string()],
            )?;
            ensure!(stand.versions()? == before, "{of}: another graph");
            stand.graphs.flash("small").run()?;
        }
        // Less than it has is refused while it has it.
        NIC.resize(&path, least - 1).run()?;
        says(
            &NIC.reload().refused()?,
            &[&format!("parser_{of}"), "in use"],
        )?;
        NIC.resize(&path, full).run()?;
        NIC.reload().run()?;
    }
    stand.graphs.flash("kernel").run()?;
    ensure!(used()? == [nodes, entries, headers, bytes], "{:?}", used()?);
    Ok(())
}

#[test]
fn the_attached_dissector_is_compared() -> Result<()> {
    let stand = Stand::new()?;
    let mut loaded = Vec::new();
    for name in ["kernel", "small"] {
        stand.build(name)?;
        loaded.push(stand.graphs.load(name)?);
    }
    let [kernel, small] = &loaded[..] else {
        unreachable!("two were loaded")
    };
    // What speaks for the parser, and what the policies make of it.
    let is = |verdict: &str, level: &str, permitted: [bool; 2]| -> Result<()> {
        for (policy, permitted) in ["report", "require-equal"].into_iter().zip(permitted) {
            let far = &stand.cable.far;
            far.offloadctl(format!("policy set {} {policy}", far.name))?
                .run()?;
            let (slot, shown) = (stand.slot()?, stand.shown()?);
            let state = if permitted { "active" } else { "loaded" };
            ensure!(
                slot["verdict"] == verdict && slot["device"]["state"] == state,
                "{policy}: not {verdict} and {state}: {slot:#}"
            );
            ensure!(
                shown["level"] == level && shown["permitted"] == permitted,
                "{policy}: not {level} and {permitted}: {shown:#}"
            );
        }
        let code = stand.verify()?;
        ensure!(
            (code == 0) == (verdict == "equal"),
            "{verdict}: status {code}"
        );
        Ok(())
    };
    is("only-device", "tested", [true, false])?;
    kernel.attach()?;
    is("equal", "reproduced", [true, true])?;
    small.attach()?;
    is("different", "claimed", [false, false])?;
    stand.graphs.flash("small").run()?;
    is("different", "claimed", [false, false])?;
    stand.graphs.activate()?;
    is("equal", "reproduced", [true, true])?;
    small.detach()?;
    // Nobody has tried whether the kernel's own code finds no more than that.
    is("only-device", "claimed", [false, false])
}

/// What the file of a graph vouches for, where that is not what becomes of the graph in this kernel.
#[test]
fn a_file_may_vouch_for_a_dissector() -> Result<()> {
    let stand = Stand::new()?;
    stand.build("kernel")?;
    let small = fs::read_to_string(sample("small"))?;
    stand.graphs.vouch("vouched", &small, "kernel")?;
    stand.graphs.flash("vouched").run()?;
    stand.graphs.activate()?;
    let kernel = stand.graphs.load("kernel")?;
    kernel.attach()?;
    let shown = stand.shown()?;
    ensure!(
        shown["level"] == "attested" && shown["permitted"] == true,
        "{shown:#}"
    );
    // It is told what it is, not what it is not.
    ensure!(stand.slot()?["verdict"] == "different");
    kernel.detach()?;
    let shown = stand.shown()?;
    ensure!(
        shown["level"] == "claimed" && shown["permitted"] == false,
        "{shown:#}"
    );
    Ok(())
}
