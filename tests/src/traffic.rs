// SPDX-License-Identifier: GPL-2.0

//! Traffic beside a test that does something else.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use offload_uapi::stats;

use crate::frames::Frames;
use crate::link::Link;
use crate::wire::Sender;

/// Sends on `link` from a thread of its own, until the interface goes or `work` is done.
/// Frames that can't be sent just then are not minded.
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
            let frames: Vec<_> = (0..200).map(|_| source.next_frame()).collect();
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
