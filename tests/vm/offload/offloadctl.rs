// SPDX-License-Identifier: GPL-2.0

//! Programs in the device, through `offloadctl`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{anyhow, ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::command::{says, Background, Cmd};
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::Nic;
use offload_tests::tc::{self, Runner};
use offload_uapi::object::Object;
use serde_json::{json, Value};

/// `offloadctl ARGS`.
fn ctl(args: impl AsRef<str>) -> Result<Cmd> {
    Ok(Cmd::new("").arg(env::offloadctl()?).args(args))
}

/// The exit status of a command, and what it printed.
fn status(cmd: &Cmd) -> Result<(Option<i32>, String)> {
    let finished = cmd.output()?;
    Ok((
        finished.code(),
        format!("{}{}", finished.stdout(), finished.stderr()),
    ))
}

/// The digest of `tests/bpf/OBJECT.bpf.c`, from its file alone.
fn hash(object: &str) -> Result<String> {
    let all = ctl("--json program hash")?
        .arg(env::object(object)?)
        .json()?;
    let digest = all[0]["sha256"].as_str().context("no digest")?;
    Ok(digest.to_owned())
}

/// The digest of a program in JSON, by `algorithm`.
fn digest<'a>(program: &'a Value, algorithm: &str) -> Option<&'a str> {
    let digests = program["digests"].as_array()?;
    let found = digests
        .iter()
        .find(|digest| digest["algorithm"] == algorithm)?;
    found["value"].as_str()
}

/// Every object file of the tests, at each level of optimisation.
fn objects() -> Result<Vec<PathBuf>> {
    let pass = env::object("pass")?;
    let directory = pass.parent().context("no directory of objects")?;
    let mut found = Vec::new();
    for directory in [
        directory.to_owned(),
        directory.join("O1"),
        directory.join("Os"),
    ] {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "o") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The type by which the kernel is given the program in a section.
fn kind(section: &str) -> &'static str {
    if section.starts_with("xdp") {
        "xdp"
    } else {
        "classifier"
    }
}

/// The tag that the kernel gives to the program of `object`, or nothing if it takes none.
fn kernel_tag(object: &Path, section: &str) -> Result<Option<String>> {
    const PIN: &str = "/sys/fs/bpf/tagged";
    let load = Cmd::new("bpftool prog load")
        .arg(object)
        .args(format!("{PIN} type {}", kind(section)));
    if !load.output()?.success() {
        return Ok(None);
    }
    let show = Cmd::new(format!("bpftool -j prog show pinned {PIN}")).json();
    fs::remove_file(PIN)?;
    let show = show?;
    Ok(Some(show["tag"].as_str().context("no tag")?.to_owned()))
}

#[test]
fn a_file_alone_has_the_kernels_tag() -> Result<()> {
    let mut digests = BTreeMap::new();
    let mut taken = 0;
    // A digest is the same on every kernel: where loading is slow, some will do.
    let (step, least) = if env::is_slow() { (8, 10) } else { (1, 100) };
    for (number, path) in objects()?.into_iter().enumerate() {
        let program = Object::parse(&fs::read(&path)?)?
            .programs()
            .next()
            .context("no program")?
            .with_context(|| path.display().to_string())?;
        let all = ctl("--json program hash")?.arg(&path).json()?;
        let all = all.as_array().context("no list")?;
        ensure!(all.len() == 1, "{}: {all:?}", path.display());
        let (tag, sha256) = (&all[0]["tag"], &all[0]["sha256"]);
        // Two programs with one digest are one program.
        let other = digests.insert(sha256.to_string(), program.slots.clone());
        ensure!(
            other.is_none_or(|other| other == program.slots),
            "{}: two programs have the digest {sha256}",
            path.display()
        );
        if number % step != 0 {
            continue;
        }
        // Some are made to be refused, and one is too much for the verifier without optimisation.
        if let Some(found) = kernel_tag(&path, &program.section)? {
            ensure!(*tag == found, "{}: {tag}, kernel {found}", path.display());
            taken += 1;
        }
    }
    println!("{taken} tags compared");
    ensure!(taken >= least, "only {taken} programs were taken");
    Ok(())
}

#[test]
fn what_is_in_the_device_is_shown() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let devices = ctl("--json device")?.json()?;
    let names: Vec<_> = devices
        .as_array()
        .context("no list")?
        .iter()
        .map(|device| device["ifname"].as_str().unwrap_or_default())
        .collect();
    ensure!(names == ["onic0", "onic1"], "{devices}");
    let show = ctl(format!("--json device show {}", port.index()?))?.json()?;
    ensure!(
        show["ifname"] == "onic1" && show["driver"] == "offload_nic",
        "{show}"
    );
    ensure!(
        show["device"] == "offload_nic0" && show["bus"] == "offload_nic",
        "{show}"
    );
    says(
        &ctl("device")?.run()?,
        &["onic1", "offload_nic/offload_nic0", "report"],
    )?;

    let attached = Attached::new(&port, Mode::Offload, "calls")?;
    let list = ctl("--json program list onic1")?.json()?;
    let program = &list[0];
    ensure!(program["id"] == attached.id, "{list}");
    let program = &program["program"];
    ensure!(
        program["state"] == "active" && program["kind"] == "xdp",
        "{list}"
    );
    ensure!(digest(program, "sha256") == Some(&hash("calls")?), "{list}");
    let tag = attached.show()?["tag"]
        .as_str()
        .context("no tag")?
        .to_owned();
    let id = attached.id.to_string();
    says(&ctl("program list")?.run()?, &[&id, "active", &tag])?;
    says(
        &ctl("program show onic1")?.run()?,
        &["xdp", &tag, "only-device"],
    )?;
    let one = ctl(format!("program show onic1 {id}"))?.run()?;
    says(&one, &["sha256", &hash("calls")?])?;

    let stats = ctl("--json stats onic1")?.json()?;
    ensure!(stats[0]["activations"] == 1, "{stats}");
    says(&ctl("stats")?.run()?, &["onic1"])?;
    let resources = ctl("--json resource onic1")?.json()?;
    let all = resources[0]["resources"].as_array().context("no list")?;
    ensure!(!all.is_empty(), "{resources}");
    for resource in all {
        let (used, limit) = (resource["used"].as_u64(), resource["limit"].as_u64());
        ensure!(used <= limit && limit.is_some(), "{resource}");
    }
    says(&ctl("resource")?.run()?, &["offload_nic0"])?;

    detach(&port, Mode::Offload)?;
    let list = ctl("--json program list")?.json()?;
    ensure!(list == json!([]), "{list}");
    Ok(())
}

#[test]
fn the_odd_one_is_named() -> Result<()> {
    const DIFFERENT: Option<i32> = Some(3);
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let verify = |object: &str| -> Result<(Option<i32>, String)> {
        let cmd = ctl("--json program verify onic1 --object")?.arg(env::object(object)?);
        status(&cmd)
    };
    let result = |(code, text): (Option<i32>, String)| -> Result<(Option<i32>, String)> {
        let json: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        Ok((code, json["result"].as_str().unwrap_or_default().to_owned()))
    };
    let expect = |object: &str, code, words: &str| -> Result<()> {
        let found = result(verify(object)?)?;
        ensure!(found == (code, words.to_owned()), "{object}: {found:?}");
        Ok(())
    };
    expect("stamp_a", DIFFERENT, "device-empty")?;
    Attached::new(&port, Mode::Offload, "stamp_a")?;
    expect("stamp_a", Some(0), "equal")?;
    expect("stamp_b", DIFFERENT, "device-differs")?;
    // Alone, the device has nothing to be compared with.
    let (code, text) = status(&ctl("program verify onic1")?)?;
    ensure!(
        code == Some(1) && text.contains("--object"),
        "{code:?} {text}"
    );

    Attached::new(&port, Mode::Native, "stamp_a")?;
    expect("stamp_a", Some(0), "equal")?;
    expect("stamp_b", DIFFERENT, "object-differs")?;
    ensure!(
        status(&ctl("program verify onic1")?)?.0 == Some(0),
        "kernel and device"
    );
    detach(&port, Mode::Native)?;
    Attached::new(&port, Mode::Native, "stamp_b")?;
    expect("stamp_a", DIFFERENT, "kernel-differs")?;
    expect("stamp_b", DIFFERENT, "device-differs")?;
    expect("pass", DIFFERENT, "all-differ")?;
    let plain = ctl("program verify onic1 --object")?.arg(env::object("stamp_a")?);
    let (_, text) = status(&plain)?;
    says(&text, &["kernel", &hash("stamp_b")?])?;
    says(&text, &["device", &hash("stamp_a")?])?;
    Ok(())
}

#[test]
fn classifiers_are_verified_too() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    tc::prepare(&port, Runner::Device)?;
    tc::attach(&port, Runner::Device, "tc_mark")?;
    let verify = "program verify onic1 --slot tc-ingress --section tc --object";
    let (code, text) = status(&ctl(verify)?.arg(env::object("tc_mark")?))?;
    ensure!(code == Some(0), "{code:?} {text}");
    let (code, text) = status(&ctl(verify)?.arg(env::object("tc_count")?))?;
    ensure!(code == Some(3), "{code:?} {text}");
    Ok(())
}

#[test]
fn the_image_is_disassembled() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let attached = Attached::new(&port, Mode::Offload, "firewall")?;
    let id = attached.id;
    let text = ctl(format!("program disasm onic1 {id}"))?.run()?;
    ensure!(text.lines().count() > 100, "{text}");
    says(&text, &["0:", "; insn 0"])?;
    let json = ctl(format!("--json program disasm onic1 {id}"))?.json()?;
    let lines = json["operations"].as_array().context("no list")?;
    ensure!(lines.len() == text.lines().count(), "{} lines", lines.len());

    // The same image as that which the kernel's own way of asking has.
    let (ours, theirs) = ("/tmp/image.offloadctl", "/tmp/image.bpftool");
    ctl(format!("program disasm onic1 {id} --output {ours}"))?.run()?;
    let ours = fs::read(ours)?;
    let show = attached.show()?;
    ensure!(
        show["bytes_jited"] == ours.len(),
        "{} bytes: {show}",
        ours.len()
    );
    let dump = Cmd::new(format!("bpftool prog dump jited id {id} file {theirs}")).output()?;
    // A bpftool that was built without a disassembler refuses to dump images at all.
    if !dump.stderr().contains("No JIT disassembly support") {
        ensure!(dump.success(), "{dump}");
        ensure!(ours == fs::read(theirs)?, "two images");
    }
    let refused = ctl(format!("program disasm onic1 {}", id + 1000))?.refused()?;
    says(&refused, &["program", &format!("{}", id + 1000)])?;
    Ok(())
}

#[test]
fn policies_are_set_by_who_may() -> Result<()> {
    let _module = Module::insert("")?;
    ctl("policy set onic1 require-equal")?.run()?;
    says(&ctl("policy")?.run()?, &["onic1", "require-equal"])?;
    says(&ctl("policy show onic0")?.run()?, &["onic0", "report"])?;

    // Where the tool lies, others may not look.
    let copy = Path::new("/tmp/offloadctl");
    fs::copy(env::offloadctl()?, copy)?;
    let nobody = |args: &str| {
        Cmd::new("setpriv --reuid=65534 --regid=65534 --clear-groups")
            .arg(copy)
            .args(args)
    };
    let refused = nobody("policy set onic1 report").refused()?;
    says(&refused, &["error", "onic1", "not permitted"])?;
    says(&refused, &["CAP_NET_ADMIN"])?;
    says(&nobody("policy").run()?, &["onic1", "require-equal"])?;
    fs::remove_file(copy)?;

    let port = Link::new("onic1");
    let refused = attach_command(&port, Mode::Offload, "stamp_a")?.refused()?;
    let tag = &hash("stamp_a")?[..16];
    says(&refused, &[tag]).context("the refusal does not name the digest")?;
    ctl("policy set onic1 report")?.run()?;
    Attached::new(&port, Mode::Offload, "stamp_a")?;
    Ok(())
}

#[test]
fn events_are_followed() -> Result<()> {
    let _module = Module::insert("")?;
    let port = Link::new("onic1");
    let mut lines = Background::start(&ctl("events --count 3")?)?;
    let mut json = Background::start(&ctl("--json events")?)?;
    // They hear what happens from some moment on: something happens until both have heard of it.
    let heard = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let happens = scope.spawn(|| -> Result<()> {
            for policy in ["require-equal", "report"].iter().cycle() {
                ctl(format!("policy set onic0 {policy}"))?.run()?;
                if heard.load(Ordering::Relaxed) {
                    break;
                }
            }
            Ok(())
        });
        let line = lines.next_line()?;
        ensure!(line.starts_with("onic0: policy is "), "{line}");
        let event: Value = serde_json::from_str(&json.next_line()?)?;
        ensure!(event["event"] == "dev-change", "{event}");
        heard.store(true, Ordering::Relaxed);
        happens.join().map_err(|_| anyhow!("a panic"))?
    })?;

    let attached = Attached::new(&port, Mode::Offload, "pass")?;
    detach(&port, Mode::Offload)?;
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "program-unload") {
        let event: Value = serde_json::from_str(&json.next_line()?)?;
        let kind = event["event"].as_str().context("no kind")?.to_owned();
        if kind != "dev-change" {
            kinds.push(kind.clone());
        }
        match kind.as_str() {
            "program-load" => ensure!(event["id"] == attached.id, "{event}"),
            "slot-activate" => {
                ensure!(event["device"]["id"] == attached.id, "{event}");
                ensure!(event["ifindex"] == port.index()?, "{event}");
            }
            _ => {}
        }
    }
    let expected = [
        "program-load",
        "slot-activate",
        "slot-remove",
        "program-unload",
    ];
    ensure!(kinds == expected, "{kinds:?}");
    ensure!(lines.wait()?.success(), "--count does not end well");
    Ok(())
}

#[test]
fn mistakes_are_told() -> Result<()> {
    let module = Module::insert("")?;
    let refused = ctl("policy set eth7 report")?.refused()?;
    says(&refused, &["error", "eth7", "offloadctl device"])?;
    let refused = ctl("program show onic0 4000000")?.refused()?;
    says(&refused, &["4000000", "onic0"])?;
    ensure!(status(&ctl("program verify")?)?.0 == Some(2), "usage");
    let refused = ctl("program hash /dev/null")?.refused()?;
    says(&refused, &["/dev/null", "not a BPF object file"])?;
    drop(module);
    let refused = ctl("device")?.refused()?;
    says(
        &refused,
        &["no generic netlink family", "modprobe offload_nic"],
    )
}

#[test]
fn other_namespaces_see_nothing() -> Result<()> {
    let _module = Module::insert("nics=0")?;
    let nic = Nic::new(3, 2, 1)?;
    let ns = NetNs::new("far")?;
    let mut ports = nic.ports()?;
    let port = ports.pop().context("no port")?;
    let index = port.index()?;
    let mut moved = port.clone();
    moved.move_to(&ns)?;
    let far = ns
        .cmd("")
        .arg(env::offloadctl()?)
        .args("--json device")
        .json()?;
    let here = ctl("--json device")?.json()?;
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().cloned().unwrap_or_default();
        let names = list.iter().filter_map(|device| device["ifname"].as_str());
        names.map(str::to_owned).collect()
    };
    ensure!(names(&far) == [port.name.as_str()], "{far}");
    ensure!(names(&here) == [ports[0].name.as_str()], "{here}");
    let refused = ctl(format!("device show {index}"))?.refused()?;
    says(&refused, &["no interface"])?;
    nic.remove()
}
