// SPDX-License-Identifier: GPL-2.0

//! Programs that say which frames are put together: in the device, and the same in the driver.

use std::path::PathBuf;

use anyhow::{bail, ensure, Context, Result};
use engine::coalesce::{GroLimits, GroVerdict, Held, Pair, Segment, Verdict};
use engine::exec::{Core, Program, Services};
use engine::frame::XdpContext;
use engine::image::Image;
use engine::insn::Insn;
use engine::limits::Limits;
use engine::map::Map;
use engine::memory::HostMemory;
use engine::store::{ProgramKind, Source};
use offload_tests::command::says;
use offload_tests::compiled::Compiled;
use offload_tests::env;
use offload_tests::gro::equality::once_more;
use offload_tests::gro::{batch, ethtool, random_batch, By, Stand, BATCH};
use offload_tests::netns;
use offload_tests::rules::{DAMAGES, GRO};
use offload_tests::wire::vnet::Received;
use offload_uapi::client::Client;
use offload_uapi::netlink::{Policy, ProgramKind as Kind, Slot};
use offload_uapi::object::Object;
use offload_uapi::stats;
use offload_uapi::types::{Known, RulePrograms};

use crate::gro::{segment, sequences};

/// A machine without surroundings.
struct Alone;

impl Services for Alone {
    fn ktime_get_ns(&self) -> u64 {
        0
    }

    fn prandom_u32(&self) -> u32 {
        0
    }

    fn processor_id(&self) -> u32 {
        0
    }

    fn event_output(&self, _map: u16, _flags: u64, _sample: &engine::exec::Sample<'_>) -> i64 {
        -1
    }
}

type Maps = std::sync::Arc<Map<HostMemory>>;

/// A device that executes nothing else.
struct Device {
    program: Program<HostMemory, Maps>,
    core: Core<HostMemory>,
    pair: Pair,
}

impl Device {
    fn new(compiled: &Compiled) -> Result<Self> {
        let file = std::fs::read(compiled.path())?;
        let object = Object::parse(&file)?;
        let linked = object.programs().next().context("no program")??;
        let insns: Vec<_> = linked
            .slots
            .iter()
            .map(|slot| Insn::from_le_bytes(*slot))
            .collect();
        let limits = Limits::default();
        let source = Source::new(&HostMemory, ProgramKind::Xdp, insns.into_iter(), &limits);
        let source = source.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let image = Image::translate(&HostMemory, &source, [0; 32], &mut |_| None, &limits);
        let image = image.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        ensure!(image.only_looks(), "it does more than look");
        Ok(Self {
            program: Program::new(image, Vec::new()),
            core: Core::new(&HostMemory, &limits).map_err(|_| anyhow::anyhow!("no memory"))?,
            pair: Pair::default(),
        })
    }

    /// What the program says.
    fn ask(
        &mut self,
        held: Option<(&Held, &[u8])>,
        new: &Segment,
        frame: &[u8],
        limits: &GroLimits,
    ) -> Result<GroVerdict> {
        ensure!(
            self.pair.show(held, new, frame, limits),
            "no room for headers"
        );
        let mut context = XdpContext::default();
        let said = self
            .core
            .run_gro(&self.program, self.pair.bytes(), &mut context, &Alone);
        said.map_err(|fault| anyhow::anyhow!("{fault:?}"))
    }
}

/// What a program is to say where the rules say `verdict`.
fn same(verdict: Verdict) -> GroVerdict {
    match verdict {
        Verdict::OtherFlow => GroVerdict::OtherFlow,
        Verdict::Merge(_) => GroVerdict::Merge,
        Verdict::MergeAndEnd(_) => GroVerdict::MergeAndEnd,
        Verdict::EndAndHold => GroVerdict::Hold,
        Verdict::EndAndPass => GroVerdict::Pass,
    }
}

/// The sum that the device has of all behind an Ethernet header.
fn rest(frame: &[u8]) -> u16 {
    engine::checksum::sum(frame.get(14..).unwrap_or_default()).fold()
}

/// Verdict by verdict, for each frame of many sequences beside each that is held.
#[test]
fn the_rules_as_a_program_say_the_same() -> Result<()> {
    let mut device = Device::new(&GRO.sample()?)?;
    let (mut asked, mut merged) = (0, 0);
    for seed in 0..sequences() * 4 {
        let limits = GroLimits {
            ipv4: if seed % 5 == 0 { 2500 } else { 65_536 },
            ipv6: if seed % 7 == 0 { 3100 } else { 65_536 },
            datagrams: true,
        };
        let mut all: Vec<(Held, Vec<u8>)> = Vec::new();
        for frame in random_batch(seed, [2, 0, 0, 0, 0, 1]) {
            let Some(new) = Segment::of(&frame, rest(&frame)) else {
                continue;
            };
            if new.may_begin() {
                let said = device.ask(None, &new, &frame, &limits)?;
                ensure!(said == GroVerdict::Hold, "seed {seed}: {said:?} of a first");
            }
            let mut is_other = true;
            let mut next = 0;
            while let Some((held, bytes)) = all.get_mut(next) {
                next += 1;
                if !held.is_alike(&new) {
                    continue;
                }
                let verdict = held.verdict(bytes, &new, &frame, &limits);
                let said = device.ask(Some((held, bytes)), &new, &frame, &limits)?;
                asked += 1;
                ensure!(
                    said == same(verdict),
                    "seed {seed}: {said:?}, not {verdict:?}: {frame:02x?} behind {bytes:02x?}"
                );
                match verdict {
                    Verdict::OtherFlow => continue,
                    Verdict::Merge(fixed) | Verdict::MergeAndEnd(fixed) => {
                        held.merge(&new, fixed);
                        merged += 1;
                        is_other = false;
                    }
                    Verdict::EndAndHold | Verdict::EndAndPass => {}
                }
                if !matches!(verdict, Verdict::Merge(_)) {
                    next -= 1;
                    all.remove(next);
                }
            }
            if is_other && new.may_begin() {
                all.push((Held::new(&new), frame));
            }
        }
    }
    println!("{asked} verdicts, {merged} frames behind others");
    ensure!(merged > sequences(), "hardly any is merged");
    Ok(())
}

/// Four segments of a flow, the last of which says so, in a batch.
fn flow(stand: &Stand) -> Vec<Vec<u8>> {
    const PSH: u8 = 8;
    let segments = (0..4).map(|index| {
        let last = if index == 3 { PSH } else { 0 };
        segment(stand.target, index, 500, last)
    });
    batch(stand.target, &segments.collect::<Vec<_>>())
}

/// How many segments are in each packet of the flow that came out.
fn parts(received: &[Received]) -> Vec<usize> {
    let of_flow = received.iter().filter(|it| it.frame.len() > 60);
    of_flow.map(|it| (it.frame.len() - 54) / 500).collect()
}

/// A device that coalesces, whose frames come in batches.
fn stand() -> Result<Stand> {
    let stand = Stand::new(64)?;
    stand.put_together(By::Device)?;
    stand.await_batches()?;
    Ok(stand)
}

/// What goes up is what the program leaves of what the rules permit, whatever it says.
#[test]
fn what_a_program_permits() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    let frames = flow(&stand);
    for (name, text, expected, overruled) in [
        ("kernel", "", &[4][..], 0),
        ("never", "return GRO_HOLD;", &[1; 4][..], 1),
        ("alone", "return GRO_PASS;", &[1; 4], 0),
        (
            "pairs",
            "return gro->segments ? GRO_MERGE_AND_END : GRO_HOLD;",
            &[2, 2],
            0,
        ),
        // Of the last one, which GRO does not hold, nobody asks when nothing is held.
        ("greedy", "return GRO_MERGE;", &[1; 4], 3),
        (
            "always",
            "return gro->segments ? GRO_MERGE : GRO_HOLD;",
            &[4],
            1,
        ),
        (
            "other",
            "return gro->segments ? GRO_OTHER_FLOW : GRO_HOLD;",
            &[1; 4],
            3,
        ),
        ("unknown", "return 77;", &[1; 4], 0),
    ] {
        let compiled = match name {
            "kernel" => GRO.sample()?,
            _ => GRO.program(name, text)?,
        };
        GRO.load(stand.far(), &compiled, "")?;
        let before = far.statistics()?;
        let received = stand.exchange(&frames)?;
        ensure!(
            parts(&received) == expected,
            "{name}: {:?}",
            parts(&received)
        );
        let payload = received.iter().filter(|it| it.frame.len() > 60);
        let payload: Vec<u8> = payload.flat_map(|it| it.frame[54..].to_vec()).collect();
        let sent: Vec<u8> = frames[BATCH - 4..]
            .iter()
            .flat_map(|frame| frame[54..].to_vec())
            .collect();
        ensure!(payload == sent, "{name}: another payload");
        let now = far.statistics()?;
        let counted = now.since(&before, stats::RX_GRO_PROG_OVERRULED)?;
        ensure!(
            counted == overruled,
            "{name}: {counted} overruled, not {overruled}"
        );
        let several = expected.iter().filter(|parts| **parts > 1).count();
        let made = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
        ensure!(made == several as u64, "{name}: {made} made");
    }
    let shown = far.offloadctl(format!("program show {}", far.name))?;
    says(
        &shown.output()?.stdout(),
        &["gro", "unknown", "equal", "device"],
    )?;
    GRO.unload(stand.far())?;
    ensure!(
        parts(&stand.exchange(&frames)?) == [4],
        "not by the rules again"
    );
    ensure!(
        GRO.report(stand.far())?.device.context("nothing")?.kind == Known::Is(Kind::Fixed),
        "a program is left"
    );
    Ok(())
}

/// Who goes by the rules of GRO, and as which frames go up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// The device by itself.
    Device,
    /// The device by the program.
    DeviceProgram,
    /// The kernel by itself.
    Kernel,
    /// The driver by the program, and the kernel behind it.
    DriverProgram,
}

impl Rules {
    fn set(self, stand: &Stand, compiled: &Compiled) -> Result<()> {
        let is_loaded = GRO
            .report(stand.far())?
            .device
            .is_some_and(|it| it.id.is_some());
        match self {
            Self::Device | Self::Kernel if is_loaded => GRO.unload(stand.far())?,
            Self::DeviceProgram | Self::DriverProgram if !is_loaded => {
                GRO.load(stand.far(), compiled, "--in-kernel")?;
            }
            _ => {}
        }
        stand.put_together(match self {
            Self::Device | Self::DeviceProgram => By::Device,
            Self::Kernel | Self::DriverProgram => By::Kernel,
        })
    }

    /// What comes of a batch, so that it can be compared. Where the kernel's GRO is behind the driver it holds
    /// what the driver is done with: packets of several flows may come in another order.
    fn exchange(self, stand: &Stand, frames: &[Vec<u8>]) -> Result<Vec<Received>> {
        let mut received = stand.exchange(frames)?;
        if self == Self::DriverProgram {
            received.sort_by(|one, other| one.frame.cmp(&other.frame));
        }
        Ok(received)
    }
}

/// The program in the device makes frame by frame what the device makes without, and the same program in the
/// driver what the kernel's GRO makes, which is behind it: of sequences with all that may befall a flow.
#[test]
fn the_same_bytes_in_device_and_driver() -> Result<()> {
    let stand = Stand::new(8)?;
    stand.await_batches()?;
    let (far, compiled) = (stand.far(), GRO.sample()?);
    let seeds = 0..sequences() / 8;
    for (program, model, counter, other) in [
        (
            Rules::DeviceProgram,
            Rules::Device,
            stats::RX_HW_GRO_PACKETS,
            stats::RX_GRO_PROG_PACKETS,
        ),
        (
            Rules::DriverProgram,
            Rules::Kernel,
            stats::RX_GRO_PROG_PACKETS,
            stats::RX_HW_GRO_PACKETS,
        ),
    ] {
        let exchange = |seed| program.exchange(&stand, &random_batch(seed, stand.target));
        model.set(&stand, &compiled)?;
        let expected: Vec<_> = seeds.clone().map(exchange).collect::<Result<_>>()?;
        program.set(&stand, &compiled)?;
        let before = far.statistics()?;
        let found: Vec<_> = seeds.clone().map(exchange).collect::<Result<_>>()?;
        let now = far.statistics()?;
        let made = now.since(&before, counter)?;
        ensure!(made > seeds.end / 2, "{program:?}: {made} super-frames");
        for name in [other, stats::RX_GRO_PROG_OVERRULED] {
            let count = now.since(&before, name)?;
            ensure!(count == 0, "{program:?}: {name}: {count}");
        }
        let both = seeds.clone().zip(expected.iter().zip(&found));
        let differing: Vec<_> = both
            .filter(|(_, (expected, found))| expected != found)
            .collect();
        println!(
            "{program:?}: {} sequences, {made} super-frames; {} once again",
            seeds.end,
            differing.len()
        );
        ensure!(
            differing.len() as u64 * 4 <= seeds.end,
            "{program:?}: {} different",
            differing.len()
        );
        for (seed, _) in differing {
            let frames = random_batch(seed, stand.target);
            let exchange = |rules: Rules| {
                rules.set(&stand, &compiled)?;
                program.exchange(&stand, &frames)
            };
            let difference = once_more(|| Ok((exchange(program)?, exchange(model)?)))?;
            if let Some(difference) = difference {
                bail!("{program:?}, seed {seed}: {difference}");
            }
        }
    }
    Ok(())
}

/// A program that is changed in the device's memory is noticed before the next super-frame counts.
#[test]
fn a_program_that_is_changed() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    let frames = flow(&stand);
    let compiled = GRO.sample()?;
    for damage @ (file, _) in DAMAGES {
        GRO.load(stand.far(), &compiled, "")?;
        ensure!(parts(&stand.exchange(&frames)?) == [4], "not put together");
        let before = far.statistics()?;
        let received = GRO.tamper(far, damage, || stand.exchange(&frames))?;
        let bytes: usize = received.iter().map(|it| it.frame.len()).sum();
        ensure!(bytes >= 54 + 4 * 500, "{bytes} bytes came");
        let now = far.statistics()?;
        let made = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
        ensure!(made == 0, "{file}: {made} count");
        let doubted = now.since(&before, stats::RX_GRO_PROG_PACKETS)?;
        ensure!(doubted <= 1, "{file}: {doubted} not to count on");
        // Nothing is put together until the user has said by what.
        ensure!(
            parts(&stand.exchange(&frames)?) == [1; 4],
            "{file}: put together"
        );
    }
    GRO.load(stand.far(), &compiled, "")?;
    ensure!(parts(&stand.exchange(&frames)?) == [4], "not by a new one");
    Ok(())
}

/// With the same program on both sides the device may put together what a strict policy forbids without.
#[test]
fn a_strict_policy_is_content() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    ethtool(far, "rx-gro-hw off")?;
    let ifindex = far.index()?;
    let mut client = netns::enter(far.ns.as_deref(), || Ok(Client::connect()?))?;
    client.set_policy(ifindex, Policy::RequireEqual)?;
    let is_on = || -> Result<bool> {
        let shown = far.cmd(format!("ethtool -k {}", far.name)).run()?;
        Ok(shown.contains("rx-gro-hw: on"))
    };
    let on = format!("ethtool -K {} rx-gro-hw on", far.name);
    far.cmd(&on).refused()?;
    ensure!(!is_on()?, "on without a program");
    let compiled = GRO.sample()?;
    let line = GRO.line(far, &compiled, "--device-only");
    says(&far.offloadctl(line)?.refused()?, &["policy require-equal"])?;
    GRO.load(stand.far(), &compiled, "")?;
    ethtool(far, "rx-gro-hw on")?;
    ensure!(is_on()?, "off with the same program");
    let frames = flow(&stand);
    ensure!(parts(&stand.exchange(&frames)?) == [4], "not put together");
    GRO.unload(stand.far())?;
    ensure!(
        parts(&stand.exchange(&frames)?) == [1; 4],
        "put together without a program any more"
    );
    client.set_policy(ifindex, Policy::Report)?;
    ensure!(
        parts(&stand.exchange(&frames)?) == [4],
        "not by the rules again"
    );
    // The kernel gives up a program that nobody has a name for.
    GRO.load(stand.far(), &compiled, "")?;
    GRO.give_up(far)
}

/// Each mistake is told, and what was there stays.
#[test]
fn mistakes() -> Result<()> {
    let stand = stand()?;
    let far = stand.far();
    let good = GRO.sample()?;
    GRO.load(stand.far(), &good, "")?;
    let id = GRO.id(far)?;
    let try_load = |compiled: &Compiled, said: &str| -> Result<()> {
        let line = GRO.line(far, compiled, "");
        says(&far.offloadctl(line)?.refused()?, &[said])
    };
    let writes = GRO.program("writes", "gro->held[0] = 1; return GRO_PASS;")?;
    try_load(&writes, "neither writes nor redirects")?;
    let redirects = GRO.program("redirects", "return bpf_redirect(1, 0);")?;
    try_load(&redirects, "neither writes nor redirects")?;
    let loops = GRO.program(
        "loops",
        "for (;;) if (bpf_get_prandom_u32() == 7) return 0;",
    )?;
    try_load(&loops, "bpftool")?;
    let beyond = GRO.program("beyond", "return *((__u8 *)ctx + 100);")?;
    try_load(&beyond, "invalid bpf_context access")?;
    let line = format!("program load gro /nowhere {}", far.name);
    says(&far.offloadctl(line)?.refused()?, &["no such file"])?;

    let ifindex = far.index()?;
    let mut client = netns::enter(far.ns.as_deref(), || Ok(Client::connect()?))?;
    let mut refused = |programs: RulePrograms, said: &str| -> Result<()> {
        let error = client.set_rule_programs(ifindex, Slot::Gro, Some(&programs));
        let error = error.err().context("it was taken")?.to_string();
        says(&error, &[said])
    };
    let programs = |device_id, path: Option<&str>, in_kernel| RulePrograms {
        device_id,
        kernel_path: path.map(str::to_owned),
        in_kernel,
    };
    refused(
        programs(id + 1000, None, false),
        "is not in the device of the interface",
    )?;
    refused(
        programs(id, Some("/sys/fs/bpf/none"), false),
        "no XDP program",
    )?;
    let own = format!("/sys/fs/bpf/offload_gro_{id}");
    refused(programs(id, Some(&own), false), "no XDP program")?;
    refused(programs(id, None, true), "there is no program to run")?;
    let other = GRO.program("other", "return GRO_PASS;")?;
    let pin = PathBuf::from("/sys/fs/bpf/gro_other");
    far.cmd("bpftool prog load")
        .arg(other.path())
        .arg(&pin)
        .args("type xdp")
        .run()?;
    refused(
        programs(id, pin.to_str(), true),
        "is not the one in the device",
    )?;
    std::fs::remove_file(pin)?;
    let line = format!("program unload gro {}", far.name);
    let nobody = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin";
    let cmd = far.cmd(nobody).arg(env::offloadctl()?).args(line);
    says(&cmd.refused()?, &["Operation not permitted"])?;

    let now = GRO.report(stand.far())?.device.and_then(|it| it.id);
    ensure!(now == Some(id), "{now:?} is there, not {id}");
    ensure!(
        parts(&stand.exchange(&flow(&stand))?) == [4],
        "not put together"
    );
    Ok(())
}
