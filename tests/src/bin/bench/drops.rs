// SPDX-License-Identifier: GPL-2.0

//! Frames that a program drops: offloaded on a port of ours, native on a veth pair. A dummy, which
//! drops them without a program, shows what the source and the way down to a driver cost alone.

use anyhow::{bail, ensure, Result};
use offload_tests::bpf::{Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::link::Link;
use offload_tests::pktgen;
use offload_uapi::stats;

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;
use crate::pairs::Dummy;
use crate::source::{Addresses, Source};

/// Frames of one turn.
const FRAMES: u64 = 100_000;
/// Rounds of each contest.
const ROUNDS: usize = 31;

/// Programs with a hash: the object, and how many sources it has place for.
const HITS: [(&str, u32); 2] = [("hits_1k", 1 << 10), ("hits_1m", 1 << 20)];

/// Counts the frames that were dropped at the end of a pair.
type Dropped = fn(&Link) -> Result<u64>;

/// Where frames go in, and where they are dropped.
struct Drain<'a> {
    name: &'static str,
    near: &'a Link,
    far: &'a Link,
    dropped: Dropped,
}

impl<'a> Drain<'a> {
    fn ours(cable: &'a Cable) -> Self {
        Self {
            name: "offloaded, offload_nic",
            near: &cable.near,
            far: &cable.far,
            dropped: |far| far.statistics()?.get(stats::XDP_HW_DROP),
        }
    }

    fn veth(cable: &'a Cable) -> Self {
        Self {
            name: "native, veth",
            near: &cable.near,
            far: &cable.far,
            dropped: |far| {
                let statistics = far.statistics()?;
                Ok(statistics
                    .sum(|name| name.starts_with("rx_queue_") && name.ends_with("xdp_drops")))
            },
        }
    }

    fn dummy(dummy: &'a Dummy) -> Self {
        Self {
            name: "no program, dummy",
            near: &dummy.link,
            far: &dummy.link,
            dropped: |link| link.stat("tx", "packets"),
        }
    }

    /// Sends `count` frames; how many were dropped, and the turn that this was.
    fn send(&self, count: u64, source: Source) -> Result<(u64, Turn)> {
        let before = (self.dropped)(self.far)?;
        let mut turn = Turn::of(|| {
            let run = pktgen::run(self.near, count, &source.settings())?;
            Ok((run.sent as f64, run.elapsed))
        })?;
        let dropped = (self.dropped)(self.far)? - before;
        turn.amount = dropped as f64;
        Ok((dropped, turn))
    }

    /// Has each of `count` sources send frames until all of them are known to the program.
    fn fill(&self, count: u32) -> Result<()> {
        let each_once = Source::Each(Addresses::first(count));
        let mut dropped = 0;
        // A ring may overflow in the first pass, in which the program takes longest.
        for _ in 0..5 {
            dropped = self.send(count.into(), each_once)?.0;
            if dropped == u64::from(count) {
                return Ok(());
            }
        }
        bail!(
            "{}: of {count} sources only {dropped} were known in the end",
            self.name
        )
    }

    fn entrant(self, source: Source) -> Entrant<'a> {
        Entrant::new(self.name, move || {
            let (dropped, turn) = self.send(FRAMES, source)?;
            ensure!(
                dropped > FRAMES / 2,
                "of {FRAMES} frames sent only {dropped} met the program"
            );
            Ok(turn)
        })
    }
}

/// How fast each drops everything.
pub(crate) fn everything(marks: &mut Marks) -> Result<()> {
    pktgen::load()?;
    // Longer frames than 1500 play no part; one queue on each side.
    let onic = Cable::onic(1500)?;
    let veth = Cable::veth(1500)?;
    let dummy = Dummy::new()?;
    onic.attach("drop")?;
    veth.attach("drop")?;
    ensure!(
        Attached::of(&onic.far, Mode::Offload)?.is_some(),
        "not offloaded"
    );
    let source = Source::One;
    let entrants = vec![
        Drain::ours(&onic).entrant(source).compared_as("offloaded"),
        Drain::veth(&veth).entrant(source),
        Drain::dummy(&dummy).entrant(source),
    ];
    Contest::of_frames("XDP_DROP", ROUNDS).run(entrants, marks)
}

/// How fast each drops frames from random sources, each of which it looks up in a hash to count it.
pub(crate) fn hits(marks: &mut Marks) -> Result<()> {
    pktgen::load()?;
    let onic = Cable::onic(1500)?;
    let veth = Cable::veth(1500)?;
    let dummy = Dummy::new()?;
    for (object, count) in HITS {
        onic.attach(object)?;
        veth.attach(object)?;
        let drains = [Drain::ours(&onic), Drain::veth(&veth)];
        for drain in &drains {
            drain.fill(count)?;
        }
        let source = Source::Random(Addresses::first(count));
        let [ours, veth_drain] = drains;
        let entrants = vec![
            ours.entrant(source).compared_as("offloaded"),
            veth_drain.entrant(source),
            Drain::dummy(&dummy).entrant(source),
        ];
        let what = format!("a hash of {count} looked up, XDP_DROP");
        Contest::of_frames(&what, ROUNDS).run(entrants, marks)?;
        onic.detach()?;
        veth.detach()?;
    }
    Ok(())
}
