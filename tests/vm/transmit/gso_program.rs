// SPDX-License-Identifier: GPL-2.0

//! Programs that write the headers of segments: in the device, and the same in the driver.

use std::cell::Cell;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};
use etherparse::checksum::Sum16BitWords;
use etherparse::PacketBuilder;
use nix::sys::socket::SockProtocol;
use offload_tests::cable::Cable;
use offload_tests::command::says;
use offload_tests::compiled::Compiled;
use offload_tests::env;
use offload_tests::frames::mark_number;
use offload_tests::gro::ethtool;
use offload_tests::link::{Link, Statistics};
use offload_tests::netns;
use offload_tests::nic::set_profile;
use offload_tests::rules::{DAMAGES, GSO};
use offload_tests::streams::{self, pattern};
use offload_tests::wire::run::{run, transmit_offloads, Wires};
use offload_tests::wire::twins::Twins;
use offload_tests::wire::vnet::{Gso, Unfinished, VnetSender};
use offload_tests::wire::{checked_payload, matrix, tunnels, Capture, Sender};
use offload_uapi::client::Client;
use offload_uapi::netlink::{Policy, ProgramKind, Slot, Verdict};
use offload_uapi::stats;
use offload_uapi::types::{Known, RulePrograms};

/// What each segment of a datagram carries, but for the last one, and how many there are.
const SIZE: u16 = 501;
const SEGMENTS: usize = 10;
/// The EtherType behind a batch.
const END: u16 = 0x88ba;

/// Writes an identification of its own to each IPv4 header.
const OWN_IDS: &str = "\
\tif (gso->version_outer == 4) {
\t\tstruct ipv4 *ip = HEADER(ctx, gso, struct ipv4, gso->network);

\t\tif (ip)
\t\t\tip->id = bpf_htons(0x4321);
\t}
\tif (gso->version_inner == 4) {
\t\tstruct ipv4 *ip = HEADER(ctx, gso, struct ipv4, gso->inner);

\t\tif (ip)
\t\t\tip->id = bpf_htons(0x4321);
\t}
";
const OWN_ID: u16 = 0x4321;

/// Who cuts super-frames: a profile of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Device,
    Driver,
}

impl By {
    const BOTH: [Self; 2] = [Self::Device, Self::Driver];

    fn set(self) -> Result<()> {
        set_profile(
            0,
            match self {
                Self::Device => "programmable",
                Self::Driver => "none",
            },
        )
    }
}

/// A cable whose near end sends super-frames of UDP.
struct Stand {
    cable: Cable,
    target: [u8; 6],
    capture: Capture,
    sender: VnetSender,
    end: Sender,
    /// How many batches were sent.
    batches: Cell<u32>,
}

impl Stand {
    fn new() -> Result<Self> {
        let cable = Cable::onic_with_queues(1, 1500)?;
        transmit_offloads(&cable.near, true)?;
        ethtool(&cable.far, "gro off")?;
        Ok(Self {
            target: cable.far.address()?,
            capture: Capture::start(&cable.far, "")?,
            sender: VnetSender::new(&cable.near, SockProtocol::EthAll)?,
            end: Sender::new(&cable.near)?,
            batches: Cell::new(0),
            cable,
        })
    }

    fn near(&self) -> &Link {
        &self.cable.near
    }

    /// A datagram that is to be cut. `may_fragment` is one without the flag against it.
    fn datagram(&self, may_fragment: bool) -> Result<Vec<u8>> {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], self.target)
            .ipv4([10, 7, 0, 1], [10, 7, 0, 2], 64)
            .udp(1000, 2000)
            .write(&mut frame, &payload())?;
        frame[20] = if may_fragment { 0 } else { 0x40 };
        // The sum of the pseudo header is there already.
        let sum = Sum16BitWords::new()
            .add_slice(&frame[26..34])
            .add_2bytes([0, 17])
            .add_slice(&frame[38..40]);
        frame[40..42].copy_from_slice(&(!sum.ones_complement()).to_ne_bytes());
        Ok(frame)
    }

    /// Sends a datagram that is cut, and what ends a batch.
    fn send(&self, may_fragment: bool) -> Result<()> {
        let unfinished = Unfinished {
            checksum: Some((34, 6)),
            segments: Some((Gso::UdpL4, SIZE)),
            ..Unfinished::default()
        };
        self.sender
            .send(&unfinished, &self.datagram(may_fragment)?)?;
        self.batches.set(self.batches.get() + 1);
        self.end.end_batch(END, self.batches.get())
    }

    /// The segments of a datagram on the wire.
    fn exchange(&self, may_fragment: bool) -> Result<Vec<Vec<u8>>> {
        self.send(may_fragment)?;
        let frames = self
            .capture
            .until(|frame| mark_number(END, frame) == Some(self.batches.get()))?;
        let is_ours = |frame: &Vec<u8>| frame[12..14] == [8, 0] && frame[23] == 17;
        let frames: Vec<_> = frames.into_iter().filter(is_ours).collect();
        ensure!(frames.len() == SEGMENTS, "{} frames", frames.len());
        let found = frames.iter().map(|frame| checked_payload(frame));
        let found = found.collect::<Result<Vec<_>>>()?.concat();
        ensure!(found == payload(), "another payload");
        Ok(frames)
    }

    fn counts(&self, before: &Statistics) -> Result<[u64; 3]> {
        let now = self.near().statistics()?;
        Ok([
            now.since(before, stats::TX_GSO_PROG_PACKETS)?,
            now.since(before, stats::TX_GSO_PROG_OVERRULED)?,
            now.since(before, stats::TX_GSO_PROG_FAULTS)?,
        ])
    }
}

fn payload() -> Vec<u8> {
    pattern((SEGMENTS - 1) * usize::from(SIZE) + 7)
}

fn ids(frames: &[Vec<u8>]) -> Vec<u16> {
    let id = |frame: &Vec<u8>| u16::from_be_bytes([frame[18], frame[19]]);
    frames.iter().map(id).collect()
}

/// Whether they count up by one.
fn count_up(ids: &[u16]) -> bool {
    ids.windows(2).all(|two| two[1] == two[0].wrapping_add(1))
}

/// The frames of `combinations` with `what` set up.
fn wires(cable: &Cable, combinations: &[matrix::Combination]) -> Result<Wires> {
    // Once in a while a frame that the stack sends by itself comes between.
    run(&cable.near, &cable.far, combinations)
        .or_else(|_| run(&cable.near, &cable.far, combinations))
}

/// By the rules as a program, in the device and in the driver, super-frames of all kinds, in tunnels and not,
/// become just what software makes of them: of those that are cut no segment is overruled.
#[test]
fn the_rules_as_a_program_change_no_byte() -> Result<()> {
    if env::is_checked() {
        println!(
            "skipped: the_rules_as_a_program_change_no_byte: bytes are compared on the kernels that do \
             not check themselves"
        );
        return Ok(());
    }
    let cable = Cable::onic(9000)?;
    let tunnels = tunnels::create(&cable.near)?;
    let mut combinations = matrix::all(&tunnels);
    combinations.retain(|c| c.frames() > 1);
    transmit_offloads(&cable.near, false)?;
    let software = wires(&cable, &combinations)?;
    transmit_offloads(&cable.near, true)?;
    let sample = GSO.sample()?;
    // Emulated, each takes minutes.
    let (all_options, profiles): (&[&str], &[&str]) = if env::is_emulated() {
        (&["--in-kernel"], &["programmable", "none"])
    } else {
        (&["--in-kernel", ""], &["programmable", "legacy", "none"])
    };
    for &options in all_options {
        GSO.load(&cable.near, &sample, options)?;
        for &profile in profiles {
            set_profile(0, profile)?;
            let before = cable.near.statistics()?;
            let found = wires(&cable, &combinations)?;
            let now = cable.near.statistics()?;
            let count = |name| now.since(&before, name);
            let [heard, overruled, faults, cut] = [
                stats::TX_GSO_PROG_PACKETS,
                stats::TX_GSO_PROG_OVERRULED,
                stats::TX_GSO_PROG_FAULTS,
                stats::TX_HW_GSO_WIRE_PACKETS,
            ]
            .map(count);
            let (heard, overruled, faults, cut) = (heard?, overruled?, faults?, cut?);
            println!(
                "{profile}, {options}: {} combinations, {cut} segments by the device; the program was \
                 heard for {heard}, overruled for {overruled}, said nothing for {faults}",
                combinations.len()
            );
            let both = combinations.iter().zip(software.iter().zip(&found));
            let differing: Vec<_> = both
                .filter(|(_, (expected, found))| expected != found)
                .map(|(c, _)| c)
                .collect();
            ensure!(differing.is_empty(), "{profile}: {differing:?}");
            ensure!(
                overruled == 0 && faults == 0,
                "{profile}: {overruled} overruled, {faults} unsaid"
            );
            let software_asks = options == "--in-kernel" && heard > cut;
            let expected = match profile {
                "none" => software_asks || (options.is_empty() && heard == 0),
                _ => cut > 0 && heard >= cut,
            };
            ensure!(
                expected,
                "{profile}: heard for {heard}, with {cut} by the device"
            );
        }
    }
    Ok(())
}

/// The same of what no packet socket makes: streams of TCP, and datagrams, of the stack's own.
#[test]
fn what_sockets_send_is_the_same() -> Result<()> {
    const DATAGRAMS: [(usize, Option<u16>); 4] = [
        (100, Some(8)),
        (2000, Some(1000)),
        (20_001, Some(501)),
        (60_000, Some(1200)),
    ];
    let twins = Twins::new(1500)?;
    GSO.load(&twins.near, &GSO.sample()?, "--in-kernel")?;
    let len = if env::is_slow() { 1 << 16 } else { 1 << 19 };
    for by in By::BOTH {
        by.set()?;
        for target in ["10.8.0.2", "fd08::2"] {
            let what = || format!("{by:?}, {target}");
            let address = target.parse()?;
            let stream = || streams::tcp(&twins.near, &twins.far, address, len);
            let datagrams = || streams::datagrams(&twins.near, &twins.far, address, &DATAGRAMS);
            for outcome in [twins.compare(stream), twins.compare(datagrams)] {
                let outcome = outcome.with_context(what)?;
                outcome.ensure_same().with_context(what)?;
                let heard = outcome.count(stats::TX_GSO_PROG_PACKETS)?;
                let overruled = outcome.count(stats::TX_GSO_PROG_OVERRULED)?;
                let cut = outcome.count(stats::TX_HW_GSO_WIRE_PACKETS)?;
                println!("{}: {heard} heard, {cut} cut by the device", what());
                ensure!(
                    heard > 0 && overruled == 0 && (cut == heard) == (by == By::Device),
                    "{}: {heard} heard, {overruled} overruled, {cut} cut by the device",
                    what()
                );
            }
        }
    }
    Ok(())
}

/// An identification of one's own is on the wire, whoever cuts, where the packet is never to be fragmented, and
/// is not where it might be.
#[test]
fn identifications_of_ones_own() -> Result<()> {
    let stand = Stand::new()?;
    let own = GSO.sample_and("own_ids", OWN_IDS)?;
    for by in By::BOTH {
        by.set()?;
        let frames = stand.exchange(false)?;
        ensure!(count_up(&ids(&frames)), "{by:?}: {:x?}", ids(&frames));
        GSO.load(stand.near(), &own, "--in-kernel")?;
        let before = stand.near().statistics()?;
        let frames = stand.exchange(false)?;
        ensure!(
            ids(&frames) == [OWN_ID; SEGMENTS],
            "{by:?}: {:x?}",
            ids(&frames)
        );
        let counts = stand.counts(&before)?;
        ensure!(counts == [SEGMENTS as u64, 0, 0], "{by:?}: {counts:?}");
        let before = stand.near().statistics()?;
        let frames = stand.exchange(true)?;
        ensure!(frames[0][20] & 0x40 == 0, "it may not be fragmented");
        ensure!(count_up(&ids(&frames)), "{by:?}: {:x?}", ids(&frames));
        let counts = stand.counts(&before)?;
        ensure!(counts == [0, SEGMENTS as u64, 0], "{by:?}: {counts:?}");
        GSO.unload(stand.near())?;
        let frames = stand.exchange(false)?;
        ensure!(count_up(&ids(&frames)), "{by:?}: {:x?}", ids(&frames));
    }
    Ok(())
}

/// The same in tunnels, whose own headers have one, too, and whose checksum is over all of it.
#[test]
fn identifications_of_ones_own_in_a_tunnel() -> Result<()> {
    let stand = Stand::new()?;
    let own = GSO.sample_and("own_ids", OWN_IDS)?;
    for (link, this, other) in [(stand.near(), 1, 2), (&stand.cable.far, 2, 1)] {
        link.set("arp on").run()?;
        for line in [
            format!("ip address add 10.7.0.{this}/24 dev {}", link.name),
            format!(
                "ip link add over type vxlan id 8 dstport 4789 local 10.7.0.{this} remote 10.7.0.{other} \
                 udpcsum df set"
            ),
            format!("ip address add 10.8.0.{this}/24 dev over"),
            "ip link set dev over mtu 1400 up".to_owned(),
        ] {
            link.cmd(line).run()?;
        }
    }
    stand.near().cmd("ping -c 1 10.8.0.2").run()?;
    GSO.load(stand.near(), &own, "--in-kernel")?;
    let target = "10.8.0.2".parse()?;
    for by in By::BOTH {
        by.set()?;
        let capture = Capture::start(&stand.cable.far, "udp port 4789 and greater 1000")?;
        let before = stand.near().statistics()?;
        // What has a wrong checksum does not arrive.
        streams::tcp(stand.near(), &stand.cable.far, target, 1 << 16)?;
        let [heard, overruled, faults] = stand.counts(&before)?;
        ensure!(
            heard > 0 && (overruled, faults) == (0, 0),
            "{by:?}: {heard} heard, {overruled} overruled, {faults} unsaid"
        );
        let frames = capture.stop()?;
        let inner = 14 + 20 + 8 + 8 + 14;
        let own = OWN_ID.to_be_bytes();
        let owns = frames
            .iter()
            .filter(|frame| frame[18..20] == own && frame[inner + 4..inner + 6] == own);
        let owns = owns.count();
        println!("{by:?}: {owns} of {} have it, {heard} heard", frames.len());
        ensure!(owns > 0, "{by:?}: none of {} has it", frames.len());
    }
    Ok(())
}

/// Whatever a program does, the wire has what it had, and it is counted.
#[test]
fn a_bad_program_changes_no_byte() -> Result<()> {
    const ALL: u64 = SEGMENTS as u64;
    let stand = Stand::new()?;
    for (name, text, expected) in [
        ("idle", "return XDP_PASS;", [0, ALL, 0]),
        ("drops", "return XDP_DROP;", [0, 0, ALL]),
        ("aborts", "return XDP_ABORTED;", [0, 0, ALL]),
        ("unknown", "return 77;", [0, 0, ALL]),
        (
            "garbage",
            "__builtin_memset(gso, 0xa5, sizeof(*gso)); return XDP_PASS;",
            [0, ALL, 0],
        ),
        (
            "shortens",
            "bpf_xdp_adjust_head(ctx, 64); bpf_xdp_adjust_tail(ctx, -100); return XDP_PASS;",
            [0, ALL, 0],
        ),
    ] {
        let compiled = GSO.program(name, text)?;
        GSO.load(stand.near(), &compiled, "--in-kernel")?;
        for by in By::BOTH {
            by.set()?;
            let before = stand.near().statistics()?;
            let frames = stand.exchange(false)?;
            ensure!(count_up(&ids(&frames)), "{name}: {:x?}", ids(&frames));
            let counts = stand.counts(&before)?;
            ensure!(
                counts == expected,
                "{name}, {by:?}: {counts:?}, not {expected:?}"
            );
        }
    }
    let shown = stand
        .near()
        .offloadctl(format!("program show {}", stand.near().name))?;
    says(
        &shown.output()?.stdout(),
        &["gso", "shortens", "equal", "kernel, in the driver"],
    )?;
    GSO.unload(stand.near())?;
    By::Device.set()?;
    let left = GSO.report(stand.near())?.device.context("nothing")?;
    ensure!(
        left.kind == Known::Is(ProgramKind::Fixed),
        "a program is left"
    );
    Ok(())
}

/// What the frames of a super-frame go through at the other end makes no difference: a program there sees what
/// is on the wire, and so does one of the host.
#[test]
fn programs_at_the_other_end_see_it() -> Result<()> {
    let stand = Stand::new()?;
    GSO.load(stand.near(), &GSO.sample_and("own_ids", OWN_IDS)?, "")?;
    for object in ["pass", "stamp_a"] {
        stand.cable.attach(object)?;
        let before = stand.near().statistics()?;
        stand.send(false)?;
        // One of them changes the frame that ends it.
        stand.near().await_that("the segments", |_| {
            Ok(stand.counts(&before)?[0] >= SEGMENTS as u64)
        })?;
        let counts = stand.counts(&before)?;
        ensure!(counts == [SEGMENTS as u64, 0, 0], "{object}: {counts:?}");
        stand.cable.detach()?;
    }
    Ok(())
}

/// A program that is changed in the device's memory is noticed before the next super-frame is cut, and the rest
/// goes on without.
#[test]
fn a_program_that_is_changed() -> Result<()> {
    let stand = Stand::new()?;
    let near = stand.near();
    let compiled = GSO.sample_and("own_ids", OWN_IDS)?;
    for damage @ (file, _) in DAMAGES {
        GSO.load(near, &compiled, "")?;
        ensure!(
            ids(&stand.exchange(false)?) == [OWN_ID; SEGMENTS],
            "not by it"
        );
        let before = near.statistics()?;
        let frames = GSO.tamper(near, damage, || stand.exchange(false))?;
        ensure!(count_up(&ids(&frames)), "{file}: {:x?}", ids(&frames));
        let counts = stand.counts(&before)?;
        ensure!(counts == [0; 3], "{file}: {counts:?}");
        // The device goes on by the fixed rules.
        let before = near.statistics()?;
        stand.exchange(false)?;
        let cut = near
            .statistics()?
            .since(&before, stats::TX_HW_GSO_PACKETS)?;
        ensure!(cut == 1, "{file}: the device has cut {cut}");
    }
    GSO.load(near, &compiled, "")?;
    ensure!(
        ids(&stand.exchange(false)?) == [OWN_ID; SEGMENTS],
        "not by a new one"
    );
    Ok(())
}

/// With the same program on both sides the device may cut what a strict policy forbids without.
#[test]
fn a_strict_policy_is_content() -> Result<()> {
    let stand = Stand::new()?;
    let near = stand.near();
    let feature = "tx-udp-segmentation";
    let ifindex = near.index()?;
    let mut client = netns::enter(near.ns.as_deref(), || Ok(Client::connect()?))?;
    ethtool(near, &format!("{feature} off"))?;
    client.set_policy(ifindex, Policy::RequireEqual)?;
    let is_on = || -> Result<bool> {
        let shown = near.cmd(format!("ethtool -k {}", near.name)).run()?;
        Ok(shown.contains(&format!("{feature}: on")))
    };
    near.cmd(format!("ethtool -K {} {feature} on", near.name))
        .refused()?;
    ensure!(!is_on()?, "on without a program");
    let sample = GSO.sample()?;
    let line = GSO.line(near, &sample, "--device-only");
    says(
        &near.offloadctl(line)?.refused()?,
        &["policy require-equal"],
    )?;
    GSO.load(near, &sample, "")?;
    ethtool(near, &format!("{feature} on"))?;
    ensure!(is_on()?, "off with the same program");
    let report = GSO.report(near)?;
    ensure!(
        report.verdict == Known::Is(Verdict::Equal),
        "{:?}",
        report.verdict
    );
    let cut_by = |stand: &Stand| -> Result<(u64, u64)> {
        let before = near.statistics()?;
        stand.exchange(false)?;
        let now = near.statistics()?;
        let software = format!("{}not_offered", stats::TX_SW_GSO_PREFIX);
        Ok((
            now.since(&before, stats::TX_HW_GSO_PACKETS)?,
            now.since(&before, &software)?,
        ))
    };
    ensure!(cut_by(&stand)? == (1, 0), "not by the device");
    GSO.unload(near)?;
    ensure!(cut_by(&stand)? == (0, 1), "by the device without a program");
    client.set_policy(ifindex, Policy::Report)?;
    ensure!(cut_by(&stand)? == (1, 0), "not by the fixed rules again");
    // The kernel gives up a program that nobody has a name for.
    GSO.load(near, &sample, "")?;
    GSO.give_up(near)
}

/// Each mistake is told, and what was there stays.
#[test]
fn mistakes() -> Result<()> {
    let stand = Stand::new()?;
    let near = stand.near();
    GSO.load(near, &GSO.sample_and("own_ids", OWN_IDS)?, "--in-kernel")?;
    let id = GSO.id(near)?;
    let try_load = |compiled: &Compiled, said: &str| -> Result<()> {
        let line = GSO.line(near, compiled, "");
        says(&near.offloadctl(line)?.refused()?, &[said])
    };
    let redirects = GSO.program("redirects", "return bpf_redirect(1, 0);")?;
    try_load(&redirects, "does not redirect")?;
    let beyond = GSO.program("beyond", "gso->headers[256] = 1; return XDP_PASS;");
    // Clang may see it by itself.
    if let Ok(beyond) = beyond {
        try_load(&beyond, "bpftool")?;
    }
    let line = format!("program load gso /nowhere {}", near.name);
    says(&near.offloadctl(line)?.refused()?, &["no such file"])?;

    let ifindex = near.index()?;
    let mut client = netns::enter(near.ns.as_deref(), || Ok(Client::connect()?))?;
    let mut refused = |slot, programs: RulePrograms, said: &str| -> Result<()> {
        let error = client.set_rule_programs(ifindex, slot, Some(&programs));
        let error = error.err().context("it was taken")?.to_string();
        says(&error, &[said])
    };
    let programs = |device_id, path: Option<&str>, in_kernel| RulePrograms {
        device_id,
        kernel_path: path.map(str::to_owned),
        in_kernel,
    };
    refused(
        Slot::Gso,
        programs(id + 1000, None, false),
        "is not in the device of the interface",
    )?;
    refused(
        Slot::Xdp,
        programs(id, None, false),
        "no slot whose program is asked",
    )?;
    // It writes.
    refused(
        Slot::Gro,
        programs(id, None, false),
        "neither writes nor redirects",
    )?;
    refused(
        Slot::Gso,
        programs(id, None, true),
        "there is no program to run",
    )?;
    let other = GSO.program("other", "return XDP_PASS;")?;
    let pin = PathBuf::from("/sys/fs/bpf/gso_other");
    near.cmd("bpftool prog load")
        .arg(other.path())
        .arg(&pin)
        .args("type xdp")
        .run()?;
    refused(
        Slot::Gso,
        programs(id, pin.to_str(), true),
        "is not the one in the device",
    )?;
    std::fs::remove_file(pin)?;
    let line = format!("program unload gso {}", near.name);
    let nobody = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin";
    let cmd = near.cmd(nobody).arg(env::offloadctl()?).args(line);
    says(&cmd.refused()?, &["Operation not permitted"])?;

    let now = GSO.report(near)?.device.and_then(|it| it.id);
    ensure!(now == Some(id), "{now:?} is there, not {id}");
    for by in By::BOTH {
        by.set()?;
        ensure!(ids(&stand.exchange(false)?) == [OWN_ID; SEGMENTS], "{by:?}");
    }
    Ok(())
}
