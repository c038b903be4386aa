// SPDX-License-Identifier: GPL-2.0

//! What the two ends of a cable agree on: `ethtool`, `ethtool -s`, `ethtool -r`.

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::says;
use offload_tests::frames::{mark, mark_number};
use offload_tests::kmsg::Moment;
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::nic::{plug, unplug};
use offload_tests::traffic::{traffic_flows, under_traffic};
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;

/// The modes of a port, each with its speed in Mb/s and its bit among the kernel's.
const MODES: [(&str, u32, u32); 10] = [
    ("10baseT/Full", 10, 1),
    ("100baseT/Full", 100, 3),
    ("1000baseT/Full", 1_000, 5),
    ("2500baseT/Full", 2_500, 47),
    ("5000baseT/Full", 5_000, 48),
    ("10000baseT/Full", 10_000, 12),
    ("25000baseCR/Full", 25_000, 31),
    ("40000baseCR4/Full", 40_000, 24),
    ("50000baseCR2/Full", 50_000, 34),
    ("100000baseCR4/Full", 100_000, 38),
];

/// What `ethtool` says of a link.
struct Shown(String);

impl Shown {
    fn of(link: &Link) -> Result<Self> {
        Ok(Self(link.cmd(format!("ethtool {}", link.name)).run()?))
    }

    /// The values that stand behind `name`: in its line, and in those below that have no name.
    fn values(&self, name: &str) -> Result<Vec<&str>> {
        let begin = format!("\t{name}:");
        let mut lines = self.0.lines().skip_while(|line| !line.starts_with(&begin));
        let first = lines
            .next()
            .with_context(|| format!("no {name}: {}", self.0))?;
        let more = lines.take_while(|line| line.starts_with("\t "));
        let values = std::iter::once(&first[begin.len()..]).chain(more);
        Ok(values.flat_map(str::split_whitespace).collect())
    }

    /// The link modes that stand behind `whose`, the slowest one first.
    fn modes(&self, whose: &str) -> Result<Vec<&'static str>> {
        let shown = self.values(&format!("{whose} link modes"))?;
        let known = MODES.iter().map(|(name, ..)| *name);
        let modes: Vec<_> = known.filter(|name| shown.contains(name)).collect();
        ensure!(modes.len() == shown.len(), "other modes: {shown:?}");
        Ok(modes)
    }

    fn value(&self, name: &str) -> Result<String> {
        Ok(self.values(name)?.join(" "))
    }
}

/// Sets a link, with the arguments of `ethtool -s`.
fn set(link: &Link, args: &str) -> Result<()> {
    link.cmd(format!("ethtool -s {} {args}", link.name)).run()?;
    Ok(())
}

/// Has a link advertise these modes.
fn advertise(link: &Link, modes: &[(&str, u32, u32)]) -> Result<()> {
    let bits = modes.iter().fold(0u64, |bits, (.., bit)| bits | 1 << bit);
    set(link, &format!("advertise {bits:#x}"))
}

/// Waits until both ends have a link, which has this speed, and which frames go over.
fn runs_at(cable: &Cable, speed: u32) -> Result<()> {
    for link in [&cable.near, &cable.far] {
        link.await_carrier()?;
        let shown = Shown::of(link)?;
        ensure!(
            shown.value("Speed")? == format!("{speed}Mb/s") && shown.value("Duplex")? == "Full",
            "not {speed}: {}",
            shown.0
        );
        ensure!(shown.value("Link detected")? == "yes", "{}", shown.0);
    }
    arrives(cable)
}

/// Sends a frame, which has to arrive.
fn arrives(cable: &Cable) -> Result<()> {
    let before = cable.far.statistics()?;
    Sender::new(&cable.near)?.send(&mark(0x88b7, 1))?;
    cable.far.await_that("a frame", |far| {
        Ok(far.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)? == 1)
    })
}

/// Waits until neither end has a link, sees that `ethtool` gives these reasons, and that nothing
/// goes over the cable.
fn is_broken(cable: &Cable, near: &str, far: &str) -> Result<()> {
    let before = cable.far.statistics()?;
    for (link, reason) in [(&cable.near, near), (&cable.far, far)] {
        link.await_that("no carrier", |link| Ok(!link.has_carrier()?))?;
        let detected = Shown::of(link)?.value("Link detected")?;
        ensure!(detected == format!("no ({reason})"), "{link}: {detected}");
    }
    // Without a carrier the stack does not even give them to the driver.
    let sender = Sender::new(&cable.near)?;
    for number in 0..10 {
        let _ = sender.send(&mark(0x88b7, number));
    }
    let count = cable
        .far
        .statistics()?
        .since(&before, stats::RX_DEVICE_FRAMES)?;
    ensure!(
        count == 0,
        "{count} frames went over a cable without a link"
    );
    Ok(())
}

#[test]
fn the_best_common_mode_is_negotiated() -> Result<()> {
    let cable = Cable::onic(1500)?;
    runs_at(&cable, 100_000)?;
    let all: Vec<_> = MODES.iter().map(|(name, ..)| *name).collect();
    for link in [&cable.near, &cable.far] {
        let shown = Shown::of(link)?;
        for whose in ["Supported", "Advertised", "Link partner advertised"] {
            let modes = shown.modes(whose)?;
            ensure!(modes == all, "{whose} {modes:?}: {}", shown.0);
        }
        let negotiates = "Link partner advertised auto-negotiation";
        ensure!(shown.value(negotiates)? == "Yes", "{}", shown.0);
        ensure!(shown.value("Auto-negotiation")? == "on", "{}", shown.0);
    }

    // One end takes fewer and fewer, then the other end fewer of those.
    for last in (0..MODES.len()).rev() {
        advertise(&cable.near, &MODES[..=last])?;
        runs_at(&cable, MODES[last].1)?;
        let seen = Shown::of(&cable.far)?.modes("Link partner advertised")?;
        ensure!(seen == all[..=last], "{seen:?} are not {:?}", &all[..=last]);
    }
    advertise(&cable.near, &MODES[2..6])?;
    advertise(&cable.far, &MODES[..4])?;
    runs_at(&cable, MODES[3].1)?;
    // A speed with autonegotiation is the mode of that speed.
    set(&cable.near, "speed 1000 duplex full autoneg on")?;
    runs_at(&cable, 1_000)?;
    let advertised = Shown::of(&cable.near)?.modes("Advertised")?;
    ensure!(advertised == ["1000baseT/Full"], "{advertised:?}");

    // It stays so when the interface goes down and up.
    for action in ["down", "up"] {
        cable.near.set(action).run()?;
    }
    runs_at(&cable, 1_000)?;
    for link in [&cable.near, &cable.far] {
        set(link, "autoneg on")?;
    }
    runs_at(&cable, 100_000)
}

#[test]
fn nothing_in_common_is_no_link() -> Result<()> {
    let cable = Cable::onic(1500)?;
    advertise(&cable.near, &MODES[..2])?;
    advertise(&cable.far, &MODES[2..])?;
    is_broken(&cable, "Autoneg, No HCD", "Autoneg, No HCD")?;
    let shown = Shown::of(&cable.near)?;
    ensure!(shown.value("Speed")? == "Unknown!", "{}", shown.0);
    // What the other end wants can be seen all the same.
    let seen = shown.modes("Link partner advertised")?;
    ensure!(seen.len() == MODES.len() - 2, "{}", shown.0);
    advertise(&cable.far, &MODES[1..])?;
    runs_at(&cable, 100)
}

#[test]
fn a_forced_speed_must_be_that_of_both_ends() -> Result<()> {
    let cable = Cable::onic(1500)?;
    for (_, speed, _) in MODES {
        for link in [&cable.near, &cable.far] {
            set(link, &format!("speed {speed} autoneg off"))?;
        }
        runs_at(&cable, speed)?;
    }
    set(&cable.near, "speed 100 duplex full autoneg off")?;
    let reason = "Autoneg, No partner detected during force mode";
    is_broken(&cable, reason, reason)?;
    // What it is forced to is told without a link, too.
    let shown = Shown::of(&cable.near)?;
    ensure!(shown.value("Speed")? == "100Mb/s", "{}", shown.0);
    ensure!(shown.value("Auto-negotiation")? == "off", "{}", shown.0);
    set(&cable.far, "speed 100")?;
    runs_at(&cable, 100)
}

#[test]
fn one_that_negotiates_detects_one_that_is_forced() -> Result<()> {
    let cable = Cable::onic(1500)?;
    set(&cable.near, "speed 2500 autoneg off")?;
    runs_at(&cable, 2_500)?;
    let shown = Shown::of(&cable.far)?;
    let seen = shown.modes("Link partner advertised")?;
    ensure!(seen == ["2500baseT/Full"], "{}", shown.0);
    let negotiates = "Link partner advertised auto-negotiation";
    ensure!(shown.value(negotiates)? == "No", "{}", shown.0);
    advertise(&cable.far, &MODES[..3])?;
    is_broken(
        &cable,
        "Autoneg, No partner detected during force mode",
        "Autoneg, No partner detected",
    )?;
    set(&cable.near, "autoneg on")?;
    runs_at(&cable, 1_000)
}

#[test]
fn without_an_other_end_there_is_no_link() -> Result<()> {
    let cable = Cable::onic(1500)?;
    cable.far.set("down").run()?;
    let detected = |link: &Link| Shown::of(link)?.value("Link detected");
    cable.near.await_that("no partner", |near| {
        Ok(detected(near)? == "no (Autoneg, No partner detected)")
    })?;
    let shown = Shown::of(&cable.near)?;
    ensure!(
        !shown.0.contains("Link partner advertised link modes"),
        "{}",
        shown.0
    );
    unplug(&cable.near)?;
    ensure!(detected(&cable.near)? == "no (No cable)");
    cable.far.set("up").run()?;
    ensure!(detected(&cable.far)? == "no (No cable)");

    // What is set without a cable counts when there is one.
    set(&cable.near, "speed 10000 autoneg off")?;
    ensure!(detected(&cable.near)? == "no (No cable)");
    plug(&cable.far, &cable.near)?;
    runs_at(&cable, 10_000)?;
    // Also with the end down that it is mended at.
    set(&cable.far, "speed 1000 autoneg off")?;
    cable.near.set("down").run()?;
    set(&cable.near, "speed 1000")?;
    cable.near.set("up").run()?;
    runs_at(&cable, 1_000)
}

#[test]
fn negotiation_can_be_had_again() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let changes = |link: &Link| -> Result<u64> {
        let show = link.show()?;
        show["stats64"]["tx"]["carrier_changes"]
            .as_u64()
            .with_context(|| format!("no carrier_changes: {show}"))
    };
    let restart = |link: &Link| link.cmd(format!("ethtool -r {}", link.name));
    let before = changes(&cable.far)?;
    restart(&cable.near).run()?;
    runs_at(&cable, 100_000)?;
    let after = changes(&cable.far)?;
    ensure!(after == before + 2, "{before} changes, then {after}");

    set(&cable.near, "speed 100 autoneg off")?;
    let moment = Moment::now()?;
    restart(&cable.near).refused()?;
    says(&moment.log()?, &["nothing to negotiate", "is off"])?;
    runs_at(&cable, 100)
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let refused = [
        ("speed 1000 duplex half autoneg off", "half duplex"),
        (
            "speed 1000 duplex half autoneg on",
            "needs a mode to advertise",
        ),
        ("speed 123 autoneg off", "speed 123 Mb/s is not one"),
        ("speed 123 autoneg on", "needs a mode to advertise"),
        // 10baseT/Half.
        ("advertise 0x1", "mode number 0 "),
        ("advertise 0x8003", "mode number 0 "),
        ("port tp", "no connector"),
        ("phyad 1", "no connector"),
    ];
    let before = Shown::of(&cable.near)?;
    for (args, reason) in refused {
        let moment = Moment::now()?;
        let cmd = format!("ethtool -s {} {args}", cable.near.name);
        cable.near.cmd(&cmd).refused().context(cmd)?;
        says(&moment.log()?, &["onic0: link refused", reason]).context(args)?;
        let now = Shown::of(&cable.near)?;
        ensure!(
            now.0 == before.0,
            "{args} changed {}\nto {}",
            before.0,
            now.0
        );
    }
    runs_at(&cable, 100_000)?;

    cable.far.set("down").run()?;
    cable
        .near
        .await_that("no carrier", |near| Ok(!near.has_carrier()?))?;
    let moment = Moment::now()?;
    let cmd = format!("ethtool -s {} autoneg off", cable.near.name);
    cable.near.cmd(cmd).refused()?;
    says(&moment.log()?, &["a speed is needed"])
}

#[test]
fn links_come_and_go_under_traffic() -> Result<()> {
    let cable = Cable::onic_with_queues(2, 1500)?;
    under_traffic(&cable.near, || {
        for (name, speed, _) in MODES {
            let forced = format!("speed {speed} autoneg off");
            set(&cable.near, &forced)?;
            set(&cable.far, "speed 100 autoneg off")?;
            set(&cable.far, &forced)?;
            traffic_flows(&cable.far).context(name)?;
            for link in [&cable.near, &cable.far] {
                set(link, "autoneg on")?;
            }
        }
        traffic_flows(&cable.far)
    })?;
    // Whatever was lost, no place in a ring was.
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "ether proto 0x88b7")?;
    for number in 0..2_000 {
        sender.send(&mark(0x88b7, number))?;
    }
    let arrived = capture.until(|frame| mark_number(0x88b7, frame) == Some(1_900))?;
    ensure!(arrived.len() == 1_900, "{} arrived", arrived.len());
    capture.stop()?;
    Ok(())
}

#[test]
fn sysfs_has_the_speed() -> Result<()> {
    let _module = Module::insert("")?;
    let links = ["onic0", "onic1"].map(Link::new);
    for link in &links {
        link.set("up").run()?;
    }
    for link in &links {
        link.await_carrier()?;
    }
    let read = |file: &str| -> Result<String> {
        let path = format!("/sys/class/net/onic1/{file}");
        Ok(std::fs::read_to_string(path)?.trim().to_owned())
    };
    ensure!(read("speed")? == "100000" && read("duplex")? == "full");
    set(&links[0], "speed 40000 autoneg off")?;
    links[1].await_carrier()?;
    ensure!(read("speed")? == "40000", "{}", read("speed")?);
    Ok(())
}
