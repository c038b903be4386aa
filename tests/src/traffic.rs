// SPDX-License-Identifier: GPL-2.0

//! Traffic beside a test that does something else.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{ensure, Result};
use offload_uapi::stats;

use crate::cable::Cable;
use crate::frames::{mark, mark_number, Frames, MARK_PASS};
use crate::link::Link;
use crate::wire::{Capture, Sender};

/// The Ethernet address of everybody.
const BROADCAST: [u8; 6] = [0xff; 6];

/// Sends on `link` from a thread of its own, until the interface goes or `work` is done: frames for
/// everybody, whoever is at the other end. Frames that can't be sent just then are not minded.
///
/// # Errors
///
/// What `work` gives, or where nothing can be sent on the interface at all.
pub fn under_traffic<T>(link: &Link, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let sender = Sender::new(link)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut source = Frames::new(40, 1500);
            let mut frames: Vec<_> = (0..200).map(|_| source.next_frame()).collect();
            for frame in &mut frames {
                frame[..BROADCAST.len()].copy_from_slice(&BROADCAST);
            }
            while !stop.load(Ordering::Relaxed) {
                for frame in &frames {
                    if sender.send(frame).is_err() {
                        std::thread::yield_now();
                        break;
                    }
                }
            }
        });
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// Sends frames with `ethertype` over `cable` for as long as `work` takes, and some more, and gives
/// what arrived: each of them once, in the order in which it was sent.
///
/// # Errors
///
/// What `work` gives, or where a frame is lost or late.
pub fn each_arrives(
    cable: &Cable,
    ethertype: u16,
    work: impl FnOnce() -> Result<()> + Send,
) -> Result<Vec<Vec<u8>>> {
    let sender = Sender::new(&cable.near)?;
    let capture = Capture::start(&cable.far, "")?;
    let (sent, arrived) = std::thread::scope(|scope| -> Result<_> {
        let worker = scope.spawn(work);
        let (mut sent, mut arrived) = (0, Vec::new());
        loop {
            let is_last = worker.is_finished();
            for _ in 0..50 {
                sender.send(&mark(ethertype, sent))?;
                sent += 1;
            }
            sender.end_batch(MARK_PASS, sent)?;
            arrived.extend(capture.until(|frame| mark_number(MARK_PASS, frame) == Some(sent))?);
            if is_last {
                break;
            }
        }
        worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((sent, arrived))
    })?;
    capture.stop()?;
    let all = arrived.len();
    ensure!(all == sent as usize, "{all} of {sent} arrived");
    for (number, frame) in (0..).zip(&arrived) {
        ensure!(
            mark_number(ethertype, frame) == Some(number),
            "frame {number} is missing or late"
        );
    }
    Ok(arrived)
}

/// Waits until the device behind `link` has taken a few more frames from the cable.
///
/// # Errors
///
/// Where it takes none.
pub fn traffic_flows(link: &Link) -> Result<()> {
    let before = link.statistics()?;
    link.await_that("frames come in", |link| {
        Ok(link.statistics()?.since(&before, stats::RX_DEVICE_FRAMES)? > 20)
    })
}
