// SPDX-License-Identifier: GPL-2.0

//! The hash of a frame is told as long as the kernel finds in it what the device does, and no longer.

use anyhow::{ensure, Context, Result};
use offload_tests::graphs::Graphs;
use offload_tests::link::await_that;
use offload_tests::netns;
use offload_tests::nic::Nic;
use offload_uapi::client::Client;
use offload_uapi::netlink::{Slot, Verdict};
use offload_uapi::stats;
use offload_uapi::types::{Event, Known};

use crate::corpus::sample;
use crate::packet::{Packet, UDP};
use crate::stand::Stand;

const NIC: Nic = Nic { id: 0 };
const QUEUES: u32 = 4;

/// What is done, what to call it, whether hashes are told then, and as what the slot compares.
type Step<'a> = (
    &'static str,
    &'a (dyn Fn() -> Result<()> + Sync),
    bool,
    Verdict,
);

/// Frames are under way while what the kernel dissects by is taken away, replaced and put back.
#[test]
fn hashes_end_with_the_permission() -> Result<()> {
    let mut stand = Stand::new(QUEUES)?;
    let far = stand.cable.far.clone();
    let graphs = Graphs::new(NIC, &far)?;
    for name in ["small", "kernel"] {
        graphs.build(name, &sample(name))?;
    }
    let [small, kernel] = [graphs.load("small")?, graphs.load("kernel")?];
    graphs.flash("small").run()?;
    let (mut client, mut events) = netns::enter(far.ns.as_deref(), || {
        let client = Client::connect()?;
        let events = client.events()?;
        anyhow::Ok((client, events))
    })?;
    let ifindex = far.index()?;
    let packet = Packet::v4(UDP, [7, 9]);
    let policy = |name: &str| -> Result<()> {
        let set = format!("policy set {} {name}", far.name);
        far.offloadctl(set)?.run()?;
        Ok(())
    };
    let steps: [Step<'_>; 9] = [
        (
            "small runs",
            &|| graphs.activate(),
            false,
            Verdict::OnlyDevice,
        ),
        ("small attached", &|| small.attach(), true, Verdict::Equal),
        (
            "it replaced",
            &|| kernel.attach(),
            false,
            Verdict::Different,
        ),
        ("it put back", &|| small.attach(), true, Verdict::Equal),
        (
            "it detached",
            &|| small.detach(),
            false,
            Verdict::OnlyDevice,
        ),
        (
            "kernel flashed",
            &|| graphs.flash("kernel").run().map(drop),
            false,
            Verdict::OnlyDevice,
        ),
        (
            "kernel runs",
            &|| graphs.activate(),
            true,
            Verdict::OnlyDevice,
        ),
        (
            "equality required",
            &|| policy("require-equal"),
            false,
            Verdict::OnlyDevice,
        ),
        ("kernel attached", &|| kernel.attach(), true, Verdict::Equal),
    ];
    let mut hash = None;
    let mut is_told = true;
    for (what, act, tells, verdict) in steps {
        let withheld = client.parser(ifindex)?.withheld;
        let passage = stand.send_during(&packet, act)?;
        let hashes: Vec<_> = passage.frames.iter().map(|frame| frame.hash).collect();
        let hash = *hash.get_or_insert(hashes[0]);
        ensure!(hash != 0, "no hash to begin with");
        for (range, is_told) in [
            (0..passage.before, is_told),
            (passage.after..hashes.len(), tells),
        ] {
            let expected = if is_told { hash } else { 0 };
            let other = hashes[range.clone()].iter().position(|it| *it != expected);
            ensure!(
                other.is_none(),
                "{what}: of frames {range:?} one is told otherwise than {expected}: {other:?}"
            );
        }
        ensure!(
            hashes.iter().all(|it| [0, hash].contains(it)),
            "{what}: another hash"
        );
        let without = hashes.iter().filter(|it| **it == 0).count() as u64;
        let shown = client.parser(ifindex)?;
        ensure!(
            shown.permitted == tells && shown.withheld - withheld == without,
            "{what}: {without} of {} without: {shown:?}",
            hashes.len()
        );
        ensure!(
            far.statistics()?.get(stats::RX_HASHES_WITHHELD)? == shown.withheld,
            "{what}: other statistics"
        );
        println!(
            "{what}: {without} of {} frames without a hash",
            hashes.len()
        );
        if tells == is_told {
            continue;
        }
        is_told = tells;
        // Beside those of the policy itself.
        let mut told = None;
        await_that("what has become of the permission", || {
            while let Some(event) = events.try_next()? {
                match event {
                    Event::SlotActivate(report) => told = Some((true, report)),
                    Event::SlotRemove(report) => told = Some((false, report)),
                    _ => {}
                }
            }
            Ok(told.is_some())
        })?;
        let (is_permitted, report) = told.context("an event")?;
        ensure!(
            is_permitted == tells
                && report.slot == Known::Is(Slot::Parser)
                && report.verdict == Known::Is(verdict),
            "{what}: {is_permitted}: {report:?}"
        );
    }
    Ok(())
}

/// The same by the user's own command, under the policy by which hashes are told only while the kernel runs the
/// graph's program. One that takes its own place leaves no moment in between.
#[test]
fn an_attached_dissector_is_replaced_at_once() -> Result<()> {
    let mut stand = Stand::new(QUEUES)?;
    let far = stand.cable.far.clone();
    let graphs = Graphs::new(NIC, &far)?;
    graphs.build("small", &sample("small"))?;
    let name = &far.name;
    far.offloadctl(format!("policy set {name} require-equal"))?
        .run()?;
    let packet = Packet::v4(UDP, [7, 9]);
    let own = format!("attach {name}");
    let other = format!("attach --file {}", Graphs::file("small").display());
    let mut hash = None;
    let mut is_told = false;
    for (what, args, tells) in [
        ("attached", own.as_str(), true),
        ("attached again", &own, true),
        ("another one attached", &other, false),
        ("attached instead", &own, true),
        ("detached", "detach", false),
    ] {
        let parser = far.offloadctl(format!("parser {args}"))?;
        let passage = stand.send_during(&packet, || parser.run().map(drop))?;
        let hashes: Vec<_> = passage.frames.iter().map(|frame| frame.hash).collect();
        let mut told: Vec<_> = hashes.iter().copied().filter(|hash| *hash != 0).collect();
        told.dedup();
        ensure!(told.len() == 1, "{what}: other hashes: {told:x?}");
        ensure!(
            *hash.get_or_insert(told[0]) == told[0],
            "{what}: another hash"
        );
        let all = |range: std::ops::Range<usize>, is_told: bool| {
            hashes[range].iter().all(|hash| (*hash != 0) == is_told)
        };
        ensure!(
            all(0..passage.before, is_told) && all(passage.after..hashes.len(), tells),
            "{what}: not told before: {is_told}, behind: {tells}"
        );
        ensure!(
            !(is_told && tells) || all(0..hashes.len(), true),
            "{what}: a frame in between has none"
        );
        let without = hashes.iter().filter(|it| **it == 0).count();
        println!(
            "{what}: {without} of {} frames without a hash",
            hashes.len()
        );
        is_told = tells;
    }
    Ok(())
}
