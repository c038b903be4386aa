// SPDX-License-Identifier: GPL-2.0

//! `offloadctl parser attach` and `detach`: the flow dissector that the kernel runs in a network namespace.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::env;
use offload_tests::graphs::Graphs;
use offload_tests::nic::Nic;
use serde_json::Value;

use crate::corpus::sample;
use crate::device::parser;

const NIC: Nic = Nic { id: 0 };
/// Where a program of somebody else is pinned.
const OTHER: &str = "/sys/fs/bpf/other";

/// What is attached in a namespace, the first one if it is not told: the number of the program.
fn attached(ns: Option<&str>) -> Result<Option<u64>> {
    // Its JSON is broken where there is one.
    let shown = Cmd::new("bpftool net show").in_netns(ns).run()?;
    let mut lines = shown.lines();
    ensure!(lines.any(|line| line == "flow_dissector:"), "{shown}");
    let id = lines.next().and_then(|line| line.strip_prefix("id "));
    Ok(id.map(str::parse).transpose()?)
}

/// A cable, at whose far end dissectors are attached.
struct Stand {
    cable: Cable,
    graphs: Graphs,
}

impl Stand {
    fn new() -> Result<Self> {
        let cable = Cable::onic(1500)?;
        let graphs = Graphs::new(NIC, &cable.far)?;
        for name in ["kernel", "small"] {
            graphs.build(name, &sample(name))?;
        }
        Ok(Self { cable, graphs })
    }

    fn attached(&self) -> Result<Option<u64>> {
        attached(self.cable.far.ns.as_deref())
    }

    /// `parser attach ARGS` at the far end; what it tells.
    fn attach(&self, args: &str) -> Result<Value> {
        let told = parser(&self.cable, &format!("attach {args} --json"))?.json()?;
        let id = told["program"]["id"].as_u64();
        ensure!(
            id.is_some() && self.attached()? == id,
            "{:?}: {told:#}",
            self.attached()?
        );
        Ok(told)
    }

    /// Attaching with `args` is refused with `words`, and changes nothing.
    fn refused(&self, args: &str, words: &[&str]) -> Result<()> {
        let before = (self.attached()?, attached(None)?);
        let said = parser(&self.cable, &format!("attach {args}"))?.refused()?;
        says(&said, &["error"])?;
        for word in words {
            says(&said, &[word])?;
        }
        ensure!(
            (self.attached()?, attached(None)?) == before,
            "not {before:?} any more"
        );
        left_nothing()
    }

    /// What speaks for the device's parser.
    fn level(&self) -> Result<String> {
        let show = format!("show {} --json", self.cable.far.name);
        let shown = parser(&self.cable, &show)?.json()?;
        let level = shown[0]["level"].as_str().context("no level")?;
        Ok(level.to_owned())
    }
}

/// No program has a name any more that it was given to be attached.
fn left_nothing() -> Result<()> {
    let left = Cmd::new("find /sys/fs/bpf -name offloadctl*").run()?;
    ensure!(left.is_empty(), "left over: {left}");
    Ok(())
}

#[test]
fn what_the_device_parses_by_is_attached() -> Result<()> {
    let stand = Stand::new()?;
    let far = &stand.cable.far.name;
    ensure!(stand.level()? == "tested", "{}", stand.level()?);
    let kernel = stand.attach(far)?;
    ensure!(kernel["replaced"].is_null(), "{kernel:#}");
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    let show = format!("program show {far} --json");
    let slots = stand.cable.far.offloadctl(show)?.json()?;
    let slots = slots.as_array().context("no list")?;
    let slot = slots.iter().find(|slot| slot["slot"] == "parser");
    let slot = slot.context("no slot")?;
    ensure!(
        slot["verdict"] == "equal" && slot["kernel"]["id"] == kernel["program"]["id"],
        "{slot:#}, {kernel:#}"
    );

    // Another graph, first in the kernel and then in the device.
    let file = Graphs::file("small");
    let small = stand.attach(&format!("--file {}", file.display()))?;
    ensure!(
        small["replaced"] == kernel["program"] && small["dissector"] != kernel["dissector"],
        "{small:#}, {kernel:#}"
    );
    ensure!(stand.level()? == "claimed", "{}", stand.level()?);
    stand.graphs.flash("small").run()?;
    stand.graphs.activate()?;
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    // And the same again, from what it was made of.
    let file = sample("small");
    let again = stand.attach(&format!("--file {}", file.display()))?;
    ensure!(
        again["replaced"] == small["program"] && again["dissector"] == small["dissector"],
        "{small:#}, {again:#}"
    );
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    left_nothing()?;

    let said = parser(&stand.cable, "detach")?.run()?;
    says(&said, &["(parse_graph, ", "is detached"])?;
    ensure!(stand.attached()?.is_none(), "it is attached");
    ensure!(stand.level()? == "claimed", "{}", stand.level()?);
    says(
        &parser(&stand.cable, "detach")?.refused()?,
        &["error", "no flow dissector is attached"],
    )
}

/// `ip netns exec` has no BPF file system.
#[test]
fn namespaces_have_their_own_or_that_of_the_first() -> Result<()> {
    let stand = Stand::new()?;
    let [near, far] = [&stand.cable.near, &stand.cable.far];
    let ns = far.ns.as_deref().context("no namespace")?;
    let tool = env::offloadctl()?;
    Cmd::new(format!("ip netns exec {ns}"))
        .arg(&tool)
        .args(format!("parser attach {}", far.name))
        .run()?;
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    ensure!(
        stand.attached()?.is_some()
            && attached(near.ns.as_deref())?.is_none()
            && attached(None)?.is_none(),
        "elsewhere, too"
    );
    // A port of another namespace is unknown here.
    stand.refused(&near.name, &["no interface", &near.name])?;

    // There is one in a namespace, so that the first one, which is all of them, can have none.
    let first = |args: &str| -> Result<Cmd> {
        let args = format!("parser {args}");
        Ok(Cmd::new(tool.to_string_lossy()).args(args))
    };
    let attach = format!("attach --file {}", Graphs::file("kernel").display());
    let said = first(&attach)?.refused()?;
    says(&said, &["error", "the first network namespace"])?;
    ensure!(attached(None)?.is_none() && stand.attached()?.is_some());
    parser(&stand.cable, "detach")?.run()?;
    ensure!(stand.level()? == "tested", "{}", stand.level()?);
    first(&attach)?.run()?;
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    stand.refused(&far.name, &["the first network namespace"])?;
    says(
        &parser(&stand.cable, "detach")?.refused()?,
        &["error", "the first network namespace"],
    )?;
    first("detach")?.run()?;
    ensure!(stand.level()? == "tested", "{}", stand.level()?);
    left_nothing()
}

/// What somebody else has attached, by a name of its own.
#[test]
fn what_others_have_attached_stays() -> Result<()> {
    let stand = Stand::new()?;
    let far = &stand.cable.far;
    let file = Graphs::file("kernel").with_extension("o");
    let mut object = fs::read(&file)?;
    let name = b"parse_graph";
    let at = object.windows(name.len()).position(|it| it == name);
    let at = at.context("another name")?;
    object[at..at + name.len()].copy_from_slice(b"others_name");
    fs::write(&file, object)?;
    let bpftool = |args: &str| far.cmd("bpftool prog").args(args).run();
    let load = format!("load {} {OTHER} type flow_dissector", file.display());
    bpftool(&load)?;
    bpftool(&format!("attach pinned {OTHER} flow_dissector"))?;
    fs::remove_file(OTHER)?;
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    let id = stand.attached()?.context("none")?.to_string();
    stand.refused(&far.name, &[&format!("program {id} (others_name")])?;
    stand.refused(&far.name, &["--replace"])?;
    says(
        &parser(&stand.cable, "detach")?.refused()?,
        &[
            "error",
            &format!("bpftool prog detach id {id} flow_dissector"),
        ],
    )?;
    ensure!(stand.attached()?.is_some(), "it was detached");
    let told = stand.attach(&format!("{} --replace", far.name))?;
    ensure!(told["replaced"]["name"] == "others_name", "{told:#}");
    ensure!(stand.level()? == "reproduced", "{}", stand.level()?);
    parser(&stand.cable, "detach")?.run().map(drop)
}

#[test]
fn what_cannot_be_attached_is_told() -> Result<()> {
    let stand = Stand::new()?;
    let far = &stand.cable.far;
    let blob = fs::read(Graphs::file("small"))?;
    fs::write("/tmp/short.fw", &blob[..blob.len() - 1])?;
    fs::write("/tmp/none.json", "{\"parsers\": 3}")?;
    for (args, words) in [
        ("", ["required arguments", "<INTERFACE>"]),
        ("none", ["no interface", "none"]),
        (
            "--file /tmp/missing.json",
            ["/tmp/missing.json", "No such file"],
        ),
        ("--file /tmp/none.json", ["/tmp/none.json", "parsers"]),
        ("--file /tmp/short.fw", ["/tmp/short.fw", "it has"]),
    ] {
        stand.refused(args, &words)?;
    }
    for lacks in ["-net_admin,-sys_admin", "-bpf,-sys_admin"] {
        for args in [format!("attach {}", far.name), "detach".to_owned()] {
            stand.attach(&far.name)?;
            let id = stand.attached()?;
            let said = far
                .cmd(format!("setpriv --bounding-set={lacks} --inh-caps={lacks}"))
                .arg(env::offloadctl()?)
                .args(format!("parser {args}"))
                .refused()?;
            says(&said, &["error", "bpftool"])?;
            says(&said, &["not permitted"])?;
            ensure!(stand.attached()? == id, "{lacks}: another one");
            left_nothing()?;
        }
    }
    // Without the tool.
    let said = far
        .cmd("env PATH=/nowhere")
        .arg(env::offloadctl()?)
        .args("parser detach")
        .refused()?;
    says(&said, &["error", "bpftool", "can't be started"])?;
    parser(&stand.cable, "detach")?.run().map(drop)
}
