// SPDX-License-Identifier: GPL-2.0

//! Frames per second of a program that drops everything: offloaded on a port of ours,
//! native on a veth pair, generic on a linked netdevsim pair; one source, one kernel,
//! one boot, interleaved. Then what sockets get through the same pairs.

mod stream;

use std::fs::{self, File};
use std::os::fd::AsRawFd;

use anyhow::{bail, ensure, Context, Result};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::Table;
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::netns::NetNs;
use offload_tests::pktgen;
use offload_uapi::stats;
use stream::Pair;

/// Frames of one run.
const FRAMES: u64 = 200_000;
/// Runs of each setup; the table shows their median.
const ROUNDS: usize = 7;
/// The same of what goes through sockets. Where more hangs on who is scheduled when, there are more.
const TCP_ROUNDS: usize = 81;
const UDP_ROUNDS: usize = 9;

/// Two linked interfaces, and how to count what the program on the second has dropped.
struct Setup {
    name: &'static str,
    near: Link,
    far: Link,
    dropped: fn(&Link) -> Result<u64>,
    rates: Vec<f64>,
}

/// A linked pair of netdevsim devices, removed on drop.
struct Netdevsim {
    near: Link,
    far: Link,
    // Deleted before the devices, which come home by that.
    _namespaces: [NetNs; 2],
}

const NETDEVSIM_IDS: [u32; 2] = [771, 772];

impl Netdevsim {
    fn new() -> Result<Self> {
        load("netdevsim", "/sys/bus/netdevsim")?;
        let namespaces = [NetNs::new("snear")?, NetNs::new("sfar")?];
        let mut links = Vec::new();
        for (id, ns) in NETDEVSIM_IDS.iter().zip(&namespaces) {
            fs::write("/sys/bus/netdevsim/new_device", format!("{id} 1 1"))
                .context("make a netdevsim device")?;
            let directory = format!("/sys/bus/netdevsim/devices/netdevsim{id}/net");
            let entry = fs::read_dir(&directory)?.next();
            let entry = entry.with_context(|| format!("nothing in {directory}"))??;
            let mut link = Link::new(&entry.file_name().to_string_lossy());
            let name = format!("nsim{id}");
            link.set(format!("name {name}")).run()?;
            link.name = name;
            link.move_to(ns)?;
            ns.silence()?;
            link.set("up").run()?;
            links.push(link);
        }
        let mut ends = Vec::new();
        // The namespaces have to stay open until the kernel has read their numbers.
        let mut open = Vec::new();
        for (link, ns) in links.iter().zip(&namespaces) {
            let file = File::open(format!("/run/netns/{}", ns.name()))?;
            ends.push(format!("{}:{}", file.as_raw_fd(), link.index()?));
            open.push(file);
        }
        fs::write("/sys/bus/netdevsim/link_device", ends.join(" "))
            .context("link two netdevsim devices")?;
        let far = links.pop().context("no device")?;
        let near = links.pop().context("no device")?;
        near.await_carrier()?;
        Ok(Self {
            near,
            far,
            _namespaces: namespaces,
        })
    }
}

impl Drop for Netdevsim {
    fn drop(&mut self) {
        for id in NETDEVSIM_IDS {
            let _ = fs::write("/sys/bus/netdevsim/del_device", id.to_string());
        }
    }
}

/// Loads `module` unless `sign`, which it makes, is there: it may be built in.
fn load(module: &str, sign: &str) -> Result<()> {
    if fs::exists(sign)? {
        return Ok(());
    }
    Cmd::new(format!("modprobe {module}")).run()?;
    Ok(())
}

fn sum(link: &Link, matches: impl Fn(&str) -> bool) -> Result<u64> {
    Ok(link.statistics()?.sum(matches))
}

impl Setup {
    fn new(name: &'static str, near: &Link, far: &Link, dropped: fn(&Link) -> Result<u64>) -> Self {
        Self {
            name,
            near: near.clone(),
            far: far.clone(),
            dropped,
            rates: Vec::new(),
        }
    }

    /// One run: frames that the program dropped, per second of the source's time.
    fn measure(&mut self) -> Result<()> {
        let before = (self.dropped)(&self.far)?;
        let run = pktgen::run(&self.near, FRAMES, &[])?;
        let dropped = (self.dropped)(&self.far)? - before;
        ensure!(
            dropped > run.sent / 2,
            "{}: of {} frames sent only {dropped} met the program",
            self.name,
            run.sent
        );
        self.rates.push(dropped as f64 / run.elapsed.as_secs_f64());
        Ok(())
    }

    /// How many times as fast this is as `other`: the median over the rounds, each
    /// compared with itself, so that a load on the machine which comes and goes matters
    /// little.
    fn times(&self, other: &Self) -> f64 {
        let ratios = self.rates.iter().zip(&other.rates);
        median(ratios.map(|(ours, theirs)| ours / theirs).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    if is_wanted("drop") {
        drop_everything()?;
    }
    streams(is_wanted)?;
    let jit = fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").unwrap_or_default();
    println!(
        "kernel {}, BPF JIT {}",
        Cmd::new("uname -rm").run()?.trim(),
        match jit.trim() {
            "" => "absent (programs of veth and netdevsim are interpreted)",
            "0" => "off",
            _ => "on",
        }
    );
    Ok(())
}

/// TCP and UDP through each pair.
fn streams(is_wanted: impl Fn(&str) -> bool) -> Result<()> {
    type Measure = fn(&Pair) -> Result<f64>;
    let kinds: [(&str, &str, usize, Measure); 2] = [
        ("tcp", "TCP, MB/s (median)", TCP_ROUNDS, Pair::tcp),
        (
            "udp",
            "UDP in frames of 64 bytes, frames/s (median)",
            UDP_ROUNDS,
            Pair::udp,
        ),
    ];
    let kinds: Vec<_> = kinds.iter().filter(|kind| is_wanted(kind.0)).collect();
    if kinds.is_empty() {
        return Ok(());
    }

    let onic = Cable::onic(1500)?;
    let veth = Cable::veth(1500)?;
    // With a program a veth takes no super-frames.
    detach(&veth.near, Mode::Native)?;
    let ours = Pair::new("offload_nic", 1, &onic.near, &onic.far)?;
    let mut pairs = vec![
        ours.keeping_whole("offload_nic, super-frames stay whole", true),
        ours.keeping_whole("offload_nic, each is cut", false),
        Pair::new("veth", 2, &veth.near, &veth.far)?,
    ];
    let netdevsim = Netdevsim::new();
    match &netdevsim {
        Ok(pair) => pairs.push(Pair::new("netdevsim", 3, &pair.near, &pair.far)?),
        Err(error) => println!("skipped: netdevsim: {error:#}"),
    }
    for &(_, what, rounds, measure) in kinds {
        pairs.iter_mut().for_each(|pair| pair.rates.clear());
        for round in 0..=rounds {
            for pair in &mut pairs {
                pair.prepare()?;
                let rate = measure(pair).with_context(|| pair.name)?;
                // The first warms caches and page pools and is not counted.
                if round > 0 {
                    pair.rates.push(rate);
                }
            }
        }
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED);
        table.set_header(["pair", what, "lowest", "highest", "whole is", "cut is"]);
        for pair in &pairs {
            let times = |ours: &Pair| {
                let ratios = ours.rates.iter().zip(&pair.rates);
                let times = median(ratios.map(|(ours, theirs)| ours / theirs).collect());
                format!("{times:.2} times as fast")
            };
            let low = pair.rates.iter().copied().fold(f64::INFINITY, f64::min);
            let high = pair.rates.iter().copied().fold(0.0, f64::max);
            table.add_row([
                pair.name.to_owned(),
                format!("{:.0}", median(pair.rates.clone())),
                format!("{low:.0}"),
                format!("{high:.0}"),
                times(&pairs[0]),
                times(&pairs[1]),
            ]);
        }
        println!("{table}");
    }
    Ok(())
}

/// Frames that a program drops, by each pair's way of running it.
fn drop_everything() -> Result<()> {
    pktgen::load()?;
    // Longer frames than 1500 play no part; one queue on each side.
    let onic = Cable::onic(1500)?;
    let veth = Cable::veth(1500)?;
    onic.attach("drop")?;
    veth.attach("drop")?;
    let mut setups = vec![
        Setup::new("offloaded, offload_nic", &onic.near, &onic.far, |far| {
            far.statistics()?.get(stats::XDP_HW_DROP)
        }),
        Setup::new("native, veth", &veth.near, &veth.far, |far| {
            sum(far, |name| {
                name.starts_with("rx_queue_") && name.ends_with("xdp_drops")
            })
        }),
    ];
    let netdevsim = Netdevsim::new();
    match &netdevsim {
        Ok(pair) => {
            pair.far
                .set("xdpgeneric obj")
                .arg(env::object("drop")?)
                .args("sec xdp")
                .run()?;
            let show = pair.far.show()?;
            ensure!(show["xdp"].is_object(), "no generic program: {show}");
            setups.push(Setup::new(
                "generic, netdevsim",
                &pair.near,
                &pair.far,
                |far| far.stat("rx", "packets"),
            ));
        }
        Err(error) => println!("skipped: netdevsim: {error:#}"),
    }
    ensure!(
        Attached::of(&onic.far, Mode::Offload)?.is_some(),
        "not offloaded"
    );

    println!("{ROUNDS} rounds of {FRAMES} frames of 60 bytes each, interleaved:");
    for round in 0..=ROUNDS {
        for setup in &mut setups {
            setup.measure()?;
        }
        if round == 0 {
            // The first warms caches and page pools and is not counted.
            setups.iter_mut().for_each(|setup| setup.rates.clear());
            continue;
        }
        let rates: Vec<_> = setups
            .iter()
            .map(|setup| format!("{:.0}", setup.rates[round - 1]))
            .collect();
        println!("  round {round}: {} frames/s", rates.join(", "));
    }

    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header([
        "XDP_DROP",
        "frames/s (median)",
        "lowest",
        "highest",
        "offloaded is",
    ]);
    for setup in &setups {
        let mut rates = setup.rates.clone();
        rates.sort_by(f64::total_cmp);
        let (Some(low), Some(high)) = (rates.first(), rates.last()) else {
            bail!("{}: nothing measured", setup.name);
        };
        table.add_row([
            setup.name.to_owned(),
            format!("{:.0}", median(setup.rates.clone())),
            format!("{low:.0}"),
            format!("{high:.0}"),
            format!("{:.2} times as fast", setups[0].times(setup)),
        ]);
    }
    println!("{table}");
    Ok(())
}
