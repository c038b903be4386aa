// SPDX-License-Identifier: GPL-2.0

//! What the device's parser finds, in the words of the offload infrastructure.

use engine::parser::{
    Found,
    Verdict,
    STEPS, //
};
use offload::{
    ParseVerdict,
    Parsed, //
};

/// Shows `see` what was `found` in a frame.
pub(crate) fn see_parsed(found: &Found, see: &mut dyn FnMut(&Parsed<'_>)) {
    let mut steps = [0; STEPS * 4];
    let mut len = 0_usize;
    for (place, step) in steps.chunks_exact_mut(4).zip(found.steps()) {
        let [[n0, n1], [o0, o1]] = [step.node, step.offset].map(u16::to_le_bytes);
        place.copy_from_slice(&[n0, n1, o0, o1]);
        len = len.saturating_add(4);
    }
    see(&Parsed {
        verdict: match found.verdict {
            Verdict::Okay => ParseVerdict::Okay,
            Verdict::Fail => ParseVerdict::Fail,
            Verdict::LeftOut => ParseVerdict::LeftOut,
        },
        keys: found.flow_keys(),
        fields: found.device_fields(),
        steps: steps.get(..len).unwrap_or_default(),
    });
}
