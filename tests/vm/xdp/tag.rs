// SPDX-License-Identifier: GPL-2.0

//! VLAN tags that the device takes out of frames, and tells native programs of that ask.

use anyhow::{ensure, Result};
use offload_tests::bpf::{may_ask, Attached};
use offload_tests::cable::Cable;
use offload_tests::compiled::Compiled;
use offload_tests::frames::{mark_number, tagged, MARK_PASS};
use offload_tests::wire::{Capture, Sender};

const ENODATA: u64 = 61;
/// The EtherType that `tests/vlan/tag.bpf.c` looks for.
const TEST: u16 = 0x88b8;

#[test]
fn native_programs_are_told_of_tags() -> Result<()> {
    if !may_ask("native_programs_are_told_of_tags") {
        return Ok(());
    }
    let cable = Cable::onic_native(3500)?;
    let program = Compiled::bpf("tag", include_str!("../../vlan/tag.bpf.c"))?;
    let noted = Attached::asking(&cable.far, &program)?.map("noted")?;
    let (sender, capture) = (Sender::new(&cable.near)?, Capture::start(&cable.far, "")?);
    let features = |word: &str| {
        let name = &cable.far.name;
        let line =
            format!("ethtool -K {name} rx-vlan-hw-parse {word} rx-vlan-stag-hw-parse {word}");
        cable.far.cmd(line).run()
    };
    let customer = [0x8100, 0x2007];
    let service = [0x88a8, 0x0fff];
    for word in ["on", "off"] {
        features(word)?;
        for tags in [&[customer][..], &[service], &[service, customer], &[]] {
            for len in [60, 3000] {
                let sent = tagged([2, 0, 0, 0, 0, 1], tags, TEST, len);
                sender.send(&sent)?;
                sender.end_batch(MARK_PASS, 0)?;
                let passed = capture.until(|frame| mark_number(MARK_PASS, frame).is_some())?;
                // The tag is beside the frame now, or was all the time.
                ensure!(passed == [sent], "{tags:?}, {word}: {passed:02x?}");
                let words = noted.words(&[0; 4])?;
                let inner = tags.get(1).map_or(TEST, |tag| tag[0]);
                let expected = match tags.first() {
                    Some([protocol, tci]) if word == "on" => {
                        [0, u64::from(*protocol), u64::from(*tci), inner.into()]
                    }
                    outermost => {
                        let first = outermost.map_or(TEST, |tag| tag[0]);
                        [ENODATA, 0, 0, first.into()]
                    }
                };
                // Behind two tags that stay the program finds nothing of the test's.
                if word == "off" && tags.len() == 2 {
                    continue;
                }
                ensure!(words == expected, "{tags:?}, {word}, {len}: {words:x?}");
            }
        }
    }
    Ok(())
}
