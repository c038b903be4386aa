// SPDX-License-Identifier: GPL-2.0

//! Interrupts: one for each queue pair, on the processor that the user names, and as often as he wants.

use std::collections::BTreeSet;

use anyhow::{ensure, Context, Result};
use offload_tests::command::{says, Cmd};
use offload_tests::interrupt::Interrupt;
use offload_tests::kmsg::Moment;
use offload_tests::link::await_that;
use offload_uapi::limits;

use crate::packet::{Packet, UDP};
use crate::stand::Stand;

const QUEUES: u32 = 4;
/// How many frames are sent at once.
const FRAMES: u16 = 128;

/// A burst of frames for queue 1, by a rule.
fn burst(stand: &Stand) -> Result<Vec<Packet>> {
    stand
        .ethtool("-N", "flow-type udp4 dst-port 7000 action 1 loc 1")
        .run()?;
    Ok(vec![Packet::v4(UDP, [9, 7000]); FRAMES.into()])
}

#[test]
fn a_queue_is_polled_where_its_interrupt_is_handled() -> Result<()> {
    let mut stand = Stand::new(QUEUES)?;
    let far = stand.cable.far.name.clone();
    let interrupts = Interrupt::of(&far)?;
    let names: Vec<_> = interrupts.iter().map(|one| one.name.clone()).collect();
    let expected: Vec<_> = (0..QUEUES)
        .map(|queue| format!("{far}-TxRx-{queue}"))
        .collect();
    ensure!(names == expected, "{names:?}");
    let numbers: BTreeSet<_> = interrupts.iter().map(|one| one.number).collect();
    ensure!(numbers.len() == names.len(), "{interrupts:?}");
    // The core knows them.
    let shown = stand.ethtool("-l", "").run()?;
    says(&shown, &["Combined"])?;

    let frames = burst(&stand)?;
    let processors = interrupts[1].counts.len();
    if processors < 2 {
        stand.processors(&frames)?;
        let after = Interrupt::of(&far)?;
        ensure!(after[1].total() > interrupts[1].total(), "{after:?}");
        println!("one processor: where interrupts are handled can't be chosen");
        return Ok(());
    }
    for processor in (0..processors).chain([0]) {
        interrupts[1].set_affinity(processor)?;
        // One that was raised before may still have been under way to the other.
        stand.processors(&frames)?;
        let before = Interrupt::of(&far)?;
        let seen = stand.processors(&frames)?;
        ensure!(
            seen == BTreeSet::from([u32::try_from(processor)?]),
            "interrupts go to processor {processor}, frames were taken in by {seen:?}"
        );
        let after = Interrupt::of(&far)?;
        for (number, (before, after)) in before[1].counts.iter().zip(&after[1].counts).enumerate() {
            let has_handled = after > before;
            ensure!(
                has_handled == (number == processor),
                "processor {number} has handled {} interrupts that go to {processor}",
                after - before
            );
        }
    }
    // It stays so while the interface and the queue are away.
    let port = &stand.cable.far;
    interrupts[1].set_affinity(1)?;
    // The core notes what the user wants in a work of its own, which a queue that goes away cancels.
    let note = || Ok(port.cmd("true").run().is_ok() && interrupts[1].affinity()? == "1");
    await_that("the affinity", note)?;
    stand.processors(&frames)?;
    port_goes_and_comes(&stand)?;
    let again = Interrupt::of(&far)?;
    ensure!(
        again.len() == names.len() && again[1].affinity()? == "1",
        "{again:?}: {}",
        again[1].affinity()?
    );
    Ok(())
}

/// Takes queues away and brings them back, and then the interface.
fn port_goes_and_comes(stand: &Stand) -> Result<()> {
    let port = &stand.cable.far;
    stand.ethtool("-N", "delete 1").run()?;
    stand.ethtool("-L", "combined 1").run()?;
    ensure!(
        Interrupt::of(&port.name)?.len() == 1,
        "they are still there"
    );
    stand.ethtool("-L", &format!("combined {QUEUES}")).run()?;
    port.set("down").run()?;
    ensure!(
        Interrupt::of(&port.name)?.is_empty(),
        "they are still there"
    );
    port.set("up").run()?;
    port.await_carrier()
}

impl Stand {
    /// How many interrupts queue 1 has for `frames`.
    fn interrupts(&mut self, frames: &[Packet]) -> Result<u64> {
        let total =
            |stand: &Self| Ok::<_, anyhow::Error>(Interrupt::of(&stand.cable.far.name)?[1].total());
        let before = total(self)?;
        self.send(frames)?;
        Ok(total(self)? - before)
    }

    /// `ethtool -c`, of one queue if `queue` says so.
    fn coalescing(&self, queue: &str) -> Result<(String, String)> {
        let far = &self.cable.far;
        let line = match queue {
            "" => format!("ethtool -c {}", far.name),
            queue => format!("ethtool -Q {} queue_mask {queue} --show-coalesce", far.name),
        };
        let text = far.cmd(line).run()?;
        let value = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found
                .map(|value| value.trim().to_owned())
                .with_context(|| format!("no {name} in {text}"))
        };
        Ok((value("rx-usecs:")?, value("rx-frames:")?))
    }

    /// Has queue 1 alone moderated.
    fn moderate(&self, args: &str) -> Cmd {
        let far = &self.cable.far;
        far.cmd(format!(
            "ethtool -Q {} queue_mask 0x2 --coalesce {args}",
            far.name
        ))
    }
}

#[test]
fn an_interrupt_stands_for_several_frames() -> Result<()> {
    let mut stand = Stand::new(QUEUES)?;
    let frames = burst(&stand)?;
    let pair = |usecs: u32, count: u32| (usecs.to_string(), count.to_string());
    ensure!(
        stand.coalescing("")? == pair(0, 1),
        "{:?}",
        stand.coalescing("")?
    );

    // Each of these waits for others, or for as long as it may.
    let longest = limits::MAX_COALESCED_USECS;
    stand
        .moderate(&format!("rx-usecs {longest} rx-frames 64"))
        .run()?;
    ensure!(
        stand.coalescing("0x2")? == pair(longest, 64),
        "{:?}",
        stand.coalescing("0x2")?
    );
    ensure!(
        stand.coalescing("0x1")? == pair(0, 1),
        "{:?}",
        stand.coalescing("0x1")?
    );
    let few = stand.interrupts(&frames)?;
    ensure!(
        (1..=u64::from(FRAMES) / 4).contains(&few),
        "{few} interrupts for {FRAMES} frames"
    );
    // One that comes alone does not wait for ever.
    ensure!(
        stand.interrupts(&frames[..1])? == 1,
        "a frame without an interrupt"
    );

    // All of them, at any time.
    stand.ethtool("-C", "rx-usecs 30 rx-frames 0").run()?;
    for queue in ["0x1", "0x2", "0x8"] {
        ensure!(stand.coalescing(queue)? == pair(30, 0), "queue {queue}");
    }
    stand.interrupts(&frames)?;

    // What can't be, and nothing of it is done.
    let too_long = format!("{}", longest + 1);
    let too_many = format!("{}", limits::MAX_COALESCED_FRAMES + 1);
    for (args, words) in [
        (
            "adaptive-rx on".to_owned(),
            ["adaptive-rx", "not supported"],
        ),
        (format!("rx-usecs {too_long}"), [too_long.as_str(), "65535"]),
        (format!("rx-frames {too_many}"), [too_many.as_str(), "8192"]),
        (
            "rx-usecs 0 rx-frames 8".to_owned(),
            ["rx-usecs 0", "rx-frames 1"],
        ),
        (
            "rx-usecs 0 rx-frames 0".to_owned(),
            ["rx-usecs 0", "rx-frames 1"],
        ),
    ] {
        says(&stand.ethtool("-C", &args).refused()?, &words)?;
        let moment = Moment::now()?;
        // What it says is in the log alone, and it does not fail.
        let said = stand.moderate(&args).output()?.stderr();
        says(&said, &["Cannot set"])?;
        says(&moment.log()?, &words)?;
        ensure!(
            stand.coalescing("0x2")? == pair(30, 0),
            "{args}: something has changed"
        );
    }
    stand.ethtool("-C", "rx-usecs 0 rx-frames 1").run()?;
    let all = stand.interrupts(&frames)?;
    println!("{FRAMES} frames: {few} interrupts moderated, {all} not");
    Ok(())
}
