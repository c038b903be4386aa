// SPDX-License-Identifier: GPL-2.0

//! Completion of what was sent: it waits as long as the sender's own NAPI settings want it to, and
//! no longer than until the rings or the port are set up anew.

use anyhow::{ensure, Context, Result};
use offload_tests::cable::Cable;
use offload_tests::frames::{mark, MARK_PASS};
use offload_tests::link::{Link, PATIENCE};
use offload_tests::wire::Sender;
use offload_uapi::limits::MIN_RING;
use offload_uapi::stats;

/// Frames in a burst: several times what the smallest ring holds, and little enough for a socket's
/// buffer.
const BURST: u32 = 200;

/// Frames that wait in the queueing discipline of `link`.
fn backlog(link: &Link) -> Result<u64> {
    let show = format!("tc -s -j qdisc show dev {}", link.name);
    let list = link.cmd(show).json()?;
    let lengths = list.as_array().context("no list")?.iter();
    Ok(lengths.filter_map(|each| each["qlen"].as_u64()).sum())
}

fn set_ring(link: &Link, frames: u32) -> Result<()> {
    let set = format!("ethtool -G {} tx {frames}", link.name);
    link.cmd(set).run().map(drop)
}

/// Sends [`BURST`] frames without waiting for one of them.
fn send_burst(link: &Link) -> Result<()> {
    let sender = Sender::new(link)?;
    (0..BURST).try_for_each(|number| sender.send(&mark(MARK_PASS, number)))
}

#[test]
fn completions_wait_for_the_senders_interrupt() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    set_ring(near, MIN_RING)?;
    // Nothing of what is waited for below comes of a timer.
    near.defer_interrupts(10 * PATIENCE.as_nanos())?;
    send_burst(near)?;
    let received = || far.statistics()?.get(stats::RX_DEVICE_FRAMES);
    near.await_that("a backlog that stays", |near| {
        let waiting = backlog(near)?;
        Ok(waiting > 0 && received()? + waiting == u64::from(BURST))
    })?;
    // A full ring was completed at once, the next one was not.
    let out = received()?;
    let ring = u64::from(MIN_RING);
    ensure!((ring..=2 * ring).contains(&out), "{out} frames came");
    let wakes = near.statistics()?.get(stats::TX_QUEUE_WAKES)?;

    set_ring(near, 4 * BURST)?;
    far.await_that("the rest of the burst", |_| {
        Ok(received()? == u64::from(BURST))
    })?;
    ensure!(backlog(near)? == 0, "{} frames wait", backlog(near)?);
    let woken = near.statistics()?.get(stats::TX_QUEUE_WAKES)?;
    ensure!(woken > wakes, "the queue was woken {woken} times");
    Ok(())
}

#[test]
fn deferred_interrupts_end_with_the_port() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let (near, far) = (&cable.near, &cable.far);
    set_ring(near, MIN_RING)?;
    near.defer_interrupts(10 * PATIENCE.as_nanos())?;
    send_burst(near)?;
    near.await_that("a backlog", |near| Ok(backlog(near)? > 0))?;
    near.set("down").run()?;
    near.defer_interrupts(0)?;
    near.set("up").run()?;
    near.await_carrier()?;
    let before = far.statistics()?.get(stats::RX_DEVICE_FRAMES)?;
    send_burst(near)?;
    far.await_that("a burst that does not stall", |far| {
        let now = far.statistics()?.get(stats::RX_DEVICE_FRAMES)?;
        Ok(now - before == u64::from(BURST))
    })
}
