// SPDX-License-Identifier: GPL-2.0

//! XDP_REDIRECT: what a program sends out by another port of its NIC is what native XDP
//! sends out by another interface; what can't be sent is counted.

use std::time::Instant;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::{bring_up, Cable};
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::frames::{Frames, JUMBO_MTU, MARK_AWAY, MARK_PASS, MARK_TX};
use offload_tests::link::{Link, Statistics, PATIENCE};
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::outcome::{exchange, same_frames, Ends, BATCH};
use offload_tests::wire::Sender;
use offload_uapi::stats;

/// The MTU of the cable that frames are redirected to: less than many of them have.
const AWAY_MTU: usize = 1500;
/// An index that no interface has.
const NOBODY: u32 = 1 << 20;

/// Two cables, and between them the interface whose program is under test.
struct Crossing {
    /// Sends, and gets what bounces.
    near: Link,
    /// Receives.
    far: Link,
    /// Sends what is redirected; in the namespace of `far`.
    out: Link,
    /// Gets what is redirected.
    away: Link,
    mode: Mode,
    namespaces: Vec<NetNs>,
    module: Option<Module>,
}

impl Crossing {
    fn of(mode: Mode) -> Result<Self> {
        let namespaces = ["cnear", "cmid", "caway"].map(NetNs::new);
        let namespaces = namespaces.into_iter().collect::<Result<Vec<_>>>()?;
        let ns_of = [0, 1, 1, 2].map(|index| &namespaces[index]);
        let mut module = None;
        let links = match mode {
            Mode::Native => {
                for (pair, ns) in ns_of.chunks(2).enumerate() {
                    Cmd::new(format!(
                        "ip link add veth{} netns {} type veth peer name veth{} netns {}",
                        2 * pair,
                        ns[0].name(),
                        2 * pair + 1,
                        ns[1].name()
                    ))
                    .run()?;
                }
                [0, 1, 2, 3].map(|index| Link::within(ns_of[index], &format!("veth{index}")))
            }
            Mode::Offload => {
                module = Some(Module::insert("nics=1 ports=4 queues=1")?);
                let mut links = [0, 1, 2, 3].map(|index| Link::new(&format!("onic{index}")));
                for (link, ns) in links.iter_mut().zip(ns_of) {
                    link.move_to(ns)?;
                }
                links
            }
        };
        for ns in &namespaces {
            ns.silence()?;
        }
        let [near, far, out, away] = links;
        bring_up(&near, &far, JUMBO_MTU)?;
        bring_up(&out, &away, AWAY_MTU)?;
        if mode == Mode::Native {
            // A veth takes frames from another one's program only while it polls.
            for link in [&near, &away] {
                Attached::new(link, mode, "pass")?;
            }
        }
        Ok(Self {
            near,
            far,
            out,
            away,
            mode,
            namespaces,
            module,
        })
    }

    fn attach(&self) -> Result<Attached> {
        let program = Attached::new(&self.far, self.mode, "redirect")?;
        let targets = [self.out.index()?, NOBODY, self.far.index()?];
        for (key, target) in (0_u32..).zip(targets) {
            let (key, target) = (key.to_le_bytes(), target.to_le_bytes());
            program.map("targets")?.update(&key, &target)?;
        }
        Ok(program)
    }

    /// Sends `frames` and tells what came out where.
    fn exchange(&self, frames: &[Vec<u8>]) -> Result<Ends> {
        let ends = [
            ("passed", MARK_PASS, &self.far),
            ("bounced", MARK_TX, &self.near),
            ("redirected", MARK_AWAY, &self.away),
        ];
        exchange(&self.near, &ends, frames)
    }
}

fn some_frames(seed: u64) -> Vec<Vec<u8>> {
    let number = if env::is_slow() { 500 } else { 10_000 };
    let mut source = Frames::new(seed, JUMBO_MTU);
    (0..number).map(|_| source.next_frame()).collect()
}

/// How many of `frames` ask the program for one of `wanted` (see `redirect.bpf.c`).
fn asking(frames: &[Vec<u8>], wanted: &[u8]) -> u64 {
    let asks = |frame: &&Vec<u8>| wanted.contains(&(frame[11] % 10));
    frames.iter().filter(asks).count() as u64
}

/// How many frames of [`Crossing::exchange`] carry one of the marks' EtherTypes.
fn marks(frames: &[Vec<u8>]) -> u64 {
    4 * frames.len().div_ceil(BATCH) as u64
}

#[test]
fn redirected_frames_are_those_of_native_xdp() -> Result<()> {
    let frames = some_frames(40);
    let mut outcomes = Vec::new();
    for mode in [Mode::Native, Mode::Offload] {
        let crossing = Crossing::of(mode)?;
        let program = crossing.attach()?;
        let observed = crossing
            .exchange(&frames)
            .with_context(|| format!("{mode:?}"))?;
        outcomes.push((observed, program.map("returned")?.dump()?));
    }
    let [(native, native_counts), (offloaded, counts)] = &outcomes[..] else {
        unreachable!("two runs were made");
    };
    for (what, expected) in native {
        same_frames(what, expected, &offloaded[what])?;
        let expected = expected.len();
        ensure!(expected > frames.len() / 20, "only {expected} {what}");
        println!("{what}: {expected} of {} frames", frames.len());
    }
    let fit = asking(&frames, &[0, 1, 2, 6]);
    let sent = native["redirected"].len() as u64;
    ensure!(sent < fit, "all of {fit} frames were short enough");
    ensure!(
        native_counts == counts,
        "bpf_redirect() returned {native_counts:?} natively, {counts:?} in the device"
    );
    Ok(())
}

/// The counters of one port, before and after.
struct Counted {
    before: Statistics,
    after: Statistics,
}

impl Counted {
    fn get(&self, name: &str) -> Result<u64> {
        self.after.since(&self.before, name)
    }

    fn is(&self, name: &str, expected: u64) -> Result<()> {
        let found = self.get(name)?;
        ensure!(found == expected, "{name} is {found}, not {expected}");
        Ok(())
    }

    /// The sum of several counters.
    fn sum(&self, names: &[&str]) -> Result<u64> {
        names.iter().map(|name| self.get(name)).sum()
    }
}

/// Whether `frames` have reached the first port, and all that it redirected has been lost or
/// sent, and has arrived.
fn is_settled([far, out, away]: &[Counted; 3], frames: u64) -> Result<bool> {
    let verdicts = far.sum(&[
        stats::XDP_HW_PASS,
        stats::XDP_HW_DROP,
        stats::XDP_HW_TX,
        stats::XDP_HW_REDIRECT,
        stats::XDP_HW_ABORTED,
    ])?;
    let lost = far.sum(&[
        stats::XDP_HW_REDIRECT_NO_PORT_DROPS,
        stats::XDP_HW_REDIRECT_DOWN_DROPS,
        stats::XDP_HW_REDIRECT_TOO_LONG_DROPS,
        stats::XDP_HW_REDIRECT_RING_FULL_DROPS,
    ])?;
    let sent = out.get(stats::TX_REDIRECTED_FRAMES)?;
    let all = lost + sent + far.get(stats::TX_REDIRECTED_FRAMES)?;
    Ok(verdicts >= frames
        && far.get(stats::XDP_HW_REDIRECT)? == all
        && away.get(stats::RX_DEVICE_FRAMES)? == sent)
}

/// Counts what happens to the ports that redirect, send and get while `work` is done and
/// `frames` reach the first of them.
fn counted(
    crossing: &Crossing,
    frames: u64,
    work: impl FnOnce() -> Result<()>,
) -> Result<[Counted; 3]> {
    let [far, out, away] = [&crossing.far, &crossing.out, &crossing.away];
    let before = [far.statistics()?, out.statistics()?, away.statistics()?];
    work()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let count = |link: &Link, before: &Statistics| {
            Ok::<_, anyhow::Error>(Counted {
                before: before.clone(),
                after: link.statistics()?,
            })
        };
        let counted = [
            count(far, &before[0])?,
            count(out, &before[1])?,
            count(away, &before[2])?,
        ];
        if is_settled(&counted, frames)? {
            return Ok(counted);
        }
        let all = counted.map(|each| each.after);
        ensure!(
            Instant::now() < deadline,
            "never all accounted for: {all:?}"
        );
    }
}

#[test]
fn every_redirected_frame_is_sent_or_counted() -> Result<()> {
    let crossing = Crossing::of(Mode::Offload)?;
    crossing.attach()?;
    let frames = some_frames(41);
    let marks = marks(&frames);
    let tx = |what| crossing.out.stat("tx", what);
    let (packets, bytes) = (tx("packets")?, tx("bytes")?);
    let sent = frames.len() as u64 + 3 * marks;
    let [far, out, away] = counted(&crossing, sent, || crossing.exchange(&frames).map(drop))?;

    let redirected = asking(&frames, &[0, 1, 2, 6]) + marks;
    let itself = asking(&frames, &[4]);
    // One kind grows by 12 bytes before it is sent on.
    let is_too_long = |frame: &&Vec<u8>| match frame[11] % 10 {
        0 | 1 | 6 => frame.len() > AWAY_MTU + 18,
        2 => frame.len() + 12 > AWAY_MTU + 18,
        _ => false,
    };
    let too_long = frames.iter().filter(is_too_long).count() as u64;
    ensure!(too_long > 0, "all frames are short enough");
    let nowhere = asking(&frames, &[3, 7]);
    far.is(stats::RX_DEVICE_FRAMES, sent)?;
    far.is(stats::XDP_HW_REDIRECT, redirected + itself + nowhere)?;
    far.is(stats::XDP_HW_REDIRECT_NO_PORT_DROPS, nowhere)?;
    far.is(stats::XDP_HW_REDIRECT_TOO_LONG_DROPS, too_long)?;
    far.is(stats::XDP_HW_REDIRECT_DOWN_DROPS, 0)?;
    far.is(stats::XDP_HW_REDIRECT_RING_FULL_DROPS, 0)?;
    far.is(stats::XDP_HW_ABORTED, asking(&frames, &[5]))?;
    far.is(stats::TX_REDIRECTED_FRAMES, itself)?;
    out.is(stats::TX_REDIRECTED_FRAMES, redirected - too_long)?;
    away.is(stats::RX_DEVICE_FRAMES, redirected - too_long)?;
    let (packets, bytes) = (tx("packets")? - packets, tx("bytes")? - bytes);
    ensure!(packets == redirected - too_long, "{packets} packets sent");
    away.is(stats::RX_DEVICE_BYTES, bytes)
}

/// A frame that asks for the first target.
fn asking_for_the_first() -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[0] = 2;
    frame[6] = 2;
    frame
}

#[test]
fn a_port_that_cannot_send_loses_frames_by_reason() -> Result<()> {
    const FRAMES: u64 = 10;
    let mut crossing = Crossing::of(Mode::Offload)?;
    crossing.attach()?;
    let sender = Sender::new(&crossing.near)?;
    let send = || (0..FRAMES).try_for_each(|_| sender.send(&asking_for_the_first()));
    // The far end of its cable is down; it is down itself; it is in another namespace,
    // where its index means nothing here.
    for link in [&crossing.away, &crossing.out] {
        link.set("down").run()?;
        let [far, out, _] = counted(&crossing, FRAMES, send)?;
        far.is(stats::XDP_HW_REDIRECT, FRAMES)?;
        far.is(stats::XDP_HW_REDIRECT_DOWN_DROPS, FRAMES)?;
        out.is(stats::TX_REDIRECTED_FRAMES, 0)?;
        link.set("up").run()?;
        link.await_carrier()?;
    }
    let lost = crossing.far.stat("rx", "dropped")?;
    ensure!(lost == 2 * FRAMES, "`ip -s link` shows {lost} lost");
    crossing.out.move_to(&crossing.namespaces[2])?;
    crossing.out.set("up").run()?;
    let [far, out, _] = counted(&crossing, FRAMES, send)?;
    far.is(stats::XDP_HW_REDIRECT_NO_PORT_DROPS, FRAMES)?;
    out.is(stats::TX_REDIRECTED_FRAMES, 0)?;
    crossing.out.move_to(&crossing.namespaces[1])?;
    crossing.out.set("up").run()?;
    crossing.out.await_carrier()?;
    let [far, out, _] = counted(&crossing, FRAMES, send)?;
    far.is(stats::XDP_HW_REDIRECT, FRAMES)?;
    out.is(stats::TX_REDIRECTED_FRAMES, FRAMES)?;
    detach(&crossing.far, Mode::Offload)
}

/// Ports hold each other; a program that sends frames from one to the other does not keep the
/// module, nor the module the frames.
#[test]
fn the_module_goes_while_frames_are_redirected() -> Result<()> {
    let rounds = if env::is_slow() { 2 } else { 4 };
    for round in 0..rounds {
        let mut crossing = Crossing::of(Mode::Offload)?;
        let program = crossing.attach()?;
        // Half of the times in a circle, so that no queue is ever empty.
        if round % 2 == 0 {
            crossing.near.move_to(&crossing.namespaces[1])?;
            bring_up(&crossing.near, &crossing.far, JUMBO_MTU)?;
            let target = crossing.near.index()?.to_le_bytes();
            program.map("targets")?.update(&[0; 4], &target)?;
        }
        let sender = Sender::new(&crossing.near)?;
        let before = crossing.far.statistics()?;
        let redirected = |far: &Link| {
            let now = far.statistics()?;
            now.since(&before, stats::XDP_HW_REDIRECT)
        };
        std::thread::scope(|scope| {
            scope.spawn(|| while sender.send(&asking_for_the_first()).is_ok() {});
            let flowing = crossing
                .far
                .await_that("frames that are redirected", |far| {
                    Ok(redirected(far)? > 100)
                });
            // It goes in any case, or the sender would not end.
            crossing.module = None;
            flowing
        })?;
        ensure!(!Module::is_loaded()?, "round {round}: rmmod was refused");
    }
    Ok(())
}

/// A port whose frames are sent to it again: they go round for ever, and the machine has
/// to stay usable.
#[test]
fn frames_that_go_in_a_circle() -> Result<()> {
    let mut cable = Cable::onic(1500)?;
    // The program names ports in its own namespace.
    let both = NetNs::new("both")?;
    both.silence()?;
    for link in [&mut cable.near, &mut cable.far] {
        link.move_to(&both)?;
    }
    bring_up(&cable.near, &cable.far, 1500)?;
    let program = cable.attach("redirect")?;
    let target = cable.near.index()?.to_le_bytes();
    program.map("targets")?.update(&[0; 4], &target)?;
    let sender = Sender::new(&cable.near)?;
    for _ in 0..64 {
        sender.send(&asking_for_the_first())?;
    }
    let rounds = |link: &Link| link.statistics()?.get(stats::XDP_HW_REDIRECT);
    cable
        .far
        .await_that("frames that go round", |far| Ok(rounds(far)? > 5_000))?;

    // Commands are answered, and taking the port down ends it.
    for _ in 0..5 {
        Cmd::new("ip -s link show").run()?;
    }
    cable.far.set("down").run()?;
    let then = rounds(&cable.far)?;
    cable.far.set("up").run()?;
    cable.far.await_carrier()?;
    let (far, near) = (cable.far.statistics()?, cable.near.statistics()?);
    ensure!(far.get(stats::XDP_HW_REDIRECT)? == then, "it goes on");
    let lost = far.sum(|name| name.starts_with(stats::XDP_HW_REDIRECT) && name.ends_with("_drops"));
    ensure!(
        near.get(stats::TX_REDIRECTED_FRAMES)? + lost == then,
        "{then} frames redirected, {lost} lost: {near:?}"
    );
    let taken = far.get(stats::RX_DEVICE_FRAMES)? + far.get(stats::RX_DOWN_DROPS)?;
    let sent = near.get(stats::TX_REDIRECTED_FRAMES)? + 64;
    ensure!(
        sent == taken,
        "{sent} frames on the cable, {taken} taken or lost"
    );
    detach(&cable.far, Mode::Offload)
}
