// SPDX-License-Identifier: GPL-2.0

//! The law of the project for classifiers: what one does in the device is what it does as a filter
//! of the host, byte for byte and in order, and every map too.

use anyhow::Result;
use offload_tests::env;
use offload_tests::frames::SHORTEST;
use offload_tests::tc_outcome::{self, nothing, Kind, Prepare, PASSED, REDIRECTED, SENT_BACK};

/// An index that no interface has.
const NOBODY: u32 = 1 << 20;

/// Those that run on kernels with checkers too: heads and tails that move; every way out of the
/// device.
const EVERYWHERE: [&str; 2] = ["tc_resize", "tc_redirect"];

fn equal(object: &str, seed: u64, prepare: Prepare, kinds: &[Kind]) -> Result<()> {
    equal_from(SHORTEST, object, seed, prepare, kinds)
}

/// As [`equal`], with frames of at least `shortest` bytes.
fn equal_from(
    shortest: usize,
    object: &str,
    seed: u64,
    prepare: Prepare,
    kinds: &[Kind],
) -> Result<()> {
    if env::is_left_to_others(object, &EVERYWHERE) {
        return Ok(());
    }
    tc_outcome::equal(shortest, object, seed, prepare, kinds)
}

#[test]
fn verdicts_of_a_classifier() -> Result<()> {
    equal("tc_verdicts", 60, nothing, &[PASSED])
}

#[test]
fn addresses_translated_by_a_classifier() -> Result<()> {
    equal("tc_nat", 61, nothing, &[PASSED])
}

#[test]
fn tags_and_context_of_a_classifier() -> Result<()> {
    // The kernel can't pop the inner tag of a shorter frame: its protocol stays that of a tag, and
    // when it gets to the stack again, the tag is taken for one that has just come in.
    equal_from(24, "tc_tags", 62, nothing, &[PASSED])
}

#[test]
fn frames_resized_by_a_classifier() -> Result<()> {
    equal("tc_resize", 63, nothing, &[PASSED])
}

#[test]
fn classic_loads_of_a_classifier() -> Result<()> {
    equal("tc_ldabs", 64, nothing, &[PASSED])
}

#[test]
fn frames_redirected_by_a_classifier() -> Result<()> {
    let targets: Prepare = |stage, program| {
        for (key, target) in [(0_u32, stage.other.index()?), (1, NOBODY)] {
            let (key, target) = (key.to_le_bytes(), target.to_le_bytes());
            program.map("targets")?.update(&key, &target)?;
        }
        Ok(())
    };
    equal("tc_redirect", 65, targets, &[PASSED, SENT_BACK, REDIRECTED])
}
