// SPDX-License-Identifier: GPL-2.0

//! The audit of a parser: of some frames, what the kernel finds in them beside what the device does.

use crate::parser::{
    fields_of,
    kernel_verdict,
    ParseVerdict,
    Parsed, //
};
use core::sync::atomic::{
    AtomicBool,
    AtomicU32,
    AtomicU64,
    Ordering, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::{
    flow_dissector::{
        Dissected,
        KEYS, //
    },
    netdev::Rtnl,
    rcu, //
};
use offload_uapi::netlink::DEVICE_FIELDS;
use parse_graph::agree::{
    self,
    Keys, //
};

/// Bytes of a frame that are looked at, at most.
pub const AUDITED: usize = 512;

/// Of which frames the kernel is asked, and what has come of it.
#[derive(Default)]
pub struct Audit {
    /// Of so many frames one is looked at; 0 for none. Written under RTNL, as the next one.
    one_in: AtomicU32,
    /// Whether a difference ends the permission.
    ends_permission: AtomicBool,
    /// Whether one has. Set by polls, and cleared under RTNL.
    has_ended: AtomicBool,
    /// Frames that have gone by.
    passed: AtomicU32,
    audited: AtomicU64,
    left_out: AtomicU64,
    different: AtomicU64,
    /// The first frame that they do not agree on. Filled by polls, and emptied under RTNL.
    first: rcu::Slot<Difference>,
}

/// What was counted, and how the audit is set.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) one_in: u32,
    pub(crate) ends_permission: bool,
    pub(crate) has_ended: bool,
    pub(crate) audited: u64,
    pub(crate) left_out: u64,
    pub(crate) different: u64,
}

/// A frame in which a device and the kernel have not found the same.
pub(crate) struct Difference {
    /// Its first bytes.
    pub(crate) frame: KVec<u8>,
    verdict: ParseVerdict,
    keys: [u8; KEYS],
    fields: [u8; DEVICE_FIELDS],
    steps: KVec<u8>,
    pub(crate) kernel: Dissected,
}

impl Difference {
    /// What the device has found.
    pub(crate) fn device(&self) -> Parsed<'_> {
        Parsed {
            verdict: self.verdict,
            keys: self.keys,
            fields: self.fields,
            steps: &self.steps,
        }
    }
}

impl Audit {
    /// Begins anew: of `one_in` frames one is looked at, or none for 0, and a difference ends the permission
    /// or does not.
    pub(crate) fn set(&self, one_in: u32, ends_permission: bool, _rtnl: &Rtnl<'_>) {
        self.one_in.store(0, Ordering::Relaxed);
        // No poll is at it any more.
        rcu::synchronize_net();
        self.first.replace(None);
        for count in [&self.audited, &self.left_out, &self.different] {
            count.store(0, Ordering::Relaxed);
        }
        self.has_ended.store(false, Ordering::Relaxed);
        self.ends_permission
            .store(ends_permission, Ordering::Relaxed);
        self.one_in.store(one_in, Ordering::Relaxed);
    }

    /// What there is to tell.
    pub(crate) fn told(&self, _rtnl: &Rtnl<'_>) -> Told {
        Told {
            one_in: self.one_in.load(Ordering::Relaxed),
            ends_permission: self.ends_permission.load(Ordering::Relaxed),
            has_ended: self.has_ended(),
            audited: self.audited.load(Ordering::Relaxed),
            left_out: self.left_out.load(Ordering::Relaxed),
            different: self.different.load(Ordering::Relaxed),
        }
    }

    /// The first frame that they do not agree on.
    pub(crate) fn first(&self) -> Option<Arc<Difference>> {
        self.first.load_arc(&rcu::Guard::new())
    }

    /// Whether a difference has ended the permission. Any context.
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Whether the frame that goes by is one to be looked at. Context: softirq, several at once.
    #[inline]
    pub fn is_due(&self) -> bool {
        let one_in = self.one_in.load(Ordering::Relaxed);
        one_in != 0 && self.counts_off(one_in)
    }

    #[cold]
    fn counts_off(&self, one_in: u32) -> bool {
        let passed = self.passed.fetch_add(1, Ordering::Relaxed);
        passed.checked_rem(one_in) == Some(0)
    }

    /// Compares what `device` and `kernel` have found in `frame`, or in its first bytes. Context: softirq, in
    /// the read side of RCU since [`Self::is_due`] was asked.
    pub fn compare(&self, frame: &[u8], device: &Parsed<'_>, kernel: &Dissected) {
        self.audited.fetch_add(1, Ordering::Relaxed);
        if device.verdict == ParseVerdict::LeftOut {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let verdict = kernel_verdict(kernel);
        let there = Keys {
            flow_keys: &device.keys,
            device: &device.fields,
        };
        let fields = fields_of(kernel);
        let here = Keys {
            flow_keys: &kernel.keys,
            device: &fields,
        };
        let mut fields = agree::different(there, here, kernel.by_program);
        if device.verdict == verdict && fields.next().is_none() {
            return;
        }
        if self.different.fetch_add(1, Ordering::Relaxed) == 0 {
            if let Ok(difference) = kept(frame, device, kernel) {
                // Who was first has it.
                let _ = self.first.fill(difference);
            }
        }
        if self.ends_permission.load(Ordering::Relaxed) {
            self.has_ended.store(true, Ordering::Relaxed);
        }
    }
}

fn kept(frame: &[u8], device: &Parsed<'_>, kernel: &Dissected) -> Result<Arc<Difference>> {
    let gfp = GFP_ATOMIC | __GFP_NOWARN;
    let [mut bytes, mut steps] = [KVec::new(), KVec::new()];
    bytes.extend_from_slice(frame, gfp)?;
    steps.extend_from_slice(device.steps, gfp)?;
    let difference = Difference {
        frame: bytes,
        verdict: device.verdict,
        keys: device.keys,
        fields: device.fields,
        steps,
        kernel: *kernel,
    };
    Ok(Arc::new(difference, gfp)?)
}
