// SPDX-License-Identifier: GPL-2.0

//! The order of flows, and losses, while all that steers them changes.
//!
//! Time goes by numbers: an even one while nothing changes, an odd one during a change. What has been
//! sent before a change that moves its flow may be overtaken by what was sent after it; nothing else
//! may be.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::command::says;
use offload_tests::env;
use offload_tests::frames::{mark_number, MARK_PASS};
use offload_tests::interrupt::Interrupt;
use offload_tests::link::{await_that, Link, Statistics};
use offload_tests::wire::{Capture, Sender};
use offload_uapi::stats;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::packet::{Packet, UDP};

const QUEUES: u32 = 4;
const FLOWS: u16 = 64;
/// The first of them are kept where they are by rules of their own.
const KEPT: u16 = 16;
/// Flows that rules come and go for.
const TO_QUEUE: u16 = 40;
const TO_CONTEXT: u16 = 41;
const DROPPED: u16 = 42;
/// Destination port of the first flow.
const PORT: u16 = 7000;
/// Most frames of a flow at one time, so that the capture has room for all.
const AT_ONCE: usize = 3;
/// For how many nanoseconds frames wait in rings: changes meet some there.
const DEFERRAL: u128 = 50_000_000;

/// Which flows a change may move.
#[derive(Clone, Copy)]
enum Moves {
    Nothing,
    /// All that no rule keeps.
    Others,
    Flow(u16),
}

impl Moves {
    fn moves(self, flow: u16) -> bool {
        match self {
            Self::Nothing => false,
            Self::Others => flow >= KEPT,
            Self::Flow(one) => one == flow,
        }
    }
}

/// When a frame was sent: the time before and after.
type Sent = (usize, usize);

fn frame(flow: u16, number: u32) -> Vec<u8> {
    let [f0, f1] = flow.to_be_bytes();
    let mut frame = Packet::v4(UDP, [9, PORT + flow]).bytes([2, 0, 0, 1, f0, f1]);
    let end = frame.len() - 4;
    frame[end..].copy_from_slice(&number.to_be_bytes());
    frame
}

/// Flow and number of a frame.
fn stamp(frame: &[u8]) -> Option<(u16, u32)> {
    let flow = frame.get(10..)?.first_chunk().copied()?;
    let number = frame.last_chunk().copied()?;
    Some((u16::from_be_bytes(flow), u32::from_be_bytes(number)))
}

/// One frame of each flow after the other, again and again; when each was sent.
fn stream(
    near: &Link,
    time: &AtomicUsize,
    sent_at: &AtomicUsize,
    done: &AtomicBool,
) -> Result<Vec<Vec<Sent>>> {
    let sender = Sender::new(near)?;
    let mut sent = vec![Vec::new(); FLOWS.into()];
    while !done.load(Ordering::SeqCst) {
        let now = time.load(Ordering::SeqCst);
        for _ in 0..AT_ONCE {
            for (flow, sent) in (0..).zip(&mut sent) {
                let before = time.load(Ordering::SeqCst);
                sender.send(&frame(flow, u32::try_from(sent.len())?))?;
                sent.push((before, time.load(Ordering::SeqCst)));
            }
            sent_at.store(now, Ordering::SeqCst);
            thread::yield_now();
        }
        while time.load(Ordering::SeqCst) == now && !done.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }
    Ok(sent)
}

/// What changes what steers, at `far`.
struct Changer<'a> {
    far: &'a Link,
    time: &'a AtomicUsize,
    /// The last time at which a frame of each flow was sent.
    sent_at: &'a AtomicUsize,
    /// What each change so far may have moved: the first one was at time 1, the next at 3.
    changes: Vec<Moves>,
}

impl Changer<'_> {
    /// Makes a change, which may move `moves`.
    fn change<T>(&mut self, moves: Moves, change: impl FnOnce(&Link) -> Result<T>) -> Result<T> {
        self.changes.push(moves);
        self.time.fetch_add(1, Ordering::SeqCst);
        let done = change(self.far);
        let now = self.time.fetch_add(1, Ordering::SeqCst) + 1;
        // Between two changes there is something that the second one meets.
        await_that("a frame of each flow", || {
            Ok(self.sent_at.load(Ordering::SeqCst) >= now)
        })?;
        done
    }

    fn ethtool(&mut self, verb: &str, args: &str, moves: Moves) -> Result<String> {
        self.change(moves, |far| {
            far.cmd(format!("ethtool {verb} {} {args}", far.name)).run()
        })
    }

    /// Has that processor poll `queue`, if there are several: with one there are no affinities.
    fn move_interrupt(&mut self, queue: usize, processor: usize) -> Result<()> {
        let interrupts = Interrupt::of(&self.far.name)?;
        let interrupt = interrupts.get(queue).context("no interrupt")?;
        if interrupt.counts.len() < 2 {
            return Ok(());
        }
        self.change(Moves::Nothing, |_| interrupt.set_affinity(processor))
    }

    fn round(&mut self, rng: &mut ChaCha8Rng) -> Result<()> {
        use Moves::{Flow, Nothing, Others};
        for processor in [1, 0] {
            for queue in 0..2 {
                self.move_interrupt(queue, processor)?;
            }
        }
        let rule = |flow| format!("flow-type udp4 dst-port {} loc {flow}", PORT + flow);
        self.ethtool("-X", "equal 2", Others)?;
        self.ethtool(
            "-N",
            &format!("{} action 1", rule(TO_QUEUE)),
            Flow(TO_QUEUE),
        )?;
        // Which no table and no rule has anything beyond.
        self.ethtool("-L", "combined 2", Nothing)?;
        self.ethtool("-L", &format!("combined {QUEUES}"), Nothing)?;
        let key: Vec<_> = (0..56)
            .map(|_| format!("{:02x}", rng.random::<u8>()))
            .collect();
        self.ethtool("-X", &format!("hkey {}", key.join(":")), Others)?;
        let said = self.ethtool("-X", &format!("context new equal {QUEUES}"), Nothing)?;
        says(&said, &["New RSS context is"])?;
        let context = said.split_whitespace().last().context("no context")?;
        let to_context = format!("{} context {context}", rule(TO_CONTEXT));
        self.ethtool("-N", &to_context, Flow(TO_CONTEXT))?;
        self.ethtool("-X", "weight 1 2 3 4", Others)?;
        self.ethtool(
            "-X",
            &format!("context {context} weight 0 0 0 1"),
            Flow(TO_CONTEXT),
        )?;
        let drop = format!("{} action -1", rule(DROPPED));
        self.ethtool("-N", &drop, Flow(DROPPED))?;
        self.ethtool(
            "-N",
            &format!("{} action 3", rule(TO_QUEUE)),
            Flow(TO_QUEUE),
        )?;
        for flow in [TO_CONTEXT, DROPPED, TO_QUEUE] {
            self.ethtool("-N", &format!("delete {flow}"), Flow(flow))?;
        }
        self.ethtool("-X", &format!("context {context} delete"), Nothing)?;
        self.ethtool("-N", "rx-flow-hash udp4 sd", Others)?;
        self.ethtool("-X", "default", Others)?;
        // Nobody has set the table: it follows.
        self.ethtool("-L", "combined 2", Others)?;
        self.ethtool("-L", &format!("combined {QUEUES}"), Others)?;
        self.ethtool("-N", "rx-flow-hash udp4 sdfn", Others)?;
        Ok(())
    }
}

/// Frames that are counted as lost at either end, but for those that a rule has dropped.
fn lost(near: &Statistics, far: &Statistics) -> u64 {
    let drops = |name: &str| name.ends_with("_drops");
    near.sum(drops) + far.sum(drops)
}

/// No frame of a flow has overtaken another that it may not have overtaken; how many have.
fn overtaken(flow: u16, numbers: &[u32], sent: &[Sent], changes: &[Moves]) -> Result<usize> {
    let mut count = 0;
    for (place, later) in numbers.iter().enumerate() {
        for earlier in numbers[place..].iter().filter(|number| *number < later) {
            let (before, _) = sent[*earlier as usize];
            let (_, after) = sent[*later as usize];
            let mut between = changes.iter().enumerate().filter(|(number, _)| {
                let change = 2 * number + 1;
                before <= change && change <= after
            });
            ensure!(
                between.any(|(_, moves)| moves.moves(flow)),
                "frame {later} of flow {flow}, sent at {after}, has overtaken frame {earlier}, sent at \
                 {before}: nothing has moved it"
            );
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn flows_keep_their_order_through_every_change() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(env::seed()?);
    let cable = Cable::onic_with_queues(QUEUES, 1500)?;
    let (near, far) = (&cable.near, &cable.far);
    far.defer_interrupts(DEFERRAL)?;
    for flow in 0..KEPT {
        let queue = flow % 2;
        let port = PORT + flow;
        let rule = format!("flow-type udp4 dst-port {port} action {queue} loc {flow}");
        far.cmd(format!("ethtool -N {} {rule}", far.name)).run()?;
    }
    let before = (near.statistics()?, far.statistics()?);
    let capture = Capture::of_short(far, "udp or ether proto 0x88b5")?;
    let (time, sent_at) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = AtomicBool::new(false);
    let rounds = if env::is_slow() { 1 } else { 4 };
    let (sent, changes) = thread::scope(|scope| -> Result<_> {
        let traffic = scope.spawn(|| stream(near, &time, &sent_at, &done));
        let mut changer = Changer {
            far,
            time: &time,
            sent_at: &sent_at,
            changes: Vec::new(),
        };
        let changed = (0..rounds).try_for_each(|_| changer.round(&mut rng));
        done.store(true, Ordering::SeqCst);
        let sent = traffic.join().ok().context("the sender panicked")??;
        changed.map(|()| (sent, changer.changes))
    })?;

    // All of what was sent is where it can be counted.
    let count: u64 = sent.iter().map(|sent| sent.len() as u64).sum();
    far.await_that("every frame", |far| {
        let (near, far) = (near.statistics()?, far.statistics()?);
        let arrived = far.since(&before.1, stats::RX_DEVICE_FRAMES)?;
        let dropped = far.since(&before.1, stats::RX_RULE_DROPPED)?;
        Ok(arrived + dropped + lost(&near, &far) - lost(&before.0, &before.1) >= count)
    })?;
    let counters = (near.statistics()?, far.statistics()?);
    let dropped = counters.1.since(&before.1, stats::RX_RULE_DROPPED)?;
    let lost = lost(&counters.0, &counters.1) - lost(&before.0, &before.1);
    // What is counted may still be on its way up, on another processor than a mark's.
    let marks = Sender::new(near)?;
    let (mut frames, mut mark) = (Vec::new(), 0);
    await_that("all that was counted", || {
        mark += 1;
        marks.end_batch(MARK_PASS, mark)?;
        frames.extend(capture.until(|frame| mark_number(MARK_PASS, frame) == Some(mark))?);
        Ok(frames.len() as u64 + lost + dropped >= count)
    })?;
    capture.stop()?;

    let mut arrived = BTreeMap::<u16, Vec<u32>>::new();
    for frame in &frames {
        let (flow, number) = stamp(frame).context("a frame without a stamp")?;
        arrived.entry(flow).or_default().push(number);
    }
    let mut missing = [0, 0];
    let mut moved = 0;
    for (flow, sent) in (0..FLOWS).zip(&sent) {
        let numbers = arrived.remove(&flow).unwrap_or_default();
        let mut once = numbers.clone();
        once.sort_unstable();
        once.dedup();
        ensure!(
            once.len() == numbers.len(),
            "a frame of flow {flow} came twice"
        );
        ensure!(
            once.last().is_none_or(|last| (*last as usize) < sent.len()),
            "a frame of flow {flow} that was not sent"
        );
        missing[usize::from(flow == DROPPED)] += sent.len() as u64 - numbers.len() as u64;
        moved +=
            overtaken(flow, &numbers, sent, &changes).with_context(|| format!("flow {flow}"))?;
    }
    ensure!(arrived.is_empty(), "flows of nobody: {:?}", arrived.keys());
    println!(
        "{count} frames, {} changes: {moved} times a frame has overtaken one from before a change, \
         {lost} lost, {dropped} dropped by a rule",
        changes.len()
    );
    let [of_others, of_dropped] = missing;
    ensure!(
        of_others + of_dropped == lost + dropped,
        "{of_others} and {of_dropped} missing, {lost} counted as lost, {dropped} as dropped"
    );
    ensure!(
        of_others <= lost,
        "{of_others} missing of flows without a rule that drops, {lost} lost"
    );
    ensure!(dropped > 0, "the rule that drops has had nothing to drop");
    Ok(())
}
