// SPDX-License-Identifier: GPL-2.0

//! The audit of a parser: of some frames, what the kernel finds in them beside what the device does.

use crate::{
    audit::Audit,
    parser::{
        fields_of,
        kernel_verdict,
        ParseVerdict,
        Parsed, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use net::flow_dissector::{
    Dissected,
    KEYS, //
};
use offload_uapi::netlink::DEVICE_FIELDS;
use parse_graph::agree::{
    self,
    Keys, //
};

/// Bytes of a frame that are looked at, at most.
pub const AUDITED: usize = 512;

/// A frame in which a device and the kernel have not found the same.
pub struct Difference {
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

impl Audit<Difference> {
    /// Compares what `device` and `kernel` have found in `frame`, or in its first bytes. Context: softirq, in
    /// the read side of RCU since [`Self::is_due`] was asked.
    pub fn compare(&self, frame: &[u8], device: &Parsed<'_>, kernel: &Dissected) {
        self.count_audited();
        if device.verdict == ParseVerdict::LeftOut {
            self.count_left_out();
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
        self.count_different(|| kept(frame, device, kernel));
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
