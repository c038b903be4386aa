// SPDX-License-Identifier: GPL-2.0

//! The audit of frames that a device has put together: what the kernel's segmentation makes of one is to be,
//! byte for byte, what was on the wire.

use crate::audit::{
    Audit,
    Told, //
};
use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    netdev::Rtnl,
    skbuff::Chain, //
};
use offload_uapi::netlink::MAX_CUT;

/// Of which super-frames those are compared that they were, and what has come of it.
#[derive(Default)]
pub struct GroAudit {
    audit: Audit<CutDifference>,
    /// Those that GRO itself would not give back.
    lossy: AtomicU64,
}

/// One that a device has put together.
pub struct SuperFrame<'a> {
    /// Its first bytes, with all headers.
    pub bytes: &'a [u8],
    /// Whether its own headers are true: segmentation makes some of what they say anew.
    pub is_complete: bool,
    /// Tells of a frame on the wire, and of what was cut, whether they differ in no more than GRO itself loses.
    pub is_same_to_gro: fn(&[u8], &[u8]) -> bool,
}

/// A super-frame that is not cut into what was on the wire.
#[derive(Default)]
pub(crate) struct CutDifference {
    /// Frames on the wire.
    pub(crate) frames: u32,
    /// Frames that were cut.
    pub(crate) segments: u32,
    /// Why it can't be cut: a positive error number, or 0.
    pub(crate) error: u32,
    /// Whether what comes out is the same, but its own headers are not true: then what is kept as cut is
    /// itself.
    pub(crate) is_untrue: bool,
    /// Which one is the first that is different, from 0 on.
    pub(crate) index: u32,
    /// Which of its bytes is.
    pub(crate) offset: u32,
    /// It as it was on the wire; empty if there is none of that number.
    pub(crate) wire: Kept,
    /// It as it is cut.
    pub(crate) cut: Kept,
}

/// What is kept of a frame.
#[derive(Default)]
pub(crate) struct Kept {
    /// Its first bytes.
    pub(crate) bytes: KVec<u8>,
    /// Its length.
    pub(crate) len: u32,
}

impl Kept {
    fn of(frame: &[u8]) -> Result<Self> {
        let mut bytes = KVec::new();
        let first = frame.get(..MAX_CUT).unwrap_or(frame);
        bytes.extend_from_slice(first, GFP_ATOMIC | __GFP_NOWARN)?;
        // CAST: A frame is shorter than 4 GiB.
        let len = frame.len() as u32;
        Ok(Self { bytes, len })
    }
}

impl GroAudit {
    /// As [`Audit::set`].
    pub(crate) fn set(&self, one_in: u32, ends_permission: bool, rtnl: &Rtnl<'_>) {
        // What is counted meanwhile is counted of the audit that ends.
        self.audit.set(0, ends_permission, rtnl);
        self.lossy.store(0, Ordering::Relaxed);
        self.audit.set(one_in, ends_permission, rtnl);
    }

    /// What there is to tell, and how many were such that GRO itself would not give them back.
    pub(crate) fn told(&self, rtnl: &Rtnl<'_>) -> (Told, u64) {
        (self.audit.told(rtnl), self.lossy.load(Ordering::Relaxed))
    }

    /// The first one that is not cut into what was on the wire.
    pub(crate) fn first(&self) -> Option<Arc<CutDifference>> {
        self.audit.first()
    }

    /// Whether a difference has ended the permission to put frames together. Any context.
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.audit.has_ended()
    }

    /// Whether any are compared. Any context.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.audit.is_on()
    }

    /// Whether the frames of the one that begins are to be kept. Context: softirq, several at once.
    pub fn is_due(&self) -> bool {
        self.audit.is_due()
    }

    /// One that was due is not compared, as there is no memory for that. Context: softirq.
    pub fn leave_out(&self) {
        self.audit.count_left_out();
    }

    /// Compares what was on the `wire` with what the kernel's segmentation makes of the one that was put
    /// together of it. Whether that may go up as it is: if not, what was on the wire has to. Context: softirq,
    /// in the read side of RCU.
    pub fn compare<'a>(
        &self,
        wire: &mut dyn Iterator<Item = &'a [u8]>,
        made: &SuperFrame<'_>,
        cut: Result<Chain<()>>,
    ) -> bool {
        if !self.is_on() {
            // Its audit has ended while it waited.
            return true;
        }
        let mut cut = match cut {
            Ok(cut) => cut,
            Err(error) if error == ENOMEM => {
                self.leave_out();
                return true;
            }
            Err(error) => {
                self.audit.count_audited();
                self.differ(|difference| {
                    difference.error = error.to_errno().unsigned_abs();
                    difference.wire = Kept::of(wire.next().unwrap_or_default())?;
                    difference.frames = count(wire).saturating_add(1);
                    Ok(())
                });
                return false;
            }
        };
        self.audit.count_audited();
        let (mut index, mut is_lossy, mut first) = (0_u32, false, None);
        loop {
            let (frame, segment) = (wire.next(), cut.next());
            if frame.is_none() && segment.is_none() {
                break;
            }
            // What was cut without any help of a device lies in one piece.
            let bytes = segment.as_ref().map(|segment| segment.linear());
            match (frame, bytes) {
                (Some(frame), Some(bytes)) if frame == bytes => {}
                (Some(frame), Some(bytes)) if (made.is_same_to_gro)(frame, bytes) => {
                    is_lossy = true
                }
                (frame, bytes) => {
                    self.differ(|difference| {
                        let (frames, segments) = (frame.is_some().into(), bytes.is_some().into());
                        let (frame, bytes) = (frame.unwrap_or_default(), bytes.unwrap_or_default());
                        let before = index;
                        difference.index = index;
                        difference.offset = same(frame, bytes);
                        difference.wire = Kept::of(frame)?;
                        difference.cut = Kept::of(bytes)?;
                        let all = |one: u32, more| before.saturating_add(one).saturating_add(more);
                        difference.frames = all(frames, count(wire));
                        difference.segments = all(segments, count(&mut cut));
                        Ok(())
                    });
                    return false;
                }
            }
            first = first.or(frame);
            index = index.saturating_add(1);
        }
        if !made.is_complete {
            self.differ(|difference| {
                let first = first.unwrap_or_default();
                difference.is_untrue = true;
                (difference.frames, difference.segments) = (index, index);
                difference.offset = same(first, made.bytes);
                difference.wire = Kept::of(first)?;
                difference.cut = Kept::of(made.bytes)?;
                Ok(())
            });
            return false;
        }
        if is_lossy {
            self.lossy.fetch_add(1, Ordering::Relaxed);
        }
        !is_lossy
    }

    /// Counts a difference, of which `tell` tells if it is the first one.
    fn differ(&self, tell: impl FnOnce(&mut CutDifference) -> Result) {
        self.audit.count_different(|| {
            let mut difference = CutDifference::default();
            tell(&mut difference)?;
            Ok(Arc::new(difference, GFP_ATOMIC | __GFP_NOWARN)?)
        });
    }
}

/// How many are left.
fn count<T>(all: &mut dyn Iterator<Item = T>) -> u32 {
    all.fold(0, |count, _| count.saturating_add(1))
}

/// How many bytes are the same before one is not.
fn same(one: &[u8], other: &[u8]) -> u32 {
    let same = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other);
    // CAST: A frame is shorter than 4 GiB.
    same.count() as u32
}
