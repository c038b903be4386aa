// SPDX-License-Identifier: GPL-2.0

//! Headers and what they carry in different memory (`ethtool -G ... tcp-data-split`): which frames,
//! that nothing else changes by it, and that user space can map what has come.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{attach_command, detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::{says, Cmd};
use offload_tests::compiled::Compiled;
use offload_tests::env;
use offload_tests::link::{Link, PATIENCE};
use offload_tests::netns;
use offload_tests::nic::set_profile;
use offload_tests::qstats::page_pools;
use offload_tests::streams;
use offload_tests::tc::{filter, prepare, Runner};
use offload_tests::ynl;
use offload_uapi::{limits, stats};
use serde_json::{json, Value};

const FAR: [&str; 2] = ["10.8.0.2", "fd08::2"];
const QUEUES: u32 = 2;
/// Headers of TCP over IPv4 with time stamps, behind Ethernet's.
const HEADERS: usize = 20 + 20 + 12;
const PAGE: usize = 4096;

/// A cable for TCP, whose frames carry up to `payload` bytes over IPv4.
fn cable(payload: usize) -> Result<Cable> {
    let cable = Cable::onic_with_queues(QUEUES, payload + HEADERS)?;
    for (link, number) in [(&cable.near, 1), (&cable.far, 2)] {
        let name = &link.name;
        link.cmd(format!(
            "ethtool -K {name} rx on tx on sg on tso on gso on gro on"
        ))
        .run()?;
        link.set("arp on").run()?;
        // Silenced ends have no IPv6.
        link.cmd(format!(
            "sysctl -q net.ipv6.conf.{name}.disable_ipv6=0 net.ipv6.conf.{name}.accept_dad=0"
        ))
        .run()?;
        for address in [format!("10.8.0.{number}/24"), format!("fd08::{number}/64")] {
            link.cmd(format!("ip address add {address} dev {name}"))
                .run()?;
        }
    }
    Ok(cable)
}

/// Sets rings by netlink, as the kernel's specification names them: `ethtool -G` of older releases has no
/// word for the threshold.
fn set(link: &Link, rings: &Value) -> Result<Cmd> {
    let mut rings = rings.clone();
    rings["header"] = json!({ "dev-name": link.name });
    Ok(ethtool_family(link, "--do rings-set")?
        .arg("--json")
        .arg(rings.to_string()))
}

/// Has frames of `link` split, or none (`tcp-data-split`).
fn split(link: &Link, on: bool) -> Result<()> {
    let word = if on { "on" } else { "off" };
    link.cmd(format!("ethtool -G {} tcp-data-split {word}", link.name))
        .run()?;
    Ok(())
}

/// Whether frames are split, and what is longer than how many bytes, as `rings-get` has them.
fn shown(link: &Link) -> Result<(String, u64)> {
    let asked = json!({ "header": { "dev-name": link.name } });
    let rings = ethtool_family(link, "--output-json --do rings-get")?
        .arg("--json")
        .arg(asked.to_string())
        .json()?;
    let split = rings["tcp-data-split"].as_str();
    let split = split.with_context(|| format!("no tcp-data-split: {rings}"))?;
    let threshold = rings["hds-thresh"].as_u64();
    let most = rings["hds-thresh-max"].as_u64();
    ensure!(most == Some(limits::MAX_HDS_THRESHOLD.into()), "{rings}");
    let threshold = threshold.with_context(|| format!("no hds-thresh: {rings}"))?;
    Ok((split.to_owned(), threshold))
}

/// The kernel's tool for netlink specifications, for the family `ethtool` and where `link` is, with `args`.
fn ethtool_family(link: &Link, args: &str) -> Result<Cmd> {
    let command = ynl::command(&ynl::specification("ethtool")?)?;
    Ok(command.in_netns(link.ns.as_deref()).args(args))
}

/// Frames of `link` that were split since `work` began.
fn split_by(link: &Link, work: impl FnOnce() -> Result<()>) -> Result<u64> {
    let before = link.statistics()?;
    work()?;
    link.statistics()?.since(&before, stats::RX_HDS_PACKETS)
}

/// No frame that arrived was lost.
fn nothing_is_dropped(link: &Link) -> Result<()> {
    let drops = link.statistics()?.sum(|name| name.ends_with("_drops"));
    ensure!(drops == 0, "{link} dropped {drops} frames");
    Ok(())
}

fn targets() -> Result<Vec<IpAddr>> {
    FAR.iter().map(|target| Ok(target.parse()?)).collect()
}

#[test]
fn the_user_sets_it() -> Result<()> {
    let cable = cable(1400)?;
    let far = &cable.far;
    let are = |split: &str, threshold: u32| -> Result<()> {
        let found = shown(far)?;
        ensure!(found == (split.into(), threshold.into()), "{found:?}");
        Ok(())
    };
    are("disabled", 0)?;
    for (split, means) in [
        ("enabled", "enabled"),
        ("disabled", "disabled"),
        ("enabled", "enabled"),
        // Left to the driver.
        ("unknown", "disabled"),
        ("enabled", "enabled"),
    ] {
        set(far, &json!({ "tcp-data-split": split }))?.run()?;
        are(means, 0)?;
    }
    let most = limits::MAX_HDS_THRESHOLD;
    set(far, &json!({ "hds-thresh": most }))?.run()?;
    are("enabled", most)?;
    let said = set(far, &json!({ "hds-thresh": most + 1 }))?.refused()?;
    says(&said, &["exceeds maximum"])?;
    // Neither sizes nor the number of queues have a say in it, nor does going down.
    set(far, &json!({ "rx": 1024, "hds-thresh": 77 }))?.run()?;
    far.cmd(format!("ethtool -L {} combined 1", far.name))
        .run()?;
    far.set("down").run()?;
    far.set("up").run()?;
    are("enabled", 77)?;
    // Where the rings are too small for the driver, nothing changes.
    let said = set(far, &json!({ "rx": 1, "tcp-data-split": "disabled" }))?.refused()?;
    says(&said, &["rx ring of 1 is too small"])?;
    are("enabled", 77)?;

    // A program that takes a frame in one buffer only, and splitting, exclude each other; in the device,
    // too.
    for mode in [Mode::Native, Mode::Offload] {
        let said = attach_command(far, mode, "pass")?.refused()?;
        says(&said, &["tcp-data-split"])?;
    }
    split(far, false)?;
    for mode in [Mode::Native, Mode::Offload] {
        Attached::new(far, mode, "pass")?;
        let said = set(far, &json!({ "tcp-data-split": "enabled" }))?.refused()?;
        says(&said, &["single buffer XDP"])?;
        are("disabled", 77)?;
        detach(far, mode)?;
    }
    split(far, true)?;
    are("enabled", 77)
}

/// What arrives is what was sent, whatever the device can do; frames are split if and only if they are
/// wanted so.
#[test]
fn streams_stay_as_they_are() -> Result<()> {
    let cable = cable(1400)?;
    let (near, far) = (&cable.near, &cable.far);
    let len = if env::is_slow() { 200_000 } else { 2_000_000 };
    let targets = targets()?;
    for profile in ["programmable", "legacy", "none"] {
        set_profile(0, profile)?;
        for (setting, splits) in [
            (
                json!({ "tcp-data-split": "disabled", "hds-thresh": 0 }),
                false,
            ),
            (json!({ "tcp-data-split": "enabled" }), true),
            (json!({ "hds-thresh": 1000 }), true),
            // No frame is longer.
            (json!({ "hds-thresh": 14 + 1400 + HEADERS }), false),
            (
                json!({ "tcp-data-split": "unknown", "hds-thresh": 0 }),
                false,
            ),
        ] {
            set(far, &setting)?.run()?;
            for target in &targets {
                let count = split_by(far, || streams::tcp(near, far, *target, len))
                    .with_context(|| format!("{profile}, {setting}, {target}"))?;
                ensure!(
                    (count > 0) == splits,
                    "{profile}, {setting}, {target}: {count} frames were split"
                );
            }
        }
        // GRO or not, and cut by the sender's software.
        split(far, true)?;
        let name = &far.name;
        far.cmd(format!("ethtool -K {name} gro off")).run()?;
        near.cmd(format!("ethtool -K {} tso off gso off", near.name))
            .run()?;
        for target in &targets {
            let count = split_by(far, || streams::tcp(near, far, *target, len))?;
            ensure!(count > 0, "{profile}, {target}: no frame was split");
        }
        near.cmd(format!("ethtool -K {} tso on gso on", near.name))
            .run()?;
        // Datagrams have nothing to do with it.
        let datagrams = [(1, None), (1300, None), (13_000, Some(1300))];
        let count = split_by(far, || {
            streams::datagrams(near, far, targets[0], &datagrams)
        })?;
        ensure!(count == 0, "{count} datagrams were split");
        far.cmd(format!("ethtool -K {name} gro on rx-gro-hw on"))
            .run()?;
        // Super-frames that would stay whole in the sender's memory do not.
        let count = split_by(far, || streams::tcp(near, far, targets[0], len))?;
        ensure!(count > 0, "{profile}: with rx-gro-hw no frame was split");
        far.cmd(format!("ethtool -K {name} rx-gro-hw off")).run()?;
        split(far, false)?;
    }
    nothing_is_dropped(far)
}

/// Frames that an offloaded program has seen are split as it has left them; one that may write has them
/// in one piece before.
#[test]
fn a_classifier_sees_whole_frames() -> Result<()> {
    let cable = cable(1400)?;
    let (near, far) = (&cable.near, &cable.far);
    split(far, true)?;
    prepare(far, Runner::Device)?;
    let target = targets()?[0];
    for object in ["tc_count", "tc_mark"] {
        filter(far, "add", 1, object, Runner::Device.keyword())?.run()?;
        let count = split_by(far, || streams::tcp(near, far, target, 300_000))
            .with_context(|| object.to_owned())?;
        ensure!(count > 0, "{object}: no frame was split");
        far.cmd(format!("tc filter del dev {} ingress", far.name))
            .run()?;
    }
    nothing_is_dropped(far)
}

/// A native program that takes fragments has the headers in its first buffer, and nothing else.
#[test]
fn native_programs_get_headers_first() -> Result<()> {
    let cable = cable(1400)?;
    let (near, far) = (&cable.near, &cable.far);
    let program = Attached::in_section(far, Mode::Native, "parted", "xdp.frags")?;
    let map = program.map("counts")?;
    let counts = || -> Result<Vec<u64>> {
        (0..3_u32)
            .map(|index| {
                let value = map.lookup(&index.to_ne_bytes())?.context("no entry")?;
                Ok(u64::from_ne_bytes(value[..].try_into()?))
            })
            .collect()
    };
    let target = targets()?[0];
    let count = split_by(far, || streams::tcp(near, far, target, 300_000))?;
    let found = counts()?;
    ensure!(
        count == 0 && found[0] > 0 && found[1..] == [0, 0],
        "{count}, {found:?}"
    );
    split(far, true)?;
    let count = split_by(far, || streams::tcp(near, far, target, 300_000))?;
    let found = counts()?;
    ensure!(
        count > 0 && found[1..] == [count, 0],
        "{count} frames were split, the program has counted {found:?}"
    );
    nothing_is_dropped(far)
}

/// Where a frame carries a page, user space can have that page (`TCP_ZEROCOPY_RECEIVE`): it has nothing
/// else, and only one user.
#[test]
fn pages_can_be_mapped() -> Result<()> {
    const LEN: usize = 300 * PAGE;
    let tool = Compiled::tool("zerocopy", include_str!("../../split/zerocopy.c"))?;
    let told = tool.beside("told");
    let cable = cable(PAGE)?;
    let (near, far) = (&cable.near, &cable.far);
    let sent = streams::pattern(LEN);
    let name = &far.name;
    for gro in ["on", "off"] {
        far.cmd(format!("ethtool -K {name} gro {gro}")).run()?;
        split(far, true)?;
        let listener = netns::enter(far.ns.as_deref(), || {
            TcpListener::bind((FAR[0], 0)).context("listen")
        })?;
        let address = listener.local_addr()?;
        let mut sender = netns::enter(near.ns.as_deref(), || {
            TcpStream::connect_timeout(&address, PATIENCE).context("connect")
        })?;
        let (receiver, _) = listener.accept().context("accept")?;
        let reader = Command::new(tool.path())
            .arg(&told)
            .stdin(OwnedFd::from(receiver))
            .stdout(Stdio::piped())
            .spawn()
            .context("zerocopy")?;
        let output = thread::scope(|scope| -> Result<_> {
            let output = scope.spawn(move || reader.wait_with_output());
            sender.write_all(&sent).context("send")?;
            drop(sender);
            let output = output.join();
            Ok(output.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
        })?;
        ensure!(output.status.success(), "zerocopy: {}", output.status);
        ensure!(
            output.stdout == sent,
            "what was mapped is not what was sent"
        );
        let mapped: usize = fs::read_to_string(&told)?.trim().parse()?;
        println!("GRO {gro}: {mapped} of {LEN} bytes were mapped");
        ensure!(
            mapped >= LEN / 4,
            "GRO {gro}: only {mapped} of {LEN} bytes could be mapped"
        );
    }
    nothing_is_dropped(far)
}

/// Each queue in use has a pool of pages, known by its NAPI instance, and gets its pages back.
#[test]
fn each_queue_has_a_pool() -> Result<()> {
    let cable = cable(1400)?;
    let (near, far) = (&cable.near, &cable.far);
    let pools = page_pools(far)?;
    let instances: std::collections::BTreeSet<_> = pools.iter().map(|pool| pool.napi).collect();
    ensure!(
        pools.len() == QUEUES as usize && instances.len() == pools.len(),
        "{pools:?}"
    );
    ensure!(!instances.contains(&None), "{pools:?}");
    split(far, true)?;
    streams::tcp(near, far, targets()?[0], 2_000_000)?;
    let held = || -> Result<u64> { Ok(page_pools(far)?.iter().map(|pool| pool.in_flight).sum()) };
    let few = held()?;
    // What is in a pool's own store counts as well.
    ensure!(few < 2_000_000 / PAGE as u64 * 2, "{few} pages are out");
    far.cmd(format!("ethtool -L {} combined 1", far.name))
        .run()?;
    far.await_that("one pool", |far| Ok(page_pools(far)?.len() == 1))?;
    far.set("down").run()?;
    far.await_that("no pool", |far| Ok(page_pools(far)?.is_empty()))
}
